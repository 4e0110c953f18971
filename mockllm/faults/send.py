"""`send`: extra bytes."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, Tag, model_validator

from mockllm.faults.anchors import Anchor
from mockllm.faults.fault import MOMENTS, Adding, ErrorSpec, Exchange
from mockllm.faults.values import (
    Duration,
    DurationOrForever,
    Strict,
    Text,
    chooser,
    expected,
    flow,
    tag_of,
)
from mockllm.timeline.events import FOREVER, Beat, Extra, Frame, Message, Wait


class Extras(Strict, ABC):
    """One kind of extra bytes."""

    needs_head: ClassVar = True

    @abstractmethod
    def events(self, exchange: Exchange, /) -> tuple[Message, ...]:
        """What is sent."""


class Repeated(Extras):
    """Extra bytes that may be sent again and again."""

    every: Duration | None = Field(None, gt=0, description="Again after so long.")
    for_: DurationOrForever = Field(FOREVER, alias="for", description="With every: how long.")

    @model_validator(mode="after")
    def for_what(self) -> Self:
        """Refuse a length of time for what is sent once."""
        if self.every is None and "for_" in self.model_fields_set:
            raise expected("every beside for", {"for": None}, "say how often, such as every: 1s")
        return self

    @abstractmethod
    def unit(self, exchange: Exchange, /) -> Frame | Extra:
        """What is sent each time."""

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The bytes once; or at once and again and again, with nothing else meanwhile."""
        unit = self.unit(exchange)
        if self.every is None:
            return (unit,)
        return (unit, Wait(self.for_, beat=Beat(self.every, unit)))


class Comment(Repeated):
    """A server-sent comment: a line that begins with a colon, and a blank line."""

    comment: Text = Field(description="The text behind the colon.")

    def unit(self, exchange: Exchange) -> Extra:
        """`: text`"""
        return Extra(f": {exchange.fill(self.comment)}\n\n".encode())


class Raw(Repeated):
    """Bytes as they are, without any dressing; before the head without any framing too."""

    needs_head: ClassVar = False

    raw: Text = Field(description="The text, sent as UTF-8.")

    def unit(self, exchange: Exchange) -> Extra:
        """The text."""
        return Extra(exchange.fill(self.raw).encode())


class FrameValue(Repeated):
    """One more frame: a JSON document, a named event, or a delta in the wire's own frame."""

    frame: dict[str, Any] = Field(
        description="{delta: …} becomes a chunk of the wire, {event: NAME, json: …} a named event, "
        "{json: …} or any other mapping is sent as it is."
    )

    def unit(self, exchange: Exchange) -> Frame:
        """The frame."""
        match self.frame:
            case {"delta": dict(delta), **rest} if not rest:
                return exchange.delta(delta)
            case {"event": str(event), "json": document, **rest} if not rest:
                return Frame(("extra",), compact(document, exchange), event)
            case {"json": document, **rest} if not rest:
                return Frame(("extra",), compact(document, exchange))
            case _:
                return Frame(("extra",), compact(self.frame, exchange))


def compact(document: Any, exchange: Exchange) -> bytes:
    """JSON without spaces, its placeholders filled in."""
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return exchange.fill(text).encode()


def parse_error(value: object) -> object:
    """A shape's name stands for an error of that shape; `true` for the wire's own."""
    if value is True or value is None:
        return {}
    return {"shape": value} if isinstance(value, str) else value


ErrorValue = Annotated[
    ErrorSpec,
    BeforeValidator(parse_error, json_schema_input_type=Literal[True] | str | None | ErrorSpec),
]


def parse_done(value: object) -> object:
    """Yes, no, or as the imitated server does."""
    if not isinstance(value, bool) and value != "server":
        raise expected("true, false or server", value)
    return value


class StreamError(Extras):
    """An error inside the stream, after a 200 has been sent."""

    error: ErrorValue = Field(
        description="A shape's name, or shape, status, message, error_type, code, param."
    )
    done: Annotated[StrictBool | Literal["server"], BeforeValidator(parse_done)] = Field(
        False,
        description="Whether the wire's final marker follows it; `server`: as behind an error of "
        "the shape's server, and with it where that is not known.",
    )

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The error frame, and the final marker if asked for."""
        done = None if self.done == "server" else self.done
        return exchange.stream_error(self.error, done=done)


def parse_interim(value: object) -> object:
    """A status of the hundreds; 101 would change the protocol."""
    if isinstance(value, bool) or not isinstance(value, int) or not 100 <= value < 200:
        raise expected("an interim status such as 103", value)
    if value == 101:
        raise expected("an interim status such as 103", value, "101 would end HTTP here")
    return value


class Interim(Extras):
    """An interim response before the head: a status line and a blank line (RFC 9110, 15.2)."""

    needs_head: ClassVar = False

    interim: Annotated[StrictInt, BeforeValidator(parse_interim)] = Field(
        description="The status: 100, 102, 103."
    )

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """`HTTP/1.1 103 Early Hints`"""
        known = {status.value: status.phrase for status in HTTPStatus}
        line = f"HTTP/1.1 {self.interim} {known.get(self.interim, '')}".rstrip()
        return (Extra(f"{line}\r\n\r\n".encode()),)


class SendFault(Adding):
    """Extra bytes between the script's own.

    On the wire: the bytes at that point, framed like the rest of the body (one chunk each where the
    body is chunked; counted by Content-Length); then the script goes on. At `request` the bytes of
    `raw` come before the status line, without any framing. `every` repeats them, `for` some time
    or for ever, while the script waits.
    """

    verb: ClassVar = "send"
    points: ClassVar = MOMENTS
    default_at: ClassVar = "after content 5"

    send: Annotated[
        Annotated[Comment, Tag("<comment>")]
        | Annotated[Raw, Tag("<raw>")]
        | Annotated[FrameValue, Tag("<frame>")]
        | Annotated[StreamError, Tag("<error>")]
        | Annotated[Interim, Tag("<interim>")],
        *chooser("what to send", Comment, Raw, FrameValue, StreamError, Interim),
    ] = Field(description="What to send: comment, raw, frame, error or interim.")

    @property
    def anchor(self) -> Anchor:
        """An interim response comes before the head unless told otherwise."""
        if self.at is None and isinstance(self.send, Interim):
            return Anchor("request", "request")
        return super().anchor

    @property
    def needs_head(self) -> bool:
        """Parts of a body need a head before them."""
        return self.send.needs_head

    def value_why_not(self, anchor: Anchor) -> str | None:
        """Body bytes need a head before them, interim responses none."""
        if anchor.point == "request" and self.needs_head:
            return "body bytes need a head before them; to answer otherwise use reply"
        if anchor.point != "request" and isinstance(self.send, Interim):
            return "an interim response comes before the head; say request"
        return None

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The extra frames or bytes."""
        return self.send.events(exchange)

    def value(self) -> str:
        """The value's fields."""
        given = self.send.model_dump(exclude_unset=True, mode="json", by_alias=True)
        word = tag_of(type(self.send))[1:-1]
        return flow({word: given.pop(word), **given})
