"""What the server did in a call, as marks on the axis of time that client and server share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from mockllm.drill.cell import Mark, shortened
from mockllm.engine.journal import Entry
from mockllm.timeline.describe import describe
from mockllm.timeline.events import Wait
from mockllm.timeline.framing import Lowered

MARKS = 400
"""Marks that a cell keeps of each call."""
SHOWN = 4000
"""Characters of the bytes that a cell keeps of each call."""


def marks_of(entry: Entry, zero: float, now: float) -> list[Mark]:
    """The marks of one call, of many the first and the last; `zero` is when the journal's clock began,
    `now` is until when a call that has not ended lasts.

    What was planned stands where it was planned, up to what was reached; the end stands where it was
    seen.
    """
    marks = list(all_marks(entry, zero, now))
    if len(marks) <= MARKS:
        return marks
    half = MARKS // 2
    last = marks[half]
    more = Mark(last.time, last.time, "more", f"{len(marks) - MARKS} marks more", entry.number)
    return [*marks[:half], more, *marks[-half:]]


def all_marks(entry: Entry, zero: float, now: float) -> Iterator[Mark]:
    """Every mark of one call."""
    begun, number = zero + entry.at, entry.number
    ended = zero + entry.ended_at if entry.ended_at is not None else None
    yield Mark(
        begun, begun, "request", f"{entry.method} {entry.path} attempt {entry.attempt}", number
    )
    lines = list(describe(entry.plan.steps[: entry.reached], entry.plan.speed))
    begins = begins_of(entry.plan.lowered)
    last = ended if ended is not None else max(now, begun)
    times = [*(begun + begins.get(line.step, line.time) for line in lines), last]
    for line, (start, until) in zip(lines, pairwise(times), strict=True):
        names = ", ".join(entry.plan.reports[index].text for index in line.faults)
        text = f"{line.what} {line.text}" + (f" <- {names}" if names else "")
        length = min(until, last) if line.what == "wait" else start
        kind = line.what if line.what in ("head", "wait", "close", "end") else "frame"
        yield Mark(min(start, last), max(length, min(start, last)), kind, text, number)
    if ended is not None:
        yield Mark(ended, ended, "over", entry.outcome.ending, number)
    if entry.outcome.peer_left is not None:
        left = begun + entry.outcome.peer_left
        yield Mark(
            left, left, "peer", f"client left ({entry.outcome.peer or 'unknown how'})", number
        )


def begins_of(lowered: Lowered) -> dict[int, float]:
    """When each step begins on the socket, in seconds: later than in the timeline where bytes are
    split, and have pauses between. A step of which nothing is sent is not in it."""
    begins: dict[int, float] = {}
    clock = 0.0
    for event, step in zip(lowered.events, lowered.origin, strict=True):
        begins.setdefault(step, clock)
        if isinstance(event, Wait):
            clock += event.seconds
    return begins


def sent_text(entry: Entry) -> str:
    """The bytes that were written, as text; long ones are cut."""
    return shortened(entry.bytes_written.decode("utf-8", "backslashreplace"), SHOWN)
