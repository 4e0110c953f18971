"""A timeline in words, for `mockllm plan`, the journal and snapshots."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mockllm.timeline.events import FOREVER, Close, End, Extra, Frame, Head, Onward, Wait
from mockllm.timeline.pacing import FLOW
from mockllm.timeline.slots import Step

MAX_TEXT = 48


@dataclass(frozen=True, slots=True)
class Line:
    """One event: its planned time in seconds, what it is, and the faults that made it."""

    time: float
    what: str
    text: str
    faults: tuple[int, ...] = ()
    step: int = field(default=0, compare=False)
    """The number of its step in the timeline, from 0."""


def describe(sequence: Sequence[Step], speed: float = 1.0) -> Iterator[Line]:
    """The events of a timeline in order, with the time at which each begins."""
    clock = 0.0
    seen: Counter[str] = Counter()
    for number, step in enumerate(sequence):
        match step.event:
            case None:
                yield Line(clock, "dropped", "a frame was taken away", step.faults, number)
            case Head() as head:
                kind = head.get("content-type") or "no content type"
                yield Line(clock, "head", f"{head.status} {kind}", step.faults, number)
            case Frame() as frame:
                seen.update(frame.kinds)
                yield Line(clock, named(frame, seen), payload(frame), step.faults, number)
            case Extra(data):
                yield Line(
                    clock, "extra", shortened(data.decode("utf-8", "replace")), step.faults, number
                )
            case Onward(drip=drip, bandwidth=rate):
                pace = f"a frame every {drip:g}s" if drip is not None else f"{rate:g} bytes/s"
                yield Line(clock, "pace", pace, step.faults, number)
            case Wait(seconds, paced, beat):
                if paced and not step.faults:
                    clock += seconds / speed
                    continue
                length = "forever" if seconds == FOREVER else f"{seconds / speed:.3f}s"
                if beat is not None:
                    length += f", every {beat.every / speed:g}s a heartbeat"
                yield Line(clock, "wait", length, step.faults, number)
                clock += seconds / speed
            case End():
                yield Line(clock, "end", "of the body", step.faults, number)
            case Close(how):
                yield Line(clock, "close", how, step.faults, number)


def named(frame: Frame, seen: Counter[str]) -> str:
    """A frame by the selector that finds it: `content 5`, `tool 2`, `finish`."""
    kind = frame.kinds[-1]
    if kind == "tool":
        return f"tool {frame.part}"
    return f"{kind} {seen[kind]}" if kind in FLOW else kind


def payload(frame: Frame) -> str:
    """What a frame carries, as short as it can be told."""
    try:
        document = json.loads(frame.data)
    except ValueError:
        return shortened(frame.data.decode("utf-8", "replace"))
    return shortened(telling(document, frame.kinds[-1]))


def telling(document: object, kind: str) -> str:
    """The part of a JSON document that a reader looks for."""
    match document:
        case (
            {"choices": [{"delta": {"content": str(text)}}, *_]}
            | {"choices": [{"delta": {"refusal": str(text)}}, *_]}
            | {"choices": [{"delta": {"reasoning_content": str(text)}}, *_]}
        ) if kind in FLOW:
            return json.dumps(text, ensure_ascii=False)
        case {"choices": [{"delta": {"tool_calls": [{"function": dict(call)}, *_]}}, *_]}:
            return " ".join(str(call[key]) for key in ("name", "arguments") if call.get(key))
        case {"choices": [{"finish_reason": str(reason)}, *_]} if kind == "finish":
            return reason
        case {"delta": {"text": str(text)} | {"thinking": str(text)}}:
            return json.dumps(text, ensure_ascii=False)
        case {"delta": {"partial_json": str(text)} | {"stop_reason": str(text)}}:
            return text
        case {"choices": [], "usage": {"completion_tokens": count}}:
            return f"{count} completion tokens"
        case {"choices": [{"message": {"content": str(text)}}, *_]} | {
            "choices": [{"message": {"refusal": str(text)}}, *_]
        }:
            return json.dumps(text, ensure_ascii=False)
        case {"choices": [{"delta": dict(delta)}, *_]}:
            return json.dumps(delta, ensure_ascii=False)
        case _:
            return json.dumps(document, ensure_ascii=False)


def shortened(text: str) -> str:
    """At most so many characters on one line."""
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
