"""What a server has done since its start or last reset, in sums: the journal forgets, these do not.

Each call adds to them once, when it is over, so that they cost next to nothing; who asks for them
pays for the rest. What a fault does to a kept connection after the answer is not counted, nor what
meets a connection of a listener before its first request; the journal and `connections` have both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, cast

from mockllm.engine.answer import Delivered
from mockllm.engine.journal import Ending, Entry


class Kind(NamedTuple):
    """What calls have in common."""

    profile: str
    route: str
    wire: str
    """Empty where no API is served at the path."""
    status: int
    """0 where no head was sent."""
    ending: Ending


class Fired(NamedTuple):
    """A fault that acted."""

    profile: str
    route: str
    fault: str
    """As a profile would spell it."""


@dataclass(slots=True, eq=False)
class Total:
    """Calls of one kind, and what was handed to the kernel for them."""

    calls: int = 0
    frames: int = 0
    bytes: int = 0


class Totals:
    """The sums of one server."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str, int, Ending], Total] = {}
        self._fired: dict[Fired, int] = {}

    def note(self, entry: Entry, sent: Delivered) -> None:
        """Add a call that is over, and what was sent of its answer."""
        plan, outcome = entry.plan, entry.outcome
        # A plain tuple finds its `Kind`, and is made in a fifth of the time.
        kind = (
            plan.profile,
            plan.found.name,
            plan.call.wire or "",
            sent.status or 0,
            outcome.ending,
        )
        total = self._calls.get(kind)
        if total is None:
            total = self._calls[Kind(*kind)] = Total()
        total.calls += 1
        total.frames += sent.frames
        total.bytes += outcome.bytes_sent
        if plan.answer.outline.reports:
            for text in entry.fired:
                fault = Fired(plan.profile, plan.found.name, text)
                self._fired[fault] = self._fired.get(fault, 0) + 1

    def clear(self) -> None:
        """Forget all."""
        self._calls.clear()
        self._fired.clear()

    @property
    def calls(self) -> Mapping[Kind, Total]:
        """The calls by kind, in the order in which the kinds came."""
        return cast(Mapping[Kind, Total], self._calls)

    @property
    def fired(self) -> Mapping[Fired, int]:
        """How many calls each fault acted on."""
        return self._fired
