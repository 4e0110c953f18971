"""`encode`: the same meaning in other bytes."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StrictInt, Tag

from mockllm.faults.fault import Encoding
from mockllm.faults.values import Duration, Flag, Strict, chooser, flow
from mockllm.timeline.events import Wait
from mockllm.timeline.slots import Encoder

NEWLINES = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}


class Style(Strict, ABC):
    """One way to put a frame into bytes; by default nothing changes."""

    def dress(self, data: bytes) -> bytes:
        """The frame as it stands in the body."""
        return data

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """The writes that the frame takes."""
        return (data,)


class Newline(Style):
    """Another line end of the event stream (the standard allows LF, CRLF and CR)."""

    newline: Literal["lf", "crlf", "cr"]

    def dress(self, data: bytes) -> bytes:
        """Every line end of the frame's dressing; JSON holds none of its own."""
        return data.replace(b"\n", NEWLINES[self.newline])


class NoSpace(Style):
    """No space after the colon, as TGI writes it."""

    no_space: Flag = Field(alias="no-space")

    def dress(self, data: bytes) -> bytes:
        """`data:` and `event:` without the optional space."""
        lines = data.split(b"\n")
        return b"\n".join(
            line.replace(b": ", b":", 1) if line.startswith((b"data: ", b"event: ")) else line
            for line in lines
        )


class Cut(Strict):
    """The size of the bits, and the time between them."""

    bytes: StrictInt = Field(1, ge=1, description="Bytes in one write.")
    gap: Duration = Field(0.0, description="Silence between the writes.")


class Split(Style):
    """The frame in several writes, so that a reader sees it in bits."""

    split: Cut

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Bits of the given size with gaps between them."""
        size, gap = self.split.bytes, self.split.gap
        parts: list[bytes | Wait] = []
        for start in range(0, len(data), size):
            if parts and gap:
                parts.append(Wait(gap))
            parts.append(data[start : start + size])
        return parts


class EncodeFault(Encoding):
    """The same frames in other bytes; a client that keeps to the standards notices nothing.

    On the wire: line ends, the space after the colon, or the writes (and chunks) that a frame
    takes. Content-Length and chunk sizes match what is sent.
    """

    verb: ClassVar = "encode"

    encode: Annotated[
        Annotated[Newline, Tag("<newline>")]
        | Annotated[NoSpace, Tag("<no-space>")]
        | Annotated[Split, Tag("<split>")],
        *chooser("an encoding", Newline, NoSpace, Split),
    ] = Field(description="newline, no-space or split.")

    def encoder(self) -> Encoder:
        """The encoding itself."""
        return self.encode

    def value(self) -> str:
        """The value's fields."""
        given = self.encode.model_dump(exclude_unset=True, by_alias=True)
        return flow(given)
