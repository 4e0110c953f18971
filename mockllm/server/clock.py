"""The clock that a player waits on: the loop's own, or a test's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """Seconds that never jump, and calls at a time."""

    def now(self) -> float:
        """The time."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call back at a time, or soon if it is past."""


class LoopClock:
    """The clock of an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> float:
        """The loop's time."""
        return self._loop.time()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """A callback of the loop."""
        return self._loop.call_at(when, callback)
