"""The time of day: for the `date` of an answer and the times in the journal, never for waits."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache


def unix_time() -> float:
    """Now, in seconds."""
    return time.time()  # noqa: TID251  here is where the time of day comes from


def iso_time() -> str:
    """Now, as the journal says it."""
    return said(unix_time())


def said(moment: float) -> str:
    """A Unix time, as the journal says it."""
    second = int(moment)
    return f"{said_second(second)}.{MILLISECONDS[int((moment - second) * 1000)]}+00:00"


MILLISECONDS = tuple(f"{count:03d}" for count in range(1000))
"""In three digits: put together once, because every call asks, and every line of the log."""


@lru_cache(maxsize=2)  # it is the same for all calls of a second
def said_second(second: int) -> str:
    """The first part of it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
