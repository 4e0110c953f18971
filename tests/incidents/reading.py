"""What a raw reader makes of a response: head, body, events, and how the connection ended.

It knows HTTP/1.1 and event streams, and nothing of mockllm.
"""

from __future__ import annotations

import json
import re
import socket
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.server.raw import GUARD

INTERIM = re.compile(rb"HTTP/1\.1 1\d\d [^\r]*\r\n(?:[^\r]+\r\n)*\r\n")
LINE = re.compile(rb"\r\n|\n|\r")


@dataclass
class Stream:
    """One connection and what has come on it."""

    sock: socket.socket
    data: bytearray = field(default_factory=bytearray)
    ending: str = ""
    """fin or rst; nothing while it is open."""
    used: int = field(default=0)
    """How much of the data belongs to responses before this one."""

    def send(self, data: bytes) -> None:
        """A request, or a part of it; a peer that is gone shows when reading."""
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError):
            self.read()

    def read(self, *, wait: bool = False) -> None:
        """All that has come; with `wait`, at least one part or the end."""
        while not self.ending:
            self.sock.settimeout(GUARD if wait else 0.0)
            wait = False
            try:
                part = self.sock.recv(1 << 20)
            except BlockingIOError:
                return
            except ConnectionResetError:
                self.ending = "rst"
                return
            self.data += part
            if not part:
                self.ending = "fin"

    def read_to_end(self, *, complete: bool) -> None:
        """Until the connection ends, or a response is complete."""
        while not self.ending and not (complete and self.complete):
            self.read(wait=True)

    @property
    def complete(self) -> bool:
        """Whether the response is; bodies in chunks are looked at when they may be."""
        response = self.response
        return (not response.chunked or self.data.endswith(b"0\r\n\r\n")) and response.complete

    @property
    def response(self) -> Response:
        """What has come of the present response."""
        return Response(bytes(self.data[self.used :]))


@dataclass(frozen=True)
class Response:
    """The bytes of one response, from its status line or an interim one on."""

    data: bytes

    @property
    def interim(self) -> list[int]:
        """The interim statuses in front."""
        found, rest = [], self.data
        while match := INTERIM.match(rest):
            found.append(int(match[0][9:12]))
            rest = rest[match.end() :]
        return found

    @property
    def final(self) -> bytes:
        """The final response."""
        rest = self.data
        while match := INTERIM.match(rest):
            rest = rest[match.end() :]
        return rest

    @property
    def head(self) -> str:
        """Status line and headers."""
        return self.final.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def status(self) -> int:
        """The final status; 0 for none."""
        return int(self.head[9:12] or 0)

    def headers(self, name: str) -> list[str]:
        """The values of a header."""
        pairs = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return [value.strip() for key, _, value in pairs if key.lower() == name]

    @property
    def after_head(self) -> bytes:
        """The body as it is on the wire."""
        return self.final.partition(b"\r\n\r\n")[2]

    @property
    def chunked(self) -> bool:
        """Whether the body is in chunks."""
        return "chunked" in self.headers("transfer-encoding")

    def chunks(self) -> Iterator[bytes]:
        """The whole chunks that have come; the empty one is the last."""
        rest = self.after_head
        while b"\r\n" in rest:
            size, _, rest = rest.partition(b"\r\n")
            length = int(size, 16)
            if len(rest) < length + 2:
                return
            yield rest[:length]
            rest = rest[length + 2 :]
            if length == 0:
                return

    @property
    def framed(self) -> bytes:
        """The body without its framing."""
        return b"".join(self.chunks()) if self.chunked else self.after_head

    @property
    def body(self) -> bytes:
        """The body, decompressed."""
        if "gzip" in self.headers("content-encoding"):
            return zlib.decompressobj(31).decompress(self.framed)
        return self.framed

    @property
    def complete(self) -> bool:
        """Whether the framing says that all of it is here."""
        if b"\r\n\r\n" not in self.final:
            return False
        if self.chunked:
            return b"" in list(self.chunks())
        lengths = self.headers("content-length")
        return bool(lengths) and len(self.after_head) >= int(lengths[0])

    @property
    def events(self) -> list[tuple[str, str]]:
        """Name and data of each event, by the standard's rules; unfinished ones too."""
        found, name, lines = [], "", list[str]()
        for raw in [*LINE.split(self.body.removeprefix(b"\xef\xbb\xbf")), b""]:
            line = raw.decode("utf-8", "replace")
            if line.startswith("event:"):
                name = line[6:].strip()
            elif line.startswith("data:"):
                lines.append(line[5:].removeprefix(" "))
            elif not line and lines:
                found.append((name, "\n".join(lines)))
                name, lines = "", []
        return found

    @property
    def documents(self) -> list[Any]:
        """The JSON of the events that have some, or of the body."""
        if self.body.lstrip()[:1] == b"{":
            return list(parsed([self.body.decode()]))
        return list(parsed([data for _, data in self.events]))

    @property
    def choices(self) -> list[dict[str, Any]]:
        """Every choice of the documents."""
        return [one for doc in self.documents if "choices" in doc for one in doc["choices"]]

    @property
    def text(self) -> str:
        """The text of a chat answer."""
        parts = (one.get("delta") or one.get("message") or {} for one in self.choices)
        return "".join(part.get("content") or "" for part in parts)

    @property
    def finish(self) -> list[str]:
        """The finish reasons that were given."""
        return [one["finish_reason"] for one in self.choices if one.get("finish_reason")]

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The fragments of tool calls as they came."""
        deltas = (one.get("delta") or {} for one in self.choices)
        return [call for delta in deltas for call in delta.get("tool_calls") or ()]

    @property
    def done(self) -> bool:
        """Whether the final marker came, as the data of an event."""
        return any(data == "[DONE]" for _, data in self.events)


def parsed(texts: list[str]) -> Iterator[Any]:
    """The mappings among JSON texts."""
    for text in texts:
        try:
            document = json.loads(text)
        except ValueError:
            continue
        if isinstance(document, dict):
            yield document
