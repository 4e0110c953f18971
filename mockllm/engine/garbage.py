"""What came that is no HTTP: no call, so the journal has none of it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MAX_REMEMBERED = 100
SHOWN = 16
"""Bytes that are shown: enough to know TLS, HTTP/2 or half a request line, and no key."""


@dataclass(frozen=True, slots=True)
class Garbage:
    """One request that could not be read; it was answered with 400."""

    time: str
    """When, in UTC."""
    began: str
    """How its connection began: a few bytes up to a query, escaped as in Python."""
    reason: str
    """What the parser says, without what it quotes."""


def garbage(time: str, first: bytes, reason: str) -> Garbage:
    """What is remembered of it: of bytes and reason only what cannot hold a credential."""
    began = first[:SHOWN].partition(b"?")[0].decode("latin-1")
    line = reason.strip().partition("\n")[0].partition("b'")[0].partition('b"')[0]
    return Garbage(time, began.encode("unicode_escape").decode("ascii"), line.strip().rstrip(":"))


class GarbageBin:
    """The last of it, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Garbage] = deque(maxlen=MAX_REMEMBERED)

    def add(self, one: Garbage) -> None:
        """Write one down."""
        self._kept.append(one)

    def entries(self) -> tuple[Garbage, ...]:
        """What came so far."""
        return tuple(self._kept)

    def clear(self) -> None:
        """Forget it."""
        self._kept.clear()
