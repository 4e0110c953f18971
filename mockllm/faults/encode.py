"""`encode`: the same meaning in other bytes, or a wrong framing of the same bytes."""

from __future__ import annotations

import re
import zlib
from abc import ABC
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, StrictInt, Tag, model_validator

from mockllm.faults.anchors import Anchor, parse_anchor
from mockllm.faults.fault import Encoding
from mockllm.faults.values import (
    Duration,
    Flag,
    Rate,
    Strict,
    Text,
    chooser,
    expected,
    flow,
)
from mockllm.timeline import encoding
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import FOREVER, Beat, End, Extra, Frame, Head, Wait
from mockllm.timeline.slots import Encoder, Step, Transfer
from mockllm.timeline.valueclass import replace

LINE_END = re.compile(rb"\r\n|\n|\r")
SPACE = re.compile(rb"(?:(?<=[\r\n])|^)(data|event|id): ")
BOM = b"\xef\xbb\xbf"
NEWLINES = {"lf": (b"\n",), "crlf": (b"\r\n",), "cr": (b"\r",), "mixed": (b"\r\n", b"\n", b"\r")}


class Style(Strict, Encoder, ABC):
    """One way to put an answer into bytes. Where it acts if a profile does not say: `default_at`."""

    default_at: ClassVar = "body"
    targets: ClassVar[tuple[str, ...]] = ("body", "target")


class Newline(Style):
    """Another line end of the event stream (the standard allows LF, CRLF and CR)."""

    streams_only: ClassVar = True

    newline: Literal["lf", "crlf", "cr", "mixed"] = Field(
        description="lf, crlf, cr, or mixed: crlf, lf and cr in turn."
    )

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """Every line end of the frame's dressing; JSON holds none of its own."""
        ends = NEWLINES[self.newline]
        lines = LINE_END.split(data)
        made = b"".join(line + ends[index % len(ends)] for index, line in enumerate(lines[:-1]))
        return made + lines[-1]


class NoSpace(Style):
    """No space after the colon, as TGI writes it."""

    streams_only: ClassVar = True

    no_space: Flag = Field(alias="no-space")

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """`data:`, `event:` and `id:` without the optional space."""
        return SPACE.sub(rb"\1:", data)


class MultiLine(Style):
    """The payload over several `data:` lines, which a reader joins with line feeds.

    JSON is broken where white space is allowed, behind a comma outside of texts.
    """

    streams_only: ClassVar = True

    multi_line: StrictInt = Field(alias="multi-line", ge=2, description="How many lines.")

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """The same event in several lines."""
        places = commas(frame.data)[: self.multi_line - 1]
        bounds = [0, *places, len(frame.data)]
        lines = [frame.data[a:b] for a, b in pairwise(bounds)]
        return data.replace(frame.data, b"\ndata: ".join(lines), 1)


def commas(payload: bytes) -> list[int]:
    """The places behind the commas of a JSON document that stand outside of texts."""
    places, inside, escaped = [], False, False
    for index, byte in enumerate(payload):
        if escaped:
            escaped = False
        elif inside and byte == ord("\\"):
            escaped = True
        elif byte == ord('"'):
            inside = not inside
        elif byte == ord(",") and not inside:
            places.append(index + 1)
    return places


class Id(Style):
    """An `id:` line before each event."""

    streams_only: ClassVar = True

    id: Text = Field(description="The id; {{n}} is not filled in here.")

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """The event with its id."""
        return b"id: " + self.id.encode() + b"\n" + data


class Event(Style):
    """An `event:` line before each event; clients that want only nameless events see none."""

    streams_only: ClassVar = True

    event: Text = Field(description="The name of the event.")

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """The event with its name."""
        return b"event: " + self.event.encode() + b"\n" + data


class Bom(Style):
    """A byte order mark at the start of the body (readers of event streams must skip one)."""

    default_at: ClassVar = "frame 1"

    bom: Flag

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """EF BB BF, and the frame."""
        return data if data.startswith(BOM) else BOM + data


class Terminator(Style):
    """The line ends behind an event are missing: the last never ends, others run into the next."""

    default_at: ClassVar = "done"
    streams_only: ClassVar = True

    terminator: Annotated[bool, BeforeValidator(lambda value: no_only(value))] = Field(
        description="false: the line ends behind the event are left out."
    )

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """The event without the line ends behind it."""
        return data.rstrip(b"\r\n")


def no_only(value: object) -> object:
    """`terminator: true` would say what is so anyway."""
    if value is not False:
        raise expected("false (a terminator is there anyway)", value)
    return value


class JsonAsSse(Style):
    """A JSON document is sent as an event stream of one event."""

    targets: ClassVar = ("body",)

    json_as_sse: Flag = Field(alias="json-as-sse")

    def head(self, head: Head) -> Head:
        """The head of an event stream."""
        if is_event_stream(head):
            return head
        chunked = ("transfer-encoding", "chunked")
        headers = [chunked if n.lower() == "content-length" else (n, v) for n, v in head.headers]
        place = next((i for i, (n, _) in enumerate(headers) if n.lower() == "content-type"), None)
        if place is not None:
            headers[place] = (headers[place][0], "text/event-stream")
        if chunked not in headers:
            headers.append(chunked)
        return Head(head.status, tuple(headers), head.reason)


