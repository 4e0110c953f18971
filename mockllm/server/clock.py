"""The clock that the server waits on: the loop's own time, which can be advanced, or a test's.

Every wait of a profile is a timer of this clock: those of the player, of idle connections, of bodies
that arrive, and of listeners. aiohttp's own timeouts are not, and neither is the time of day: the
`date` of an answer and the times in the journal are when they were.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import os
import time
from collections.abc import Callable
from functools import partial
from math import inf, isfinite
from typing import Protocol

from mockllm.server.line import Line, Stream

MAX_CANCELLED = 100
"""Cancelled timers that may wait for their time, if they are not more than half of all."""
PATIENCE = 0.0075
"""Seconds for which patient calls let others pass: less than what makes times worthless."""
ROUNDING = 1e-6
"""Seconds by which sums of floats may miss: a wait of an hour is over after two half hours."""


Callback = Callable[[], None]
"""What is called at its time."""


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None:
        """Call it off."""


class Clock(Protocol):
    """Seconds that never go back, and calls at a time."""

    def now(self) -> float:
        """The time."""

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Call back at a time, or soon if it is past."""

    def call_about(self, when: float, callback: Callback) -> Timer:
        """The same, or some milliseconds later where the loop is busy: a patient call."""

    def join(self, stream: Stream) -> None:
        """Play a stream from when it is due, which cannot be called off and so is to be soon."""

    def catch_up(self) -> None:
        """Make the calls that are due, and of the patient ones those that have waited for long: for who
        keeps the loop busy, and is in no call himself."""


class Due:
    """A call that the clock of a loop will make."""

    __slots__ = ("_cancelled", "callback")

    def __init__(self, callback: Callback, cancelled: Callable[[], None]) -> None:
        self.callback: Callback | None = callback
        self._cancelled = cancelled

    def ring(self) -> None:
        """Make the call, unless it has been called off."""
        callback, self.callback = self.callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        """Call it off; harmless where it has been made or called off."""
        if self.callback is not None:
            self.callback = None
            self._cancelled()


Entry = tuple[float, int, Due]
"""When a call is due, and which of those of one time it is."""


class LoopClock:
    """The clock of an event loop, which runs with the loop and can be advanced beyond it.

    It keeps its timers itself, in a heap, and asks the loop for the earliest only: advancing them
    takes no more than a look at the heap, and a thousand streams cost the loop one timer. Streams
    stand in a line of their own, which costs less.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], float] = time.monotonic,  # noqa: TID251  here is where clocks come from
        write: Callable[[int, bytes], int] = os.write,
    ) -> None:
        self._loop = loop
        self._time = now
        self._ahead = 0.0
        self.landed = -inf
        """The time at which it was advanced last: what was due before could not come sooner."""
        self._due: list[Entry] = []
        self._line = Line(write)
        self._patient: list[Entry] = []
        """Calls that let others pass; they come over to the others when it is their turn."""
        self._until = -inf
        """Up to when calls are being made."""
        self._order = itertools.count()
        self._cancelled = 0
        """Timers that have been called off since they were last thrown away."""
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = inf

    def now(self) -> float:
        """The time of the machine's clock, which the loops go by, and what this one is ahead of it.

        uvloop's own time stands still while callbacks run, and a thousand streams take long.
        """
        return self._time() + self._ahead

    def call_at(self, when: float, callback: Callback) -> Timer:
        """Call back at a time, or soon if it is past. Calls of one time come in the order asked; streams
        are played before them."""
        due = Due(callback, self._forget)
        heapq.heappush(self._due, (when, next(self._order), due))
        if when < self._alarm_at:
            self._set_alarm()
        return due

    def call_about(self, when: float, callback: Callback) -> Timer:
        """The same, but `catch_up` passes it over until it has been patient for long enough."""
        if when <= self._until:
            return self.call_at(when, callback)  # its turn comes now
        due = Due(callback, self._forget)
        heapq.heappush(self._patient, (when, next(self._order), due))
        if when < self._alarm_at:
            self._set_alarm()
        return due

    def join(self, stream: Stream) -> None:
        """Play a stream from when it is due."""
        self._line.add(stream)
        if stream.when < self._alarm_at:
            self._set_alarm()

    def catch_up(self) -> None:
        """Make the calls that are due. A hundred requests that come together take ten milliseconds
        to plan; frames of other streams do not wait for all of them."""
        if self._due or self._patient or self._line:
            now = self.now()
            self._hurry(now - PATIENCE)
            if self._next() <= now:
                self._ring(now)

    def advance(self, seconds: float) -> None:
        """Move the time forward at once, and make every call that is due by then, before returning.

        The time jumps first: every callback sees the new time, so a wait that begins in one begins
        there. The calls come in order of the time at which they were due, also those that
        callbacks ask for on the way, such as the next of many heartbeats. What is due later comes
        so much sooner.

        To be called on the loop. Raises `ValueError` for seconds that are negative or not finite.
        """
        if not (isfinite(seconds) and seconds >= 0):
            raise ValueError(f"advance: expected seconds, 0 or more, got {seconds!r}")
        self._ahead += seconds
        self.landed = self.now()
        self._hurry(self.landed + ROUNDING)
        self._ring(self.landed + ROUNDING)

    def _hurry(self, until: float) -> None:
        """It is the turn of patient calls, too."""
        patient = self._patient
        while patient and patient[0][0] <= until:
            heapq.heappush(self._due, heapq.heappop(patient))

    def _ring(self, until: float) -> None:
        """Make every call that is due, in order."""
        self._alarm_at = -inf  # nobody sets the alarm on the way
        self._until = until
        heap, line = self._due, self._line
        try:
            while True:
                limit = min(until, first(heap))
                if line.first <= limit:
                    self._make(partial(line.play, limit, self._time, self._ahead, self.landed))
                elif first(heap) <= until:
                    self._make(heapq.heappop(heap)[2].ring)
                else:
                    break
        finally:
            self._until = -inf
            self._set_alarm()

    def _make(self, call: Callback) -> None:
        """Make a call; what it raises is the loop's to tell, as with timers of its own."""
        try:
            call()
        except Exception as error:
            self._loop.call_exception_handler({"message": "a timer failed", "exception": error})

    def _on_alarm(self) -> None:
        # A loop with coarse timers may be early; the alarm's time has come all the same.
        until = max(self.now(), self._alarm_at)
        self._hurry(until)
        self._ring(until)

    def _set_alarm(self) -> None:
        """Ask the loop for the earliest timer, and for no other."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = min(self._next(), first(self._patient))
        if self._alarm_at < inf:
            self._alarm = self._loop.call_at(self._alarm_at - self._ahead, self._on_alarm)

    def _next(self) -> float:
        """When the first call is due that lets no other pass; never, where there is none."""
        return min(first(self._due), self._line.first)

    def _forget(self) -> None:
        """A timer was cancelled: throw such away before they pile up."""
        self._cancelled += 1
        kept = len(self._due) + len(self._patient)
        if self._cancelled > MAX_CANCELLED and self._cancelled * 2 > kept:
            for entries in (self._due, self._patient):
                entries[:] = [entry for entry in entries if entry[2].callback is not None]
                heapq.heapify(entries)
            self._cancelled = 0


def first(entries: list[Entry]) -> float:
    """When the first of some calls is due; never, where there are none."""
    return entries[0][0] if entries else inf
