"""What a cassette holds: exchanges, each a request and what came back, with its times.

Times are whole microseconds since the request had been read. A recording is the bytes as they were
read, so that nothing has to be guessed when it is played; the file shows the same in parts
(`text`), and frames and kinds are read from it when they are wanted (`playing`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args
from urllib.parse import unquote

from mockllm.cassettes.response import Part, ResponseReader

VERSION = 1
"""The version of the format that is written, and the newest that is read."""

Ending = Literal["complete", "fin", "rst", "open", "refused", "timeout", "unresolved", "tls"]
"""How the response ended.

`complete`: whole, as its framing says, or by the end of the connection where that is its framing.
`fin`, `rst`: the connection was closed or reset before. `open`: the client left first. The others
came before there was a connection: it was refused, did not come about in time, the name has no
address, or there was no TLS handshake.
"""
ENDINGS: tuple[Ending, ...] = get_args(Ending)


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes that came at one time."""

    at: int
    data: bytes


@dataclass(frozen=True)
class Recording:
    """A response: its bytes, when they came, and how it ended."""

    pieces: tuple[Piece, ...]
    ending: Ending
    ended: int
    method: str = "POST"
    """The request's: the answer to HEAD has no body."""

    def told(self) -> Iterator[tuple[int, Part]]:
        """The response told apart, each part with its time, as they are asked for; of a head that came
        in several reads each of them."""
        yield from tell(self.pieces, ResponseReader(self.method), torn=True)

    @cached_property
    def _told(self) -> tuple[tuple[tuple[int, Part], ...], ResponseReader]:
        reader = ResponseReader(self.method)
        return tuple(tell(self.pieces, reader)), reader

    @property
    def parts(self) -> tuple[tuple[int, Part], ...]:
        """All parts of the response, each with its time."""
        return self._told[0]

    @property
    def reader(self) -> ResponseReader:
        """What has read it all: head and framing."""
        return self._told[1]


def tell(
    pieces: Iterable[Piece], reader: ResponseReader, *, torn: bool = False
) -> Iterator[tuple[int, Part]]:
    """The parts of what came, which a reader tells apart.

    With `torn` the reads of a head are parts, where it came in several; else it is one, when its last
    byte came.
    """
    held: list[Piece] = []
    for piece in pieces:
        found = reader.feed(piece.data)
        if not found:  # the beginning of a head
            held.append(piece)
        for part in found:
            if torn and held:
                yield from ((one.at, Part("raw", one.data)) for one in held)
                before = sum(len(one.data) for one in held)
                part = Part("raw", part.raw[before:], part.data)
            held = []
            yield piece.at, part
        if found and reader.rest:  # another head begins behind an interim one
            held = [Piece(piece.at, reader.rest)]
    if held and torn:
        yield from ((one.at, Part("raw", one.data)) for one in held)
    elif held:  # a head that was never whole
        yield held[-1].at, Part("raw", reader.rest)


def merged(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces, those of one time put together, and none that is empty."""
    out: list[Piece] = []
    for piece in pieces:
        if out and out[-1].at == piece.at:
            out[-1] = Piece(piece.at, out[-1].data + piece.data)
        elif piece.data:
            out.append(piece)
    return tuple(out)


@dataclass(frozen=True)
class Request:
    """A request as it was read; credentials are redacted."""

    method: str
    target: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    time: str = ""
    """When it had been read, in UTC."""

    @property
    def path(self) -> str:
        """The target without its query, as matchers see it."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def data(self) -> Any:
        """The JSON body; None where it is none."""
        return parsed(self.body)

    @property
    def model(self) -> str | None:
        """The model that was asked for."""
        model = self.data.get("model") if isinstance(self.data, Mapping) else None
        return model if isinstance(model, str) else None


def parsed(body: bytes) -> Any:
    """A JSON document; None where it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came back."""

    request: Request
    recording: Recording
    line: int = 0
    """Where it stands in its file; 0 where it is in none."""


@dataclass(frozen=True)
class Cassette:
    """A file of exchanges, in the order in which they ended."""

    exchanges: tuple[Exchange, ...] = ()
    upstream: str = ""
    wire: str = ""
    redacted: tuple[str, ...] = ()
    """Paths into the bodies of requests whose values are `***`."""
    file: str = ""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    torn: int | None = field(default=None, compare=False)
    """Where in the text, in characters, an exchange begins that was not written to its end."""

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self.exchanges)


class CassetteError(Exception):
    """A cassette that cannot be used; `problems` say where, what was expected, what to do."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))
