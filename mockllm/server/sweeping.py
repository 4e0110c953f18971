"""When the cyclic garbage collector runs, in a process that is ours: when nobody waits for a frame.

Left alone it stops every stream for tens of milliseconds, several times a second under load: the
largest part of the error of their times. Calls leave no cycles behind, so there is little to find.
What the server is made of is frozen once it has started; then the collector is off, and `sweep`
runs it when no call is in flight, or when so much has piled up that it must. Only `mockllm serve`
and `mockllm record` do this: a process that hosts a server in its tests keeps the collector as it wants it.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

LOOK = 1.0
"""Seconds between two looks."""
SOME = 10_000
"""New objects that are worth a collection when nobody waits."""
MANY = 1_000_000
"""New objects that are collected whoever waits, about 100 MB. A full journal has fewer."""


def settle_down() -> None:
    """Take what there is for lasting, and turn the collector off."""
    gc.collect()
    gc.freeze()
    gc.disable()


def is_due(new: int, *, busy: bool) -> bool:
    """Whether to collect with so many objects that are new since the last time."""
    return new > (MANY if busy else SOME)


async def sweep(busy: Callable[[], bool]) -> None:
    """Collect when it is due, for ever; `busy` tells whether a call is in flight."""
    while True:
        await asyncio.sleep(LOOK)
        if is_due(gc.get_count()[0], busy=busy()):
            gc.collect()
