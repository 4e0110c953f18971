"""Ids and timestamps of an answer: they follow the seed and the request, not the clock."""

from __future__ import annotations

from hashlib import blake2b

from mockllm.timeline.valueclass import valueclass

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = (ALPHABET * 5)[:256].encode()
"""One for each byte; a few are a fifth more likely than others, which nobody counts."""
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

    def decimal(self, label: str, least: int, most: int) -> str:
        """A number from the least to the most, in digits; both have as many."""
        return str(least + self.number(label, most - least + 1))

    def hexadecimal(self, label: str, length: int) -> str:
        """Hexadecimal digits in lower case, at most 128."""
        return blake2b(self._said(label), digest_size=64).hexdigest()[:length]

    def hexadecimals(self, label: str, length: int, count: int) -> tuple[str, ...]:
        """Several texts of hexadecimal digits, 128 in all at most."""
        digits = self.hexadecimal(label, length * count)
        return tuple(digits[start : start + length] for start in range(0, len(digits), length))

    def uuid(self, label: str) -> str:
        """A UUID of version 4."""
        digits = self.hexadecimal(label, 32)
        cuts = (digits[:8], digits[8:12], f"4{digits[13:16]}", f"8{digits[17:20]}", digits[20:])
        return "-".join(cuts)

    def letters(self, label: str, length: int) -> str:
        """Letters and digits."""
        text = blake2b(self._said(label), digest_size=64).digest().translate(SIGNS).decode()
        while len(text) < length:
            text += self.letters(f"{label}/{len(text)}", 64)
        return text[:length]

    @property
    def created_digits(self) -> str:
        """The same in eight hexadecimal digits."""
        return f"{self.created:08x}"

    def later(self, seconds: int) -> int:
        """So many seconds after the time of creation."""
        return self.created + seconds

    def _said(self, label: str) -> bytes:
        """Key and label; a lone surrogate, which JSON may escape in a request, has no UTF-8."""
        return f"{self.key}/{label}".encode("utf-8", "surrogatepass")

    @property
    def created(self) -> int:
        """A Unix time in seconds."""
        return EPOCH + self.number("created", YEAR)
