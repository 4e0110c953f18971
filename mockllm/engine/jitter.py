"""The waits of an answer whose pace varies: what a call draws of them, where all else is stamped."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from mockllm.timeline.events import Frame, Message, Wait
from mockllm.timeline.pacing import Pace, pace
from mockllm.timeline.valueclass import replace


class Jitter:
    """Draws the waits of one kind of answer."""

    def __init__(self, events: Iterable[Message | None], timing: Pace) -> None:
        """`events` are those of an answer of the kind."""
        bare = (
            replace(event, data=b"", around=None) if isinstance(event, Frame) else event
            for event in events
            if event is not None and not isinstance(event, Wait)
        )
        known: dict[Message, Message] = {}
        self._script = tuple(known.setdefault(event, event) for event in bare)
        """Without its waits and its bytes; most frames are the same then, and are kept once."""
        self._timing = timing

    def waits(self, random: Random) -> tuple[Wait, ...]:
        """All waits of the answer, in order."""
        return waits_of(pace(self._script, self._timing, random))


def waits_of(events: Iterable[object]) -> tuple[Wait, ...]:
    """Those among some events."""
    return tuple([event for event in events if type(event) is Wait])
