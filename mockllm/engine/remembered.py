"""The requests that came last, so that what comes again in the same words is read once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 256
"""Requests that are remembered; the one that came longest ago is forgotten first."""
LONG = 16 << 10
"""Bytes of a body from which on a request is not remembered: comparing would take longer."""

T = TypeVar("T")


class Remembered(Generic[T]):
    """What was made of the last requests, by their words."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._made: dict[Hashable, T] = {}

    def get(self, words: Hashable, make: Callable[[], T]) -> T:
        """What was made of these words, or is made now."""
        found = self._made.pop(words, None)
        if found is None:
            found = make()
        self._made[words] = found
        if len(self._made) > self._most:
            del self._made[next(iter(self._made))]
        return found

    def find(self, words: Hashable) -> T | None:
        """What was made of these words; None where nothing was."""
        return self._made.get(words)

    def clear(self) -> None:
        """Forget all."""
        self._made.clear()
