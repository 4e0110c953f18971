"""The calls at each route, counted in each scope that its faults ask for.

When calls came and ended is remembered only for as long as a fault of the route may ask for: most
ask for no time at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mockllm.faults.often import By, Tally
from mockllm.matchers.call import Call

MAX_REMEMBERED = 10_000
"""Arrivals and ends that are remembered in one scope; limits above that cannot be told."""

Place = tuple[str, int, By, str]
"""Profile, route, kind of scope, and which one."""


@dataclass(slots=True)
class Count:
    """What is known of one scope."""

    calls: int = 0
    inflight: int = 0
    """Where ends are asked for."""
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))
    ends: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))
    window: float = 0.0
    """For how many seconds arrivals and ends are remembered; 0 for not at all."""

    def tally(self, now: float) -> Tally:
        """What is known when a call has just come, and has been counted."""
        if not self.window:
            return Tally(self.calls, inflight=self.inflight)
        arrivals, ends = self.arrivals, self.ends
        arrivals.append(now)
        while now - arrivals[0] > self.window:
            arrivals.popleft()
        while ends and now - ends[0][0] > self.window:
            ends.popleft()
        return Tally(
            self.calls,
            tuple(now - at for at in arrivals),
            self.inflight,
            tuple((now - at, tokens) for at, tokens in ends),
        )


NOTHING_ASKED: Mapping[By, Tally] = {}
"""What nobody asks for; on most routes nobody asks for anything."""


def scope_of(call: Call, connection: int, by: By) -> str:
    """Which scope of a kind a call belongs to that came on this connection."""
    match by:
        case "session":
            return call.session
        case "request body":
            return call.fingerprint
        case "connection":
            return str(connection)
        case "key":
            return call.key or ""
        case "model":
            return call.model or ""
        case "server":
            return ""


class Tallies:
    """Counts by place."""

    def __init__(self) -> None:
        self._counts: dict[Place, Count] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._counts.clear()

    def forget(self, profile: str) -> None:
        """Forget the calls of one profile."""
        self._counts = {at: count for at, count in self._counts.items() if at[0] != profile}

    def visit(
        self,
        profile: str,
        route: int,
        call: Call,
        connection: int,
        scopes: Mapping[By, float | None],
        now: float,
        *,
        ends: bool = True,
    ) -> tuple[Mapping[By, Tally], tuple[Count, ...]]:
        """Count a call in some scopes; what its faults may know, and the counts that its end concerns,
        if anything asks which calls are over (`ends`).

        `scopes` has the seconds of the longest window in each scope; None where nobody asks.
        """
        tallies = NOTHING_ASKED
        counts = []
        for by, window in scopes.items():
            place = (profile, route, by, scope_of(call, connection, by))
            count = self._counts.get(place)
            if count is None:
                count = self._counts[place] = Count()
            count.calls += 1
            count.inflight += ends
            counts.append(count)
            if window is not None:
                count.window = window
                tallies = {**tallies, by: count.tally(now)}
        return tallies, tuple(counts)


def end(counts: Iterable[Count], now: float, tokens: int) -> None:
    """A call is over, and took so many tokens."""
    for count in counts:
        count.inflight -= 1
        if count.window and tokens:
            count.ends.append((now, tokens))
