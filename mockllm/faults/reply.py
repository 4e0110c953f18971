"""`reply`: this instead of the script's answer; it ends the exchange."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from mockllm.faults.fault import Adding, ErrorSpec, Exchange, known_name
from mockllm.faults.values import Text, expected, flow, parse_text
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import AUTO, End, Frame, Head, Message
from mockllm.timeline.valueclass import replace


class ReplyBody(ErrorSpec):
    """A reply that is spelled out: an error in a shape, or a body of its own."""

    headers: dict[str, Text] = Field({}, description="Headers that replace or join the others.")
    body: Text | None = Field(None, description="The whole body, instead of an error.")
    content_type: str | None = Field(None, description="The content type of `body`.")


def parse_reply(value: object) -> object:
    """A text names an answer, a mapping spells the reply out, a number alone is refused."""
    if isinstance(value, str | dict | ReplyBody):
        return value
    raise expected(
        "the name of an answer, or a mapping with status, shape, message, …",
        value,
        f"write {{status: {parse_text(value)}}}" if isinstance(value, int) else "",
    )


class ReplyFault(Adding):
    """Another answer, before anything was sent; the exchange ends with it.

    On the wire: the status line, headers and body of a named answer (captured bytes, header order
    and case included) or of an error in a shape. Without a shape the wire's own is taken; `status`
    decides message, type and code unless they are given. `code: 500` is sent as a number, `"500"`
    as a string. The connection stays usable unless the imitated server closes it. At `upload` the
    answer comes before the request's body has been read, says `connection: close`, and closes.
    """

    verb: ClassVar = "reply"
    points: ClassVar = ("request", "upload")
    default_at: ClassVar = "request"

    reply: Annotated[
        Annotated[str, Tag("<name>")] | Annotated[ReplyBody, Tag("<body>")],
        Discriminator(lambda value: "<name>" if isinstance(value, str) else "<body>"),
        BeforeValidator(parse_reply),
    ] = Field(
        description="A named answer, or status, shape, message, error_type, code, param, headers, "
        "body, content_type.",
        json_schema_extra={"x-names": "answer"},
    )

    @field_validator("reply")
    @classmethod
    def answer_exists(cls, value: str | ReplyBody, info: ValidationInfo) -> str | ReplyBody:
        """Refuse a name that no answer has."""
        return known_name("answer", value, info) if isinstance(value, str) else value

    @classmethod
    def why_not(cls, anchor: object) -> str:
        """After the head the status is on its way."""
        return "once the head is sent there is no other answer"

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The whole other answer."""
        if isinstance(self.reply, str):
            return exchange.answer(self.reply)
        spec = self.reply
        headers = {name: exchange.fill(value) for name, value in spec.headers.items()}
        if spec.message is not None:
            spec = spec.model_copy(update={"message": exchange.fill(spec.message)})
        if spec.body is None:
            head, *rest = exchange.error(spec)
            assert isinstance(head, Head)
            return (with_headers(head, headers), *rest)
        kind = spec.content_type or "text/plain"
        head = Head(spec.status, (("content-type", kind), ("content-length", AUTO), ("date", AUTO)))
        if is_event_stream(head):
            head = replace(head, dressed=False)  # the body is the whole body
        return (
            with_headers(head, headers),
            Frame(("error",), exchange.fill(spec.body).encode()),
            End(),
        )

    def value(self) -> str:
        """The answer's name, or the fields that were given."""
        if isinstance(self.reply, str):
            return self.reply
        given = self.reply.model_dump(exclude_unset=True)
        return flow(given)


def with_headers(head: Head, headers: dict[str, str]) -> Head:
    """Replace headers of the same name where they stand, and add the others at the end."""
    if not headers:
        return head
    given = {name.lower(): (name, value) for name, value in headers.items()}
    kept = tuple(given.pop(name.lower(), (name, value)) for name, value in head.headers)
    return replace(head, headers=(*kept, *given.values()))
