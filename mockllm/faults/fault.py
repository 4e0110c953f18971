"""What all faults share: where, how often, and the three ways to change a timeline.

A fault is a frozen value that holds its own configuration. It adds events at a point (`Adding`),
rewrites frames (`Editing`) or puts frames into other bytes (`Encoding`); `apply` does the rest.
It never asks whose request it is: what it may know of the exchange comes in as `Exchange`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from functools import cached_property
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StrictInt,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from mockllm.faults.anchors import Anchor, At, parse_anchor
from mockllm.faults.often import Often
from mockllm.faults.values import Strict, Text, expected, hint_for
from mockllm.timeline.events import Frame, Message
from mockllm.timeline.slots import Encoder


def known_name(kind: str, name: str, info: ValidationInfo) -> str:
    """Refuse a name that the loader does not know; without a loader any name passes."""
    known: Collection[str] | None = (info.context or {}).get(kind)
    if known is None or name in known:
        return name
    names = sorted(known)
    raise expected(f"the name of {a(kind)} ({', '.join(names)})", name, hint_for([name], names))


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

    def stream_error(self, spec: ErrorSpec, /) -> Frame:
        """An error as a frame inside a stream."""

    def done(self) -> tuple[Frame, ...]:
        """The frame that ends the wire's streams; none where the wire has none."""

    def delta(self, delta: dict[str, Any], /) -> Frame:
        """A frame of the wire's stream with this delta."""


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
            allowed = ", ".join(
                {"target": "a SELECTOR", "t": "t TIME"}.get(
                    p, f"{p} SELECTOR" if p in ("before", "after") else p
                )
                for p in cls.points
            )
            raise expected(f"an anchor for {cls.verb}: {allowed}", anchor.text, cls.why_not(anchor))
        return anchor

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """Why the verb cannot act there; most verbs act at any moment, and need one."""
        return f"say before {anchor.text} or after {anchor.text}"

    @abstractmethod
    def value(self) -> str:
        """The verb's value as a profile would spell it, for people."""


class Adding(Fault):
    """A fault that adds events at a point of the exchange."""

    @abstractmethod
    def events(self, exchange: Exchange, /) -> tuple[Message, ...]:
        """What it adds."""


class Editing(Fault):
    """A fault that gives frames another content."""

    points = ("target",)
    default_at = "content 6"

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """An edit needs a thing, not a moment."""
        return f"{cls.verb} changes a frame, so name the frame: content 6"

    @abstractmethod
    def rewrite(self, frame: Frame, /) -> tuple[Message, ...]:
        """What stands in the frame's place."""


class Encoding(Fault):
    """A fault that puts frames into other bytes of the same meaning."""

    points = ("target",)
    default_at = "frame *"

    @classmethod
    def why_not(cls, anchor: Anchor) -> str:
        """An encoding needs a thing, not a moment."""
        return f"{cls.verb} changes frames, so name them: frame *"

    @abstractmethod
    def encoder(self) -> Encoder:
        """How it puts a frame into bytes."""
