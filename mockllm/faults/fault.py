"""What all faults share: where, how often, and the three ways to change a timeline.

A fault is a frozen value that holds its own configuration. It adds events at a point (`Adding`),
rewrites frames (`Editing`) or puts frames into other bytes (`Encoding`); `apply` does the rest.
It never asks whose request it is: what it may know of the exchange comes in as `Exchange`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from difflib import get_close_matches
from functools import cached_property
from random import Random
from typing import Annotated, Any, ClassVar, Protocol, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictInt,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from mockllm.faults.anchors import Anchor, At, parse_anchor
from mockllm.faults.often import Often
from mockllm.faults.values import Strict, Text, expected, hint_for
from mockllm.timeline.events import Extra, Frame, Head, Message
from mockllm.timeline.slots import Encoder
from mockllm.timeline.valueclass import valueclass


def known_name(kind: str, name: str, info: ValidationInfo) -> str:
    """Refuse a name that the loader does not know; without a loader any name passes."""
    known: Collection[str] | None = (info.context or {}).get(kind)
    if known is None or name in known:
        return name
    names = sorted(known)
    hint = hint_for([name], names)
    if len(names) <= MANY:
        raise expected(f"the name of {a(kind)} ({', '.join(names)})", name, hint)
    near = get_close_matches(name, names, n=NEAR) or family(name, names)[:NEAR]
    shown = ", ".join([*near, "…"]) if near else f"{len(names)} of them"
    hint = hint or f"mockllm list {kind}s shows them all"
    raise expected(f"the name of {a(kind)} ({shown})", name, hint)


MANY = 12
"""So many names are told in one message; of more only the nearest."""
NEAR = 5


def family(name: str, names: list[str]) -> list[str]:
    """The names with the same first part, or whose first part begins with the name."""
    first = name.partition(".")[0]
    return [one for one in names if one.startswith(f"{first}.") or one.startswith(name)]


def a(noun: str) -> str:
    """The noun with its article."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def shape_exists(name: str | None, info: ValidationInfo) -> str | None:
    """Refuse a shape that does not exist."""
    return None if name is None else known_name("shape", name, info)


CODE = WithJsonSchema({"type": ["integer", "string", "null"]})


def parse_code(value: object) -> int | str | None:
    """A number, a text or null, each sent as it is."""
    if isinstance(value, bool) or not isinstance(value, int | str | None):
        raise expected("a number, a text or null", value)
    return value


class ErrorSpec(Strict):
    """An error, before any server's shape."""

    status: StrictInt = Field(500, ge=200, le=999, description="The HTTP status.")
    shape: Annotated[str | None, AfterValidator(shape_exists)] = Field(
        None,
        description="The form of the body; the wire's own without it.",
        json_schema_extra={"x-names": "shape"},
    )
    message: Text | None = Field(None, description="The message; the shape's own without it.")
    error_type: Text | None = Field(None, description="The error's `type`.")
    code: Annotated[int | str | None, PlainValidator(parse_code), CODE] = Field(
        None, description='The error\'s `code`; 500 and "500" differ.'
    )
    param: Text | None = Field(None, description="The error's `param`.")


class Exchange(Protocol):
    """What a fault may ask of the exchange that it changes."""

    def answer(self, name: str, /) -> tuple[Message, ...]:
        """A named answer, whole."""

    def error(self, spec: ErrorSpec, /) -> tuple[Message, ...]:
        """An error, whole, in its shape or the wire's own."""

    def stream_error(self, spec: ErrorSpec, /, *, done: bool | None) -> tuple[Frame | Extra, ...]:
        """An error inside a stream; with `done` also what ends the stream behind it, with None if
        the shape's server sends that."""

    def delta(self, delta: dict[str, Any], /) -> Frame:
        """A frame of the wire's stream with this delta."""

    def fill(self, text: str, /) -> str:
        """The text with the placeholders of the language filled in."""

    def random(self, label: str, /) -> Random:
        """A generator of this call's own, for draws that the seed decides."""

    def within(self, label: str, /) -> Exchange:
        """The same exchange, with draws of its own."""

    def behind(self, frames: int, /) -> Exchange:
        """The same exchange, at the place behind so many frames of the script."""


