"""`send`: extra bytes in the body."""

from __future__ import annotations

import json
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, StrictBool, Tag

from mockllm.faults.fault import Adding, ErrorSpec, Exchange
from mockllm.faults.values import Strict, Text, chooser, flow
from mockllm.timeline.events import Extra, Frame, Message


class Comment(Strict):
    """A server-sent comment: a line that begins with a colon, and a blank line."""

    comment: Text = Field(description="The text behind the colon.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """`: text`"""
        return (Extra(f": {self.comment}\n\n".encode()),)


class Raw(Strict):
    """Bytes as they are, without any dressing."""

    raw: Text = Field(description="The text, sent as UTF-8.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The text."""
        return (Extra(self.raw.encode()),)


class FrameValue(Strict):
    """One more frame: a JSON document of any content, or a delta in the wire's own frame."""

    frame: dict[str, Any] = Field(
        description="A mapping with `delta` alone becomes a chunk of the wire; any other is sent "
        "as it is."
    )

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The frame."""
        match self.frame:
            case {"delta": dict(delta)} if len(self.frame) == 1:
                return (exchange.delta(delta),)
            case _:
                return (Frame(("extra",), json.dumps(self.frame).encode()),)


def parse_error(value: object) -> object:
    """A shape's name stands for an error of that shape; `true` for the wire's own."""
    if value is True or value is None:
        return {}
    return {"shape": value} if isinstance(value, str) else value


ErrorValue = Annotated[
    ErrorSpec,
    BeforeValidator(parse_error, json_schema_input_type=Literal[True] | str | None | ErrorSpec),
]


class StreamError(Strict):
    """An error inside the stream, after a 200 has been sent."""

    error: ErrorValue = Field(
        description="A shape's name, or shape, status, message, error_type, code, param."
    )
    done: StrictBool = Field(False, description="Whether the wire's final marker follows it.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The error frame, and the final marker if asked for."""
        tail = exchange.done() if self.done else ()
        return (exchange.stream_error(self.error), *tail)


Extras = Comment | Raw | FrameValue | StreamError


class SendFault(Adding):
    """Extra body bytes between the script's own frames.

    On the wire: the bytes at that point, framed like the rest of the body (one chunk each where
    the body is chunked). The script goes on behind them.
    """

    verb: ClassVar = "send"
    points: ClassVar = ("head", "before", "after", "t", "end")
    default_at: ClassVar = "after content 5"

    send: Annotated[
        Annotated[Comment, Tag("<comment>")]
        | Annotated[Raw, Tag("<raw>")]
        | Annotated[FrameValue, Tag("<frame>")]
        | Annotated[StreamError, Tag("<error>")],
        *chooser("what to send", Comment, Raw, FrameValue, StreamError),
    ] = Field(description="What to send: comment, raw, frame or error.")

    @classmethod
    def why_not(cls, anchor: object) -> str:
        """Body bytes need a head before them."""
        return "body bytes need a head before them; to answer otherwise use reply"

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The extra frames or bytes."""
        return self.send.events(exchange)

    def value(self) -> str:
        """The value's fields."""
        given = self.send.model_dump(exclude_unset=True, mode="json")
        return flow(given)
