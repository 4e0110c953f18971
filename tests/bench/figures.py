"""What was measured, and the arithmetic on it: no process and no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from statistics import median

Figures = Mapping[str, float]
"""One measurement: figures by name. A name ends in its unit (`resident_mb`); times without one are
milliseconds."""
Results = Mapping[str, Mapping[str, Figures]]
"""Medians by workload and subject."""


def medians(runs: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure of some runs; a figure that a run lacks counts where it is."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: median(run[name] for run in runs if name in run) for name in names}


def percentile(values: Sequence[float], part: float) -> float:
    """The nearest rank: the smallest value that a part (0 to 1) of all does not exceed.

    Raises `ValueError` where there are no values.
    """
    if not values:
        raise ValueError("there is no percentile of no values")
    return sorted(values)[max(0, ceil(part * len(values)) - 1)]


def largest(holds: Callable[[int], bool], start: int, most: int, near: float = 0.1) -> int:
    """About the largest whole number up to `most` for which something holds; 0 if it never does.

    It doubles from `start`, then halves the interval until its ends are within `near` of each
    other. Asked of a measurement, which is noisy, it asks each number once.
    """
    low, high = 0, start
    while high <= most and holds(high):
        low, high = high, high * 2
    if low * 2 > most and low:
        high = most + 1
    while high - low > max(1, near * high):
        middle = (low + high) // 2
        if holds(middle):
            low = middle
        else:
            high = middle
    return low
