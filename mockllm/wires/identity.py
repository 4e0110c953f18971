"""Ids and timestamps of an answer: they follow the seed and the request, not the clock.

An answer has half a dozen names, and making them is a good part of making an answer that is
stamped. So a key is digested once; a name is that digest, mixed with the one of its label, which is
the same in all answers and is remembered.
"""

from __future__ import annotations

from dataclasses import field
from functools import lru_cache
from hashlib import blake2b

from mockllm.timeline.valueclass import valueclass
from mockllm.wires.times import rfc3339

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = (ALPHABET * 5)[:256].encode()
"""One for each byte; a few are a fifth more likely than others, which nobody counts."""
EPOCH = 1_767_225_600
"""2026-01-01; made-up times of creation lie in the year after it."""
YEAR = 31_536_000
SIZE = 64
"""Bytes of a digest."""
LABELS = 4096
"""How many labels are remembered; most answers use the same twenty."""


def digest_bytes(text: str) -> bytes:
    """The digest of a text; a lone surrogate, which JSON may escape in a request, has no UTF-8."""
    return blake2b(text.encode("utf-8", "surrogatepass")).digest()


def digest(text: str) -> int:
    """The same as a number."""
    return int.from_bytes(digest_bytes(text), "big")


digest_of_label = lru_cache(LABELS)(digest)


@valueclass(frozen=True, slots=True)
class Identity:
    """Draws names and numbers from one key; the same key and label give the same ones."""

    key: str
    base: int = field(init=False, repr=False, compare=False)
    """The digest of the key, which all draws derive from."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base", digest(self.key))

    def draw(self, label: str) -> int:
        """A number of as many bits as a digest has, even over the keys and over the labels."""
        return self.base ^ digest_of_label(label)

    def number(self, label: str, below: int) -> int:
        """A number of at least 0."""
        return self.draw(label) % below

    def decimal(self, label: str, least: int, most: int) -> str:
        """A number from the least to the most, in digits; both have as many."""
        return str(least + self.draw(label) % (most - least + 1))

    def hexadecimal(self, label: str, length: int) -> str:
        """Hexadecimal digits in lower case, at most 128."""
        return self.draw(label).to_bytes(SIZE, "big").hex()[:length]

    def hexadecimals(self, label: str, length: int, count: int) -> tuple[str, ...]:
        """Several texts of hexadecimal digits, 128 in all at most."""
        digits = self.hexadecimal(label, length * count)
        return tuple([digits[start : start + length] for start in range(0, len(digits), length)])

    def uuid(self, label: str) -> str:
        """A UUID of version 4."""
        digits = self.hexadecimal(label, 32)
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def letters(self, label: str, length: int) -> str:
        """Letters and digits."""
        text = self.draw(label).to_bytes(SIZE, "big").translate(SIGNS).decode()
        while len(text) < length:
            text += self.letters(f"{label}/{len(text)}", SIZE)
        return text[:length]

    @property
    def created(self) -> int:
        """A Unix time in seconds."""
        return EPOCH + self.draw("created") % YEAR

    @property
    def created_digits(self) -> str:
        """The same in eight hexadecimal digits."""
        return f"{self.created:08x}"

    @property
    def created_rfc3339(self) -> str:
        """The same as `2026-11-21T00:00:30Z`."""
        return rfc3339(self.created)

    def later(self, seconds: int) -> int:
        """So many seconds after the time of creation."""
        return self.created + seconds
