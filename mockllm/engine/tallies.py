"""The calls at each route, counted in each scope that its faults ask for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
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
    arrivals: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))
    ends: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=MAX_REMEMBERED))


def scope_of(call: Call, by: By) -> str:
    """Which scope of a kind a call belongs to."""
    match by:
        case "session":
            return call.session
        case "request body":
            return call.fingerprint
        case "connection":
            return str(call.connection)
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
        self, profile: str, route: int, call: Call, scopes: Iterable[By], now: float
    ) -> tuple[dict[By, Tally], tuple[Count, ...]]:
        """Count a call; what its faults may know, and the counts that its end concerns."""
        tallies: dict[By, Tally] = {}
        counts = []
        for by in scopes:
            count = self._counts.setdefault((profile, route, by, scope_of(call, by)), Count())
            count.calls += 1
            count.inflight += 1
            count.arrivals.append(now)
            counts.append(count)
            tallies[by] = Tally(
                count.calls,
                tuple(now - at for at in count.arrivals),
                count.inflight,
                tuple((now - at, tokens) for at, tokens in count.ends),
            )
        return tallies, tuple(counts)


def end(counts: Iterable[Count], now: float, tokens: int) -> None:
    """A call is over, and took so many tokens."""
    for count in counts:
        count.inflight -= 1
        count.ends.append((now, tokens))