class Cut(Strict):
    """The size of the bits, or where to cut, and the time between them."""

    bytes: StrictInt | None = Field(None, ge=1, description="Bytes in one write; 1 by default.")
    at: Literal["after-cr", "before-blank-line"] | None = Field(
        None, description="One cut: behind the first CR, or before the blank line of an event."
    )
    gap: Duration = Field(0.0, description="Silence between the writes.")

    @model_validator(mode="after")
    def one_way(self) -> Self:
        """Refuse two ways to cut."""
        if self.bytes is not None and self.at is not None:
            raise expected("either bytes or at", {"bytes": 0, "at": 0})
        return self


class Split(Style):
    """A unit in several writes (and chunks), so that a reader sees it in bits."""

    targets: ClassVar = ("body", "target", "head")

    split: Cut

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """The bits, with gaps between them."""
        match self.split.at:
            case "after-cr":
                bounds = [data.find(b"\r") + 1]
            case "before-blank-line":
                # The line end of the payload stays with it; the blank line comes later.
                end = len(data.rstrip(b"\r\n"))
                bounds = [end + (2 if data.startswith(b"\r\n", end) else 1)]
            case _:
                size = self.split.bytes or 1
                bounds = list(range(size, len(data), size))
        return with_gaps(data, bounds, self.split.gap)


class Utf8Split(Style):
    """Each character of several bytes is cut in the middle, over two writes (and chunks)."""

    utf8_split: Flag = Field(alias="utf8-split")

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Cuts behind the first byte of each such character."""
        return with_gaps(data, [i + 1 for i, byte in enumerate(data) if byte >= 0xC0], 0.0)


def with_gaps(data: bytes, bounds: Sequence[int], gap: float) -> Sequence[bytes | Wait]:
    """The bytes cut at the bounds, with silence between."""
    parts: list[bytes | Wait] = []
    start = 0
    for bound in (*(b for b in bounds if 0 < b < len(data)), len(data)):
        if parts and gap:
            parts.append(Wait(gap))
        parts.append(data[start:bound])
        start = bound
    return parts


class Merge(Style):
    """Several frames in one write (and chunk): each is held back until its group is whole.

    Comments and raw bytes between them stay where they are in the body.
    """

    targets: ClassVar = ("body",)

    merge: StrictInt = Field(ge=2, description="How many frames go together.")

    def whole(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The bytes of a group, all with its last frame."""
        held: list[Step] = []
        count = 0
        for step in steps:
            match step.event:
                case Frame():
                    held.append(step)
                    count += 1
                case Extra() if held:
                    held.append(step)
                case End():
                    yield from together(held)
                    yield step
                    held, count = [], 0
                case _:
                    yield step
            if count == self.merge:
                yield from together(held)
                held, count = [], 0
        yield from together(held)


def together(held: Sequence[Step]) -> list[Step]:
    """Steps that are written at once: the last has the bytes of all."""
    if not held:
        return []
    data = b"".join(step.raw or b"" for step in held)
    return [*(replace(step, raw=b"") for step in held[:-1]), replace(held[-1], raw=data)]


