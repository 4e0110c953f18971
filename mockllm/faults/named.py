"""The eight named faults: shorthands that expand to verbs.

They are data: a name, what value it takes, where it acts, and the verbs it stands for. Everything
else (frequencies, anchors, the report) is what the verbs have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from mockllm.faults.anchors import Anchor, At, parse_anchor
from mockllm.faults.close import CloseFault
from mockllm.faults.edit import EditFault
from mockllm.faults.fault import Fault
from mockllm.faults.often import Often
from mockllm.faults.reply import ReplyBody, ReplyFault
from mockllm.faults.send import ErrorValue, SendFault
from mockllm.faults.values import (
    DurationOrForever,
    Flag,
    expected,
    flow,
    format_seconds,
    spell_seconds,
)
from mockllm.faults.wait import WaitFault

VALUE = object()
"""Where the value of the shorthand goes in its verbs."""


def parse_status(value: object) -> object:
    """`fail: 503` stands for `fail: {status: 503}`."""
    if isinstance(value, bool) or not isinstance(value, int | dict | ReplyBody):
        raise expected("an HTTP status such as 503, or a mapping with status, message, …", value)
    return {"status": value} if isinstance(value, int) else value


Status = Annotated[ReplyBody, BeforeValidator(parse_status, json_schema_input_type=int | ReplyBody)]


@dataclass(frozen=True, slots=True)
class Shorthand:
    """One named fault."""

    name: str
    about: str
    takes: Any
    at: str
    verbs: tuple[tuple[type[Fault], dict[str, Any]], ...]
    needs_value: bool = False


SHORTHANDS = (
    Shorthand(
        "fail",
        "An error instead of an answer: `fail: 503`, or status, message, type, code and shape.",
        Status,
        "request",
        ((ReplyFault, {"reply": VALUE}),),
        needs_value=True,
    ),
    Shorthand(
        "hang",
        "The request is read and nothing is sent, not even the head, for a time or forever.",
        DurationOrForever,
        "request",
        ((WaitFault, {"wait": VALUE}),),
        needs_value=True,
    ),
    Shorthand(
        "stall",
        "The stream falls silent in the middle, for a time or forever; the connection stays open.",
        DurationOrForever,
        "after content 5",
        ((WaitFault, {"wait": VALUE}),),
        needs_value=True,
    ),
    Shorthand(
        "reset",
        "The connection is reset in the middle of the stream: an RST after the bytes before it.",
        Flag,
        "after content 5",
        ((CloseFault, {"close": "rst"}),),
    ),
    Shorthand(
        "cut",
        "The connection is closed in the middle of the stream: a FIN without the end of the body.",
        Flag,
        "after content 5",
        ((CloseFault, {"close": "fin"}),),
    ),
    Shorthand(
        "truncate",
        "The body ends early but properly: no finish frame, no final marker, no error.",
        Flag,
        "after content 5",
        ((CloseFault, {"close": "clean"}),),
    ),
    Shorthand(
        "garble",
        "The JSON of one frame is broken: its last two bytes are missing.",
        Flag,
        "content 6",
        ((EditFault, {"edit": {"truncate": -2}}),),
    ),
    Shorthand(
        "error",
        "An error frame in the middle of the stream, in the wire's own form or a shape; then the "
        "final marker, if that server sends it, and the proper end of the body.",
        ErrorValue,
        "after content 5",
        (
            (SendFault, {"send": {"error": VALUE, "done": "server"}}),
            (CloseFault, {"close": "clean"}),
        ),
    ),
)


class NamedFault(Often):
    """A shorthand with its value, its anchor and how often it acts."""

    shorthand: ClassVar[Shorthand]

    at: At | None = Field(None, description="Where it acts.")

    @property
    def anchor(self) -> Anchor:
        """Where it acts: as written, or by default."""
        return self.at or parse_anchor(self.shorthand.at)

    @field_validator("at")
    @classmethod
    def point_fits(cls, anchor: Anchor | None) -> Anchor | None:
        """Refuse an anchor that one of the verbs cannot have."""
        for verb, _ in cls.shorthand.verbs:
            verb.point_fits(anchor)
        return anchor

    @model_validator(mode="after")
    def verbs_fit(self) -> Self:
        """Refuse what one of the verbs refuses."""
        try:
            self.verbs  # noqa: B018  made once, here
        except ValidationError as error:
            detail = error.errors()[0]
            message = detail.get("ctx", {}).get("message", detail["msg"])
            raise PydanticCustomError("expected", "{message}", {"message": message}) from None
        return self

    @property
    def name(self) -> str:
        """The shorthand's name."""
        return self.shorthand.name

    @cached_property
    def verbs(self) -> tuple[Fault, ...]:
        """The verbs it stands for, each at the same anchor."""
        given = getattr(self, self.shorthand.name)
        return tuple(
            verb.model_validate({"at": self.anchor} | filled(template, given))
            for verb, template in self.shorthand.verbs
        )

    def value(self) -> str:
        """The value as a profile would spell it."""
        match getattr(self, self.shorthand.name):
            case bool():
                return ""
            case float() as seconds:
                return format_seconds(seconds)
            case spec:
                given = spec.model_dump(exclude_unset=True)
                if list(given) == ["status"]:
                    return str(given["status"])
                return flow(given) if given else ""


def filled(template: Any, value: object) -> Any:
    """A template with the value in its place."""
    if template is VALUE:
        # forever is infinite in seconds, and a verb reads what a profile would say.
        return spell_seconds(value) if isinstance(value, float) else value
    if isinstance(template, dict):
        return {key: filled(part, value) for key, part in template.items()}
    return template


def model_of(shorthand: Shorthand) -> type[NamedFault]:
    """The model of one named fault."""
    default: Any = ... if shorthand.needs_value else None
    fields: dict[str, Any] = {
        shorthand.name: (shorthand.takes, Field(default, description=shorthand.about))
    }
    model = create_model(
        f"{shorthand.name.capitalize()}Fault",
        __base__=NamedFault,
        __doc__=shorthand.about,
        **fields,
    )
    model.shorthand = shorthand
    return model


NAMED: dict[str, type[NamedFault]] = {item.name: model_of(item) for item in SHORTHANDS}
