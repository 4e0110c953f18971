"""The requests that came last, so that what comes again in the same words is read once."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

MOST = 256
"""Requests that are remembered; the one that came longest ago is forgotten first."""
MOST_BYTES = 2 << 20
"""Bytes of their words, in all."""
LONG = 16 << 10
"""Bytes of words from which on a request is not remembered: comparing would take longer."""

T = TypeVar("T")


class Remembered(Generic[T]):
    """What was made of the last requests, by their words."""

    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._made: dict[Hashable, tuple[T, int]] = {}
        """With the length of the words."""
        self._bytes = 0

    def __len__(self) -> int:
        """How many are remembered."""
        return len(self._made)

    def get(self, words: Hashable, make: Callable[[], T], size: int | None = None) -> T:
        """What was made of these words, or is made now; `size` is how long they are, if that is known."""
        found = self._made.pop(words, None)
        if found is not None:
            self._made[words] = found
            return found[0]
        made = make()
        size = length(words) if size is None else size
        if size < LONG:
            self._made[words] = made, size
            self._bytes += size
            while len(self._made) > self._most or self._bytes > self._most_bytes:
                self._bytes -= self._made.pop(next(iter(self._made)))[1]
        return made

    def find(self, words: Hashable) -> T | None:
        """What was made of these words; None where nothing was."""
        found = self._made.get(words)
        return None if found is None else found[0]


def length(words: Hashable) -> int:
    """How long words are, and all that they are made of."""
    if isinstance(words, tuple):
        return sum(map(length, words))
    return len(words) if isinstance(words, bytes | str) else 0
