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

from mockllm.faults.values import (
    expected,
    format_seconds,
    hint_for,
    parse_duration,
    parse_size,
)
from mockllm.timeline.events import End, Frame, Head, Message
from mockllm.timeline.slots import Side

KINDS = (
    "frame", "role", "content", "tool", "reasoning", "refusal", "finish", "usage", "done", "error",
)  # fmt: skip
NUMBERED = frozenset({"frame", "content", "tool", "reasoning", "refusal"})
"""Kinds of which an answer has many, so that one must say which."""
NUMBER = r"-?[1-9]\d*"
KIND = "|".join(KINDS)
SELECTOR = re.compile(
    rf"({KIND}|event [\w.]+)(?: (?:\*|({NUMBER})(?:\.\.({NUMBER}|\*|{KIND}))?)( last)?)?"
)


@dataclass(frozen=True, slots=True)
class Selector:
    """Frames of one kind: all of them, one by its number, or a range."""

    kind: str
    first: int | None = None
    last: int | str | None = None
    """The last of a range: a number, or a kind whose last frame ends it."""
    text: str = ""
    only_last: bool = False
    """Of a tool call only the last frame (`tool 2 last`)."""

    def pick(self, events: Sequence[Message]) -> tuple[int, ...]:
        """The places of the selected frames in a script."""
        mine = [index for index, event in enumerate(events) if self.matches(event)]
        if self.first is None and not self.only_last:
            return tuple(mine)
        units = [mine[index : index + 1] for index in range(len(mine))]
        if self.kind == "tool":
            # A tool call is one thing to its reader, however many frames its arguments take.
            parts = sorted({part_of(events[index]) for index in mine})
            units = [[i for i in mine if part_of(events[i]) == part] for part in parts]
            if self.only_last:
                units = [unit[-1:] for unit in units]
        if isinstance(self.last, str) and self.first is not None:
            starts = slice_of(units, self.first, self.first)
            ends = Selector(self.last).pick(events)
            if not starts or not ends:
                return ()
            span = range(starts[0][0], ends[-1] + 1)
            return tuple(index for index in span if isinstance(events[index], Frame))
        first = 1 if self.first is None else self.first
        last = self.last if isinstance(self.last, int) else -1 if self.first is None else first
        chosen = slice_of(units, first, last)
        return tuple(sorted(index for unit in chosen for index in unit))

    def matches(self, event: Message) -> bool:
        """Whether an event is of the selected kind."""
        if not isinstance(event, Frame):
            return False
        if self.kind.startswith("event "):
            return event.event == self.kind.removeprefix("event ")
        return self.kind == "frame" or self.kind in event.kinds


