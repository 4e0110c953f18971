"""Ids and timestamps of an answer: they follow the seed and the request, not the clock."""

from __future__ import annotations

from hashlib import blake2b
from random import Random

from mockllm.timeline.valueclass import valueclass

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
EPOCH = 1_767_225_600
"""2026-01-01; made-up times of creation lie in the year after it."""
YEAR = 31_536_000


@valueclass(frozen=True, slots=True)
class Identity:
    """Draws names and numbers from one key; the same key and label give the same ones."""

    key: str

    def number(self, label: str, below: int) -> int:
        """A number of at least 0."""
        digest = blake2b(self._said(label), digest_size=8).digest()
        return int.from_bytes(digest, "big") % below

    def hexadecimal(self, label: str, length: int) -> str:
        """Hexadecimal digits in lower case, at most 128."""
        digest = blake2b(self._said(label), digest_size=64).hexdigest()
        return digest[:length]

    def letters(self, label: str, length: int) -> str:
        """Letters and digits."""
        random = Random(self._said(label))
        return "".join(random.choices(ALPHABET, k=length))

    def _said(self, label: str) -> bytes:
        """Key and label; a lone surrogate, which JSON may escape in a request, has no UTF-8."""
        return f"{self.key}/{label}".encode("utf-8", "surrogatepass")

    @property
    def created(self) -> int:
        """A Unix time in seconds."""
        return EPOCH + self.number("created", YEAR)
