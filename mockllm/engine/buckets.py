"""Token buckets: how much is left of a limit a minute that fills up all the time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor, inf

MINUTE = 60.0
ROUNDING = 1e-6
"""How much may be missing: sums of floats are not exact, and who waited as told must get through."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A limit a minute, and what is left of it at a time. Times are seconds on one clock."""

    limit: int
    level: float
    time: float

    @classmethod
    def full(cls, limit: int, now: float) -> Bucket:
        """A bucket of which nothing has been taken."""
        return cls(limit, float(limit), now)

    def at(self, now: float) -> Bucket:
        """The same bucket later, with what has flowed in since."""
        level = self.level + (now - self.time) * self.limit / MINUTE
        return replace(self, level=min(level, float(self.limit)), time=now)

    def take(self, amount: int) -> Bucket:
        """The bucket without so much; it must be there."""
        return replace(self, level=self.level - amount)

    def wait(self, amount: int) -> float:
        """Seconds until so much is there: 0 if it is, infinite if it never will be."""
        missing = amount - self.level
        if missing <= ROUNDING:
            return 0.0
        return inf if amount > self.limit else missing * MINUTE / self.limit

    @property
    def remaining(self) -> int:
        """What can be taken now."""
        return max(floor(self.level + ROUNDING), 0)

    @property
    def reset(self) -> float:
        """Seconds until it is full."""
        return (self.limit - self.level) * MINUTE / self.limit if self.limit else 0.0
