"""Times as servers write them in texts."""

from __future__ import annotations

from email.utils import formatdate, parsedate
from functools import lru_cache

DAY = 86_400


def rfc3339(seconds: int) -> str:
    """A Unix time as Anthropic writes it: `2026-11-21T00:00:30Z`."""
    minutes, second = divmod(seconds % DAY, 60)
    hour, minute = divmod(minutes, 60)
    return f"{date_of(seconds // DAY)}T{hour:02}:{minute:02}:{second:02}Z"


@lru_cache(maxsize=400)  # made-up times are of one year
def date_of(day: int) -> str:
    """The date of a day, counted from the first of 1970: `2026-11-21`."""
    parts = parsedate(formatdate(day * DAY))
    assert parts is not None
    return "{:04}-{:02}-{:02}".format(*parts[:3])
