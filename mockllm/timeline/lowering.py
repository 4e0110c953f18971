"""Framing of a timeline that grows: the same as `lower`, one part of it after another."""

from __future__ import annotations

from mockllm.timeline.events import Head
from mockllm.timeline.framing import Lowered, lower
from mockllm.timeline.slots import Step


class Lowering:
    """Turns the steps of one answer into what the socket must do, as they come.

    A head leaves at once, so a length that it announces must not depend on what comes later; where
    it does, the steps of the whole answer must be given together.
    """

    def __init__(self, *, date: str, body_allowed: bool = True) -> None:
        self._date = date
        self._body_allowed = body_allowed
        self._head: Step | None = None

    def feed(self, steps: tuple[Step, ...]) -> Lowered:
        """The events of further steps; their origins count from the first of these."""
        # The head alone says how the body is framed, so it stands before each part again.
        again = () if self._head is None else (self._head,)
        lowered = lower((*again, *steps), date=self._date, body_allowed=self._body_allowed)
        skip = sum(origin < len(again) for origin in lowered.origin)
        self._head = next((s for s in reversed(steps) if isinstance(s.event, Head)), self._head)
        origin = tuple(origin - len(again) for origin in lowered.origin[skip:])
        return Lowered(lowered.events[skip:], origin)
