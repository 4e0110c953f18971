"""What a server told its client to do: when to come again, and whether."""

from __future__ import annotations

import re
from email.utils import mktime_tz, parsedate_tz
from typing import NamedTuple

from mockllm.engine.journal import Entry

NUMBER = re.compile(r"\d+(\.\d+)?|\.\d+")
DATE = re.compile(rb"^date: *([^\r\n]*)", re.IGNORECASE | re.MULTILINE)
COARSE = 1.0
"""Seconds by which an HTTP-date may miss the time that was meant: it has none below a second."""


class Told(NamedTuple):
    """When a client was told to come again."""

    seconds: float
    """So long after the head."""
    text: str
    """The header."""
    slack: float = 0.0
    """By how much that may be wrong."""


def retry_after(entry: Entry) -> Told | None:
    """When an error answer asks the client to come again; None where it does not, or in vain.

    Seconds, fractions and HTTP-dates (RFC 9110, 10.2.3) and Azure's `retry-after-ms`; of two
    headers the one that asks for less. Negative and meaningless values ask for nothing.
    """
    head = entry.plan.head
    if head is None or entry.status is None or entry.status < 400:
        return None
    asked = []
    for name, value in head.headers:
        one = told(entry, name.lower(), value.strip())
        if one is not None and one.seconds >= 0:
            asked.append(one)
    return min(asked, default=None)


def told(entry: Entry, name: str, value: str) -> Told | None:
    """What one header asks for."""
    text = f"{name}: {value}"
    if name == "retry-after-ms" and NUMBER.fullmatch(value):
        return Told(float(value) / 1000, text)
    if name != "retry-after":
        return None
    if NUMBER.fullmatch(value):
        return Told(float(value), text)
    sent = DATE.search(entry.bytes_written)
    then, now = unix_time(value), unix_time(sent[1].decode("latin-1")) if sent else None
    return None if then is None or now is None else Told(then - now, text, COARSE)


def unix_time(text: str) -> float | None:
    """The time of an HTTP-date; None where it is none, or out of range."""
    parsed = parsedate_tz(text)
    if parsed is None:
        return None
    try:
        return mktime_tz((*parsed[:9], parsed[9] or 0))
    except (ValueError, OverflowError):
        return None


def invited(entry: Entry) -> bool:
    """Whether an answer asks for a retry, as OpenAI's `x-should-retry` does (its SDKs obey it)."""
    head = entry.plan.head
    wanted = head is not None and (head.get("x-should-retry") or "").lower() == "true"
    return wanted or retry_after(entry) is not None
