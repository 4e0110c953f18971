"""A recording as a timeline: exactly what came, or its messages, on which faults can act.

The exact form is the writes with the waits between them. The messages are the head, the frames of
an event stream with their kinds (or the whole body as one), and how it ended; each message is timed
by its last byte. A compressed body of which the frames are wanted is played unpacked, and its head
then does not say `content-encoding`.

Source: the WHATWG HTML standard, "Server-sent events" (frames); RFC 9110 section 8.4 (codings).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

from mockllm.cassettes.cassette import Recording, parsed
from mockllm.cassettes.kinds import Teller, Told, text_of_document, tokens_of_document
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import (
    AUTO,
    FOREVER,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Wait,
    WireEvent,
    Write,
)

T = TypeVar("T")
MICRO = 1_000_000
EVENT_END = re.compile(rb"\r\n\r\n|\n\r\n|\n\n|\r\r")
"""The blank line behind an event."""
LINE = re.compile(rb"(\xef\xbb\xbf)?(data|event|id|retry)?(?::( ?))?([^\r\n]*)(?:\r\n|\n|\r|$)")
PACKED = {"gzip": 31, "x-gzip": 31, "deflate": 15}
"""The codings that can be unpacked, and the window bits that tell zlib."""


NOTHING = Told(())


@dataclass(frozen=True, slots=True)
class Timed:
    """A message, when it was there, and what it carries."""

    at: int
    message: Message
    told: Told = NOTHING


@dataclass(frozen=True)
class Playable:
    """A recording to be played."""

    recording: Recording
    speed: float = 1.0
    """Divides its times."""

    # Exactly

    def events(
        self, *, paced: bool, closing: bool = False
    ) -> tuple[tuple[int | None, WireEvent], ...]:
        """What came, byte for byte, each with the time of what it leads to; None for the end.

        Without `paced` nothing is waited for, but for what never came; `closing` closes a
        connection that would stay open.
        """
        writes = ((piece.at, Write(piece.data)) for piece in self.recording.pieces)
        ending = self.ending(closing=closing)
        return (*self.spaced(writes, paced), *((None, event) for event in ending))

    def spaced(
        self, timed: Iterable[tuple[int, T]], paced: bool
    ) -> Iterator[tuple[int | None, T | Wait]]:
        """What is timed, with the silence before each of it and before the end."""
        before = 0
        for at, one in timed:
            if paced and at > before:
                yield at, self.wait(before, at)
                before = at
            yield at, one
        if paced and self.recording.ended > before:
            yield None, self.wait(before, self.recording.ended)

    def wait(self, start: int, end: int) -> Wait:
        """The silence between two times."""
        return Wait((end - start) / MICRO / self.speed, paced=True)

    def ending(self, *, closing: bool = False) -> tuple[Wait | Close, ...]:
        """How the connection ends. What failed before there was one is an RST to the client: an
        accepted connection cannot be refused any more."""
        match self.recording.ending:
            case "complete":
                closes = closing or self.recording.reader.closes
                return (Close("fin", complete=True),) if closes else ()
            case "fin":
                return (Close("fin"),)
            case "open":
                return (Wait(FOREVER),)
            case _:
                return (Close("rst"),)

    # As messages

    @cached_property
    def timed(self) -> tuple[Timed, ...]:
        """Head and body as messages, without the end."""
        return tuple(read(self.recording))

    def messages(self, *, paced: bool) -> tuple[Message, ...]:
        """The timeline on which faults act."""
        spaced = self.spaced(((one.at, one.message) for one in self.timed), paced)
        end = (End(),) if self.recording.ending == "complete" else self.ending()
        return (*(message for _, message in spaced), *end)

    @cached_property
    def said(self) -> tuple[tuple[str, str], ...]:
        """The pieces of text, each with its kind."""
        if len(self.timed) == 2 and isinstance(self.timed[1].message, Frame):
            frame = self.timed[1].message
            if frame.kinds == ("body",):
                text = text_of_document(parsed(frame.data))
                return (("content", text),) if text else ()
        return tuple(
            (one.told.kinds[-1], one.told.text)
            for one in self.timed
            if one.told.text and one.told.part == 0
        )


def read(recording: Recording) -> Iterator[Timed]:
    """The messages of a recording."""
    body: list[tuple[int, bytes]] = []
    head: Head | None = None
    unpack: Unpacker | None = None
    final = recording.reader.head
    for at, part in recording.parts:
        if part.kind == "head" and head is None:
            if final is None or not is_final(part.raw):
                yield Timed(at, Extra(part.raw))
                continue
            head = final
            unpack = Unpacker.of(head)
            yield Timed(at, head_of(head, recording, unpacks=unpack is not None))
        elif head is None:
            yield Timed(at, Extra(part.raw))
        elif part.data:
            body.append((at, part.data))
    if head is None:
        return
    stream = is_event_stream(head)
    if unpack is not None:
        body = [(at, data) for at, packed in body if (data := unpack.feed(packed))]
    if stream:
        yield from frames(body)
    elif body or recording.ending == "complete":
        at = body[-1][0] if body else recording.ended
        yield Timed(at, document(head, b"".join(data for _, data in body)))


def document(head: Head, data: bytes) -> Frame:
    """A whole body that is no event stream."""
    kind = "error" if head.status >= 400 else "body"
    return Frame((kind,), data, tokens=tokens_of_document(parsed(data)))


def is_final(raw: bytes) -> bool:
    """Whether a head is no interim one."""
    status = raw.split(b" ", 2)[1][:3]
    return status[:1] != b"1" or status == b"101"


def head_of(head: Head, recording: Recording, *, unpacks: bool) -> Head:
    """The head with a length that follows the body, where it told the length of it."""
    measured = recording.reader.framing == "length" and recording.ending == "complete"
    return fitting(head, unpacks=unpacks, measured=measured)


def fitting(head: Head, *, unpacks: bool, measured: bool) -> Head:
    """The head of a body that is unpacked, or whose length is told anew."""
    headers = head.headers
    if unpacks:
        headers = tuple(pair for pair in headers if pair[0].lower() != "content-encoding")
    if measured:
        headers = tuple(
            (name, AUTO if name.lower() == "content-length" else value) for name, value in headers
        )
    return replace(head, headers=headers)


class Unpacker:
    """Unpacks a body as it comes; what cannot be unpacked is left out."""

    def __init__(self, bits: int) -> None:
        self._zlib = zlib.decompressobj(bits)

    @classmethod
    def of(cls, head: Head) -> Unpacker | None:
        """What unpacks the body behind a head; None where it is not packed, or nobody can."""
        bits = PACKED.get((head.get("content-encoding") or "").strip().lower())
        return cls(bits) if bits else None

    def feed(self, data: bytes) -> bytes:
        """What these bytes hold."""
        try:
            return self._zlib.decompress(data)
        except zlib.error:
            return b""


def frames(body: list[tuple[int, bytes]]) -> Iterator[Timed]:
    """The frames of an event stream, each with the time of its last byte."""
    reader = EventReader()
    for at, data in body:
        yield from reader.feed(at, data)
    yield from reader.end()


class EventReader:
    """Reads an event stream as it comes."""

    def __init__(self) -> None:
        self._teller = Teller()
        self._held = b""
        self._at = 0

    def feed(self, at: int, data: bytes) -> Iterator[Timed]:
        """The events that are whole with these bytes."""
        self._at = at
        held = self._held + data
        start = 0
        for end in EVENT_END.finditer(held):
            yield event(at, held[start : end.end()], self._teller)
            start = end.end()
        self._held = held[start:]

    def end(self) -> Iterator[Timed]:
        """What is left is no event."""
        if self._held:
            yield Timed(self._at, Extra(self._held))


def event(at: int, raw: bytes, teller: Teller) -> Timed:
    """One event: a frame if it has data, else bytes such as a comment."""
    name: str | None = None
    texts: list[bytes] = []
    first = last = 0
    for line in LINE.finditer(raw):
        if line[2] == b"event" and line[3] is not None:
            name = line[4].decode("utf-8", "replace")
        elif line[2] == b"data":
            texts.append(line[4])
            first = first if len(texts) > 1 else line.start(4)
            last = line.end(4)
    if not texts:
        return Timed(at, Extra(raw))
    told = teller.tell(b"\n".join(texts), name)
    frame = Frame(told.kinds, raw[first:last], name, told.part, told.tokens)
    return Timed(at, dressed(frame, raw, first, last), told)


def dressed(frame: Frame, raw: bytes, first: int, last: int) -> Frame:
    """The frame with its own dressing, where that is not the plain one."""
    for plain in (frame, replace(frame, spaced=False)):
        if raw == plain.dressed():
            return plain
    return replace(frame, around=(raw[:first], raw[last:]))


def frames_apart(recording: Recording) -> tuple[tuple[int, Frame], ...]:
    """The frames of a stream whose parts do not show them: packed, torn, or several in one."""
    playable = Playable(recording)
    found = [(one.at, one.message) for one in playable.timed if isinstance(one.message, Frame)]
    if not recording.reader.head or not is_event_stream(recording.reader.head):
        return ()
    shown = {part.data for _, part in recording.parts if part.kind == "data"}
    return () if all(frame.dressed() in shown for _, frame in found) else tuple(found)
