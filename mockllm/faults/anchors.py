"""Where a fault acts: `at: after content 5`.

A point is a moment of the exchange, a target is a piece of it. Both are bound to the script's
timeline before any fault has changed it, so two faults at `after content 5` mean the same place.
Numbers count from 1 and ranges include both ends. Every body unit counts as a frame (the role
frame and `[DONE]` too); the body of an answer that is not streamed is one frame.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from mockllm.faults.values import expected, format_seconds, parse_duration
from mockllm.timeline.events import End, Frame, Head, Message
from mockllm.timeline.slots import Side

KINDS = ("frame", "role", "content", "tool", "finish", "usage", "done", "error")
NUMBER = r"-?[1-9]\d*"
KIND = "|".join(KINDS)
SELECTOR = re.compile(rf"({KIND})(?: (?:\*|({NUMBER})(?:\.\.({NUMBER}|\*|{KIND}))?))?")


@dataclass(frozen=True, slots=True)
class Selector:
    """Frames of one kind: all of them, one by its number, or a range."""

    kind: str
    first: int | None = None
    last: int | str | None = None
    """The last of a range: a number, or a kind whose last frame ends it."""
    text: str = ""

    def pick(self, events: Sequence[Message]) -> tuple[int, ...]:
        """The places of the selected frames in a script."""
        mine = [index for index, event in enumerate(events) if self.matches(event)]
        if self.first is None:
            return tuple(mine)
        units = [mine[index : index + 1] for index in range(len(mine))]
        if self.kind == "tool":
            # A tool call is one thing to its reader, however many frames its arguments take.
            parts = sorted({part_of(events[index]) for index in mine})
            units = [[i for i in mine if part_of(events[i]) == part] for part in parts]
        if isinstance(self.last, str):
            starts = slice_of(units, self.first, self.first)
            ends = Selector(self.last).pick(events)
            if not starts or not ends:
                return ()
            span = range(starts[0][0], ends[-1] + 1)
            return tuple(index for index in span if isinstance(events[index], Frame))
        chosen = slice_of(units, self.first, self.last or self.first)
        return tuple(sorted(index for unit in chosen for index in unit))

    def matches(self, event: Message) -> bool:
        """Whether an event is of the selected kind."""
        return isinstance(event, Frame) and (self.kind == "frame" or self.kind in event.kinds)


@dataclass(frozen=True, slots=True)
class Anchor:
    """One `at:`, as it was written and as it was understood."""

    point: Literal["request", "head", "before", "after", "t", "end", "target"]
    text: str
    selector: Selector | None = None
    seconds: float = 0.0

    def targets(self, events: Sequence[Message]) -> tuple[int, ...]:
        """The events that this anchor selects, for verbs that change something."""
        return self.selector.pick(events) if self.selector is not None else ()

    def places(self, events: Sequence[Message]) -> tuple[tuple[int, Side], ...]:
        """Where a verb that adds something puts it: before or after which event."""
        match self.point:
            case "request":
                return ((0, "before"),)
            case "head":
                heads = [i for i, event in enumerate(events) if isinstance(event, Head)]
                return tuple((index, "after") for index in heads[:1])
            case "end":
                return tuple((i, "before") for i, e in enumerate(events) if isinstance(e, End))
            case "before" | "after" as side if self.selector is not None:
                return tuple((index, side) for index in self.selector.pick(events))
            case _:
                return ()

    def missing(self, events: Sequence[Message]) -> str:
        """Why nothing was found here, for the report of a fault that did not fire."""
        if self.point == "t":
            return f"the exchange is over before {format_seconds(self.seconds)}"
        if self.selector is None:
            return f"the answer has no {self.text}"
        count = len(Selector(self.selector.kind).pick(events))
        frames = f"{count} {self.selector.kind} frame" + ("" if count == 1 else "s")
        return f"the answer has {frames}"


def part_of(event: Message) -> int:
    """Which tool call a frame belongs to."""
    return event.part if isinstance(event, Frame) else 0


def slice_of(items: list[list[int]], first: int, last: int) -> list[list[int]]:
    """The items of a 1-based, inclusive range; negative numbers count from the end."""
    start = first - 1 if first > 0 else len(items) + first
    stop = last if last > 0 else len(items) + last + 1
    return items[max(start, 0) : max(stop, 0)]


def parse_selector(text: str, whole: object) -> Selector:
    """Read `content 3..5`."""
    found = SELECTOR.fullmatch(text)
    if found is None:
        kinds = ", ".join(KINDS)
        raise expected(
            f"a selector such as content 5, content 3..5, frame -1 or finish ({kinds})", whole
        )
    kind, first, last = found.groups()
    if text == kind and kind in ("frame", "content", "tool"):
        raise expected(f"a number after {kind}, such as {kind} 5 or {kind} *", whole)
    if first is None:
        return Selector(kind, text=text)
    if last is None:
        return Selector(kind, int(first), text=text)
    if last in KINDS:
        return Selector(kind, int(first), last, text)
    return Selector(kind, int(first), -1 if last == "*" else int(last), text)


def parse_anchor(value: object) -> Anchor:
    """Read `after content 5`, `t 30s`, `request`, …"""
    if isinstance(value, Anchor):
        return value
    if not isinstance(value, str):
        raise expected("an anchor such as request, after content 5 or t 30s", value)
    text = " ".join(value.split())
    word, _, rest = text.partition(" ")
    match word:
        case "request" | "head" | "end" if not rest:
            return Anchor(word, text)
        case "before" | "after":
            return Anchor(word, text, parse_selector(rest, value))
        case "t" if rest:
            return Anchor("t", text, seconds=parse_duration(rest))
        case _ if word in LATER:
            raise expected(
                "an anchor of this release (request, head, before/after SELECTOR, t TIME, end)",
                value,
                f"'{word}' is not supported yet",
            )
        case _ if word in KINDS:
            return Anchor("target", text, parse_selector(text, value))
        case _:
            raise expected(
                "an anchor: request, head, before SELECTOR, after SELECTOR, t TIME or end", value
            )


LATER = (
    "connect", "tls", "upload", "byte", "idle", "server", "reasoning", "refusal", "event", "body",
)  # fmt: skip


def schema() -> dict[str, Any]:
    """What an editor may offer."""
    return {
        "type": "string",
        "description": "Where: request, head, before/after SELECTOR, t TIME, end; for edit and "
        "encode a SELECTOR such as content 5, content 3..5, frame -1, frame *, finish.",
        "examples": ["request", "head", "after content 5", "before finish", "t 30s", "end"],
    }


At = Annotated[
    Anchor,
    BeforeValidator(parse_anchor),
    PlainSerializer(lambda anchor: anchor.text),
    WithJsonSchema(schema()),
]
