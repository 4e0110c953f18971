"""A wire timeline as it is played: its bytes in one piece, and what is done with parts of them.

What nothing separates shares a call of the socket, because a call takes as long as making ten
frames; what a fault cut stays apart.
"""

from __future__ import annotations

from collections.abc import Iterable

from mockllm.timeline.events import Close, Wait, WireEvent, Write
from mockllm.timeline.valueclass import valueclass

SHARED = 16 << 10
"""Bytes from which on a call is not shared, so that a slow reader is heard in time."""


@valueclass(frozen=True, slots=True)
class Send:
    """Some of the bytes, in one call."""

    start: int
    stop: int
    events: int = 1
    """How many writes of the wire timeline they are."""


Move = Send | Wait | Close
"""What a player does at once, or waits for."""


@valueclass(frozen=True, slots=True)
class Score:
    """What a player plays."""

    moves: tuple[Move, ...]
    data: bytes


def score(events: Iterable[WireEvent]) -> Score:
    """What is played for a wire timeline."""
    moves: list[Move] = []
    parts: list[bytes] = []
    start = stop = count = 0
    """The send that is being made: none where `count` is 0."""

    def close() -> None:
        nonlocal start, count
        if count:
            moves.append(Send(start, stop, count))
        start, count = stop, 0

    for event in events:
        if type(event) is not Write:
            close()
            moves.append(event)  # type: ignore[arg-type]  # mypy does not narrow by `type`
            continue
        if event.apart or stop - start >= SHARED:
            close()
        parts.append(event.data)
        stop += len(event.data)
        count += 1
        if event.apart:
            close()
    close()
    return Score(tuple(moves), b"".join(parts))
