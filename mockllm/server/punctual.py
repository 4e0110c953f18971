"""A warning, once, when the server cannot keep its own times: nobody should trust what is measured then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from mockllm.engine.lateness import LATE, quantile, too_slow

log = logging.getLogger("mockllm")

LOOK = 5.0
"""Seconds between two looks."""
ENOUGH = 500
"""Paced events that tell something together: of few, one hiccup of the machine is the p99."""


def lately(before: Sequence[int], now: Sequence[int]) -> float | None:
    """The p99 gap error in seconds of what came between two looks at `Lateness.counts`; None where
    that was too little. Counts that have been cleared in between begin anew."""
    new = [there - then for there, then in zip(now, before, strict=True)]
    if min(new) < 0:
        new = list(now)
    return quantile(new, 0.99) if sum(new) >= ENOUGH else None


async def warn_when_late(counts: Callable[[], Sequence[int]]) -> None:
    """Look until times do not hold, and say so."""
    before = counts()
    while True:
        await asyncio.sleep(LOOK)
        now = counts()
        error = lately(before, now)
        if error is None:
            continue  # until so many have come that they tell something
        if error > LATE:
            log.warning(too_slow(error))
            return
        before = now