Point = Literal[
    "connect", "tls", "upload", "request", "head", "before", "after", "byte", "t", "server", "end",
    "idle", "target", "body",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Anchor:
    """One `at:`, as it was written and as it was understood."""

    point: Point
    text: str
    selector: Selector | None = None
    seconds: float = 0.0
    """For `t`: since the first response byte; for `server`: since the server's start or reset."""
    size: int = 0
    """For `byte` and `upload`, in bytes."""
    next_byte: bool = False
    """For `idle`: not at once, but when the next request begins."""

    def targets(self, events: Sequence[Message]) -> tuple[int, ...]:
        """The events that this anchor selects, for verbs that change something."""
        match self.point:
            case "head":
                return self.heads(events)
            case "body":
                return tuple(i for i, event in enumerate(events) if isinstance(event, Frame))
            case _:
                return self.selector.pick(events) if self.selector is not None else ()

    def places(self, events: Sequence[Message]) -> tuple[tuple[int, Side], ...]:
        """Where a verb that adds something puts it: before or after which event."""
        match self.point:
            case "request":
                return ((0, "before"),)
            case "head":
                return tuple((index, "after") for index in self.heads(events))
            case "end":
                return tuple((i, "before") for i, e in enumerate(events) if isinstance(e, End))
            case "before" | "after" as side if self.selector is not None:
                return tuple((index, side) for index in self.selector.pick(events))
            case _:
                return ()

    def heads(self, events: Sequence[Message]) -> tuple[int, ...]:
        """The place of the response head."""
        return tuple(i for i, event in enumerate(events) if isinstance(event, Head))[:1]

    def missing(self, events: Sequence[Message]) -> str:
        """Why nothing was found here, for the report of a fault that did not fire."""
        match self.point:
            case "t" | "server":
                return f"the exchange is over before {format_seconds(self.seconds)}"
            case "byte":
                return f"the body is shorter than {abs(self.size)} bytes"
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
    """Read `content 3..5`, `frame 40..finish`, `tool 2 last`, `event error`."""
    found = SELECTOR.fullmatch(text)
    if found is None:
        kinds = ", ".join(KINDS)
        raise expected(
            f"a selector such as content 5, content 3..5, frame -1 or finish ({kinds}, event NAME)",
            whole,
            nearest(text, (*KINDS, "event")),
        )
    kind, first, last, only_last = found.groups()
    if only_last and kind != "tool":
        raise expected("`last` behind a tool call, such as tool 2 last", whole)
    if text == kind and kind in NUMBERED:
        raise expected(f"a number after {kind}, such as {kind} 5 or {kind} *", whole)
    end = last if last in KINDS or last is None else -1 if last == "*" else int(last)
    if isinstance(end, int) and (int(first) > end) and (int(first) > 0) == (end > 0):
        raise expected(f"a range that does not run backwards, such as {kind} {end}..{first}", whole)
    return Selector(kind, None if first is None else int(first), end, text, bool(only_last))


POINTS = (
    "connect", "tls", "upload", "request", "head", "before", "after", "byte", "t", "server", "end",
    "idle", "body",
)  # fmt: skip
BYTE = re.compile(r"-?\d+")


def nearest(text: str, words: Sequence[str]) -> str:
    """What the first word of an anchor may have been meant to be."""
    first, _, _ = text.partition(" ")
    return "" if first in words else hint_for([first], words)


def parse_anchor(value: object) -> Anchor:
    """Read `after content 5`, `t 30s`, `request`, …"""
    if isinstance(value, Anchor):
        return value
    if not isinstance(value, str):
        raise expected("an anchor such as request, after content 5 or t 30s", value)
    text = " ".join(value.split())
    word, _, rest = text.partition(" ")
    match word:
        case "connect" | "tls" | "request" | "head" | "end" | "body" if not rest:
            return Anchor(word, text)
        case "idle" if rest in ("", "next-byte"):
            return Anchor("idle", text, next_byte=bool(rest))
        case "before" | "after":
            return Anchor(word, text, parse_selector(rest, value))
        case "t" | "server" if rest:
            return Anchor(word, text, seconds=parse_duration(rest))
        case "byte" if BYTE.fullmatch(rest):
            return Anchor("byte", text, size=int(rest))
        case "byte":
            raise expected("a byte of the body, such as byte 512 or byte -1", value)
        case "upload" if rest:
            return Anchor("upload", text, size=parse_size(rest))
        case _ if word in KINDS or word == "event":
            return Anchor("target", text, parse_selector(text, value))
        case _:
            raise expected(
                "an anchor (request, head, before SELECTOR, after SELECTOR, byte N, t TIME, end, "
                "idle, server TIME, upload SIZE, connect, tls) or a target (SELECTOR, head, body)",
                value,
                nearest(text, (*POINTS, *KINDS, "event")),
            )


def schema() -> dict[str, Any]:
    """What an editor may offer."""
    return {
        "type": "string",
        "description": "Where. A point: connect, tls, upload SIZE, request, head, before SELECTOR, "
        "after SELECTOR, byte N, t TIME, server TIME, end, idle, idle next-byte. A target, for "
        "edit and encode: SELECTOR, head, body. A SELECTOR: content 5, content 3..5, frame -1, "
        "frame *, frame 40..finish, tool 2 last, finish, event NAME.",
        "examples": ["request", "head", "after content 5", "before finish", "t 30s", "end"],
    }


At = Annotated[
    Anchor,
    BeforeValidator(parse_anchor),
    PlainSerializer(lambda anchor: anchor.text),
    WithJsonSchema(schema()),
]


# What the words mean, for the reference

POINT_MEANINGS: dict[str, str] = {
    "connect": "A connection has been accepted; nothing of it is read. Only on a listener.",
    "tls": "The TLS handshake begins. Only on a listener with TLS.",
    "upload SIZE": "So much of the request's body has arrived.",
    "request": "The request has been read, and nothing is sent.",
    "head": "Just after the head. As a target: the head itself.",
    "before SELECTOR": "Before each of the frames.",
    "after SELECTOR": "After each of the frames.",
    "byte N": "After so many bytes of the body, as they are after encoding; a negative number counts "
    "from the end.",
    "t TIME": "So long after the first byte of the response, in planned time.",
    "server TIME": "So long after the server's start or reset, in a stream that is under way then.",
    "end": "After the last frame, before what ends the body.",
    "idle": "The exchange is over, and the connection kept.",
    "idle next-byte": "The first byte of the next request arrives on the kept connection.",
    "SELECTOR": "A target, for `edit` and `encode`: the frames.",
    "body": "A target, for `encode`: all frames, and the body as a whole.",
}
KIND_MEANINGS: dict[str, str] = {
    "frame": "Any frame.",
    "role": "The frame that says who speaks.",
    "content": "A piece of the text.",
    "tool": "The frames of a tool call; its number is the call's: `tool 2`, `tool 2 last`.",
    "reasoning": "A piece of the reasoning.",
    "refusal": "A piece of a refusal.",
    "finish": "The frame with the finish reason.",
    "usage": "The frame with the count of tokens.",
    "done": "The final marker, such as `[DONE]`.",
    "error": "The document of an error.",
    "event NAME": "A frame whose event has this name.",
}
SELECTOR_FORMS: dict[str, str] = {
    "content 5": "The fifth.",
    "content -1": "The last.",
    "content 3..5": "From the third to the fifth; `content 3..*` to the last.",
    "frame 40..finish": "From the fortieth to the last of another kind.",
    "content *": "Each.",
    "finish": "Each; kinds of which an answer has many need a number or `*`.",
}
