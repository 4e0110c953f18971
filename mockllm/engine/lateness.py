"""How well a server keeps its own times: what its machine adds to the pace of its streams."""

from __future__ import annotations

from collections.abc import Sequence

LATE = 0.010
"""Seconds of p99 gap error from which on times are not to be trusted."""
MOST = 1_000
"""Milliseconds from which on errors are not told apart."""


class Lateness:
    """The gap errors of paced events, counted by whole milliseconds.

    A gap error is how far the time between two paced events of a stream is from the one that was
    planned, whichever way. Noting one is a matter of a tenth of a microsecond, because every frame
    of every stream does it.
    """

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * (MOST + 1)

    def note(self, seconds: float) -> None:
        """Count an error, early or late."""
        try:
            self._counts[int(abs(seconds) * 1000)] += 1
        except IndexError:
            self._counts[MOST] += 1

    @property
    def counts(self) -> tuple[int, ...]:
        """How many errors there were of 0 to 1 ms, of 1 to 2, and so on; the last, of a second and more."""
        return tuple(self._counts)

    @property
    def total(self) -> int:
        """How many were noted."""
        return sum(self._counts)

    def quantile(self, share: float) -> float:
        """The error in seconds that so large a share does not exceed, rounded up to a millisecond;
        0.0 where none was noted. Raises `ValueError` for a share that is not from 0 to 1."""
        return quantile(self._counts, share)

    def clear(self) -> None:
        """Forget all."""
        self._counts = [0] * (MOST + 1)


def quantile(counts: Sequence[int], share: float) -> float:
    """`Lateness.quantile` of counts as it has them."""
    if not 0 <= share <= 1:
        raise ValueError(f"quantile: expected a share from 0 to 1, got {share!r}")
    left = share * sum(counts)
    for slot, count in enumerate(counts):
        left -= count
        if count and left <= 0:
            return (slot + 1) / 1000
    return 0.0


def too_slow(gap_error: float) -> str:
    """What to say where times do not hold, and what to do."""
    return (
        f"the machine is too slow for this load: p99 gap error {gap_error * 1000:.0f} ms; what clients "
        "measure is not the profile's pacing. Ask for fewer streams at a time or a slower pace, give "
        "the server a processor of its own, or run several servers"
    )