SPELLED = {
    "target": "SELECTOR",
    "before": "before SELECTOR",
    "after": "after SELECTOR",
    "t": "t TIME",
    "server": "server TIME",
    "byte": "byte N",
    "upload": "upload SIZE",
    "idle": "idle [next-byte]",
}
MOMENTS = ("request", "head", "before", "after", "byte", "t", "server", "end")
"""The points of an exchange from the request on."""


class Spelled(Protocol):
    """What can be spelled: a verb or a named fault."""

    @property
    def name(self) -> str:
        """Its word."""

    def value(self) -> str:
        """Its value."""


def flow_of(fault: Spelled) -> str:
    """A fault in one line: `close: rst`."""
    value = fault.value()
    return f"{fault.name}: {value}" if value else fault.name


class Fault(Often, ABC):
    """A verb with its value, its anchor and how often it acts."""

    verb: ClassVar[str]
    points: ClassVar[tuple[str, ...]]
    """The anchors at which the verb can act."""
    default_at: ClassVar[str]

    at: At | None = Field(None, description="Where it acts.")

    @property
    def name(self) -> str:
        """The verb's name."""
        return self.verb

    @property
    def verbs(self) -> tuple[Fault, ...]:
        """The verbs that it stands for: itself."""
        return (self,)

    @cached_property
    def anchor(self) -> Anchor:
        """Where it acts: as written, or by default."""
        return self.at or parse_anchor(self.default_at)

    @field_validator("at")
    @classmethod
    def point_fits(cls, anchor: Anchor | None) -> Anchor | None:
        """Refuse a verb at an anchor where it has no meaning."""
        if anchor is not None and anchor.point not in cls.points:
            allowed = ", ".join(SPELLED.get(point, point) for point in cls.points)
            raise expected(f"an anchor for {cls.verb}: {allowed}", anchor.text, cls.why_not(anchor))
        return anchor

    @model_validator(mode="after")
    def value_fits(self) -> Self:
        """Refuse a value at an anchor where this value has no meaning, though others have."""
        why = self.value_why_not(self.anchor)
        if why is not None:
            raise expected(f"another anchor for {flow_of(self)}", self.anchor.text, why)
        return self

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """Why the verb cannot act there; most verbs act at any moment, and need one."""
        if anchor.point == "target":
            return f"say before {anchor.text} or after {anchor.text}"
        return f"{cls.verb} has no meaning there"

    def value_why_not(self, anchor: Anchor) -> str | None:
        """Why this value has no meaning there; None if it has."""
        return None

    @abstractmethod
    def value(self) -> str:
        """The verb's value as a profile would spell it, for people."""


class Adding(Fault):
    """A fault that adds events at a point of the exchange."""

    @property
    def needs_head(self) -> bool:
        """Whether what it adds means nothing before the head."""
        return False

    def head(self, head: Head) -> Head:
        """The head, where it says something of the fault before."""
        return head

    @abstractmethod
    def events(self, exchange: Exchange, /) -> tuple[Message, ...]:
        """What it adds."""


@valueclass(frozen=True, slots=True)
class Unit:
    """What an edit changes."""

    event: Head | Frame
    tokens: int
    """How many tokens the script has sent with it and before it."""


class Editing(Fault):
    """A fault that gives frames, or the head, another content."""

    points = ("target", "head")
    default_at = "content 6"

    @property
    def together(self) -> bool:
        """Whether its units are changed with a view to each other, so that all must be known."""
        return False

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """An edit needs a thing, not a moment."""
        return f"{cls.verb} changes a frame or the head, so name it: content 6, head"

    @abstractmethod
    def rewrite(
        self, units: tuple[Unit, ...], exchange: Exchange, /
    ) -> tuple[tuple[Message, ...], ...]:
        """What stands in the place of each of the units."""


class Encoding(Fault):
    """A fault that puts an answer into other bytes of the same meaning."""

    points = ("body", "target", "head")
    default_at = "body"

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """An encoding needs a thing, not a moment."""
        return f"{cls.verb} changes how something is written, so name it: body, frame 1, head"

    @abstractmethod
    def encoder(self) -> Encoder:
        """How it puts the answer into bytes."""