class Gzip(Style):
    """The body compressed with gzip, whether the client accepts it or not.

    `flushed`: each frame can be read as soon as it comes. `unflushed`: nothing can be read until
    the compressor has had enough, mostly at the end.
    """

    targets: ClassVar = ("body",)

    gzip: Literal["flushed", "unflushed"] = Field(description="flushed or unflushed.")

    def head(self, head: Head) -> Head:
        """`content-encoding: gzip`."""
        return replace(head, headers=(*head.headers, ("content-encoding", "gzip")))

    def whole(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The compressed bytes of each step of the body, and the compressor's last at its end."""
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        head: Head | None = None
        rest = iter(steps)
        for step in rest:
            match step.event:
                case Head() as head:
                    yield step
                case End():
                    yield Step(Extra(b""), step.faults, raw=packer.flush())
                    yield step
                    break
                case Frame() | Extra() if head is not None:
                    yield replace(step, raw=self.packed(packer, step.raw or b""))
                case Wait(beat=Beat() as beat) as wait if head is not None:
                    unit = encoding.beat_bytes(beat, stream=encoding.is_event_stream(head))
                    yield from self.packed_beats(packer, step, wait, beat.every, unit)
                case _:
                    yield step
        yield from rest

    def packed(self, packer: Any, data: bytes, flush: int = zlib.Z_SYNC_FLUSH) -> bytes:
        """What the compressor gives for some bytes: all of it, or what it has no room for."""
        made: bytes = packer.compress(data)
        return made + packer.flush(flush) if data and self.gzip == "flushed" else made

    def packed_beats(
        self, packer: Any, step: Step, wait: Wait, every: float, unit: bytes
    ) -> list[Step]:
        """A wait whose heartbeats are compressed, each in its turn.

        One without end repeats the same bytes: a full flush makes a block mean the same each time.
        """
        if wait.seconds == FOREVER:
            if self.gzip == "unflushed":
                return [replace(step, event=Wait(FOREVER))]
            start = replace(step, event=Extra(b""), raw=packer.flush(zlib.Z_FULL_FLUSH))
            beat = self.packed(packer, unit, zlib.Z_FULL_FLUSH)
            return [start, replace(step, event=replace(wait, beat=Beat(every, Extra(beat))))]
        out: list[Step] = []
        for _ in range(int(wait.strikes)):
            silence = replace(step, event=Wait(every))
            out += [silence, replace(step, event=Extra(b""), raw=self.packed(packer, unit))]
        return [*out, replace(step, event=Wait(wait.seconds - every * int(wait.strikes)))]


class BandwidthStyle(Style):
    """The body at so many bytes a second."""

    bandwidth: Rate = Field(description="Bytes a second: 1KiB/s.")

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Bits, each with the time that it takes."""
        return encoding.Bandwidth(self.bandwidth).cut(data)


class Framing(Style):
    """Framing headers that contradict each other, or none.

    `te+cl`: chunks, and a Content-Length beside them. `none`: neither, so that the end of the
    connection ends the body. `twice`: the header that frames the body stands twice.
    """

    targets: ClassVar = ("body",)

    framing: Literal["te+cl", "none", "twice"] = Field(description="te+cl, none or twice.")

    def transfer(self, transfer: Transfer) -> Transfer:
        """This framing."""
        return replace(transfer, framing=self.framing)


class ChunkSize(Style):
    """Each chunk announces one byte more than it has."""

    targets: ClassVar = ("body",)

    chunk_size: Literal["wrong"] = Field(alias="chunk-size", description="wrong.")

    def transfer(self, transfer: Transfer) -> Transfer:
        """Wrong sizes."""
        return replace(transfer, wrong_chunks=True)


class ContentLength(Style):
    """A Content-Length that is not the body's, instead of chunks.

    `short`: ten bytes fewer than are sent. `long`: ten bytes more, which never come. `both`: two
    headers, the right one and a longer. A number is sent as it is.
    """

    targets: ClassVar = ("body",)

    content_length: Annotated[
        Literal["short", "long", "both"] | int, BeforeValidator(lambda value: parse_length(value))
    ] = Field(alias="content-length", description="short, long, both, or a number.")

    def transfer(self, transfer: Transfer) -> Transfer:
        """This length."""
        return replace(transfer, length=self.content_length)


def parse_length(value: object) -> object:
    """A word or a number that is not negative."""
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if not number and value not in ("short", "long", "both"):
        raise expected("short, long, both, or a number of bytes", value)
    return value


STYLES: tuple[type[Style], ...] = (
    Newline, NoSpace, MultiLine, Id, Event, Bom, Terminator, JsonAsSse, Split, Utf8Split, Merge,
    Gzip, BandwidthStyle, Framing, ChunkSize, ContentLength,
)  # fmt: skip


class EncodeFault(Encoding):
    """The same answer in other bytes; what only a careless client notices, or framing that is wrong.

    On the wire: line ends, prefixes, writes, compression or framing headers. Content-Length and
    chunk sizes match what is sent unless the value is about them; keep-alive is as before, but for
    `framing: none`, which ends the connection.
    """

    verb: ClassVar = "encode"

    encode: Annotated[
        Annotated[Newline, Tag("<newline>")]
        | Annotated[NoSpace, Tag("<no-space>")]
        | Annotated[MultiLine, Tag("<multi-line>")]
        | Annotated[Id, Tag("<id>")]
        | Annotated[Event, Tag("<event>")]
        | Annotated[Bom, Tag("<bom>")]
        | Annotated[Terminator, Tag("<terminator>")]
        | Annotated[JsonAsSse, Tag("<json-as-sse>")]
        | Annotated[Split, Tag("<split>")]
        | Annotated[Utf8Split, Tag("<utf8-split>")]
        | Annotated[Merge, Tag("<merge>")]
        | Annotated[Gzip, Tag("<gzip>")]
        | Annotated[BandwidthStyle, Tag("<bandwidth>")]
        | Annotated[Framing, Tag("<framing>")]
        | Annotated[ChunkSize, Tag("<chunk-size>")]
        | Annotated[ContentLength, Tag("<content-length>")],
        *chooser("an encoding", *STYLES),
    ] = Field(
        description="newline, no-space, multi-line, id, event, bom, terminator, json-as-sse, "
        "split, utf8-split, merge, gzip, bandwidth, framing, chunk-size or content-length."
    )

    @property
    def anchor(self) -> Anchor:
        """Where the value acts by default."""
        return self.at or parse_anchor(self.encode.default_at)

    def value_why_not(self, anchor: Anchor) -> str | None:
        """Some encodings are of the whole body."""
        if anchor.point in self.encode.targets:
            return None
        allowed = " or ".join(
            "a SELECTOR" if target == "target" else target for target in self.encode.targets
        )
        return f"say {allowed}"

    def encoder(self) -> Encoder:
        """The encoding itself."""
        return self.encode

    def value(self) -> str:
        """The value's fields."""
        return flow(self.encode.model_dump(exclude_unset=True, by_alias=True))
