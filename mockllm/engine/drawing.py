"""The names of an answer, drawn together: what `Identity` gives one by one, in a third of the time.

Each name is the digest of the key, mixed with that of the name's label. Here the first bits of the
labels' digests, as many as their names need, stand in one number; it is mixed with those of the key
at once, and the names are cut from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter, methodcaller
from struct import Struct
from typing import Any

from mockllm.wires.identity import EPOCH, SIGNS, SIZE, YEAR, Identity, digest_of_label

Ask = tuple[str, tuple[Any, ...] | None]
"""A method of `Identity`, and what it is called with; None for a property."""
Names = list[bytes]
DIGIT, LETTER = 4, 8
"""The bits that are drawn for a sign."""


class Strip:
    """Names that are drawn as one number, behind a 1 that keeps the zeros at its front."""

    def __init__(self, bits: int) -> None:
        """`bits` are drawn for each sign."""
        self._bits = bits
        self.lengths: list[int] = []
        """Of the names, in signs."""
        self._labels = 1
        """The first bits of the labels' digests, which the names are mixed with."""
        self._moves: list[tuple[int, int]] = []
        """For each label how many bits of the key's digest are left out, and how many follow."""

    def add(self, label: str, *lengths: int) -> None:
        """Draw further names, from one label."""
        bits = self._bits * sum(lengths)
        left = 8 * SIZE - bits
        self.lengths += lengths
        self._labels = self._labels << bits | digest_of_label(label) >> left
        self._moves = [*[(out, behind + bits) for out, behind in self._moves], (left, 0)]

    def drawn(self, base: int) -> int:
        """All names under the digest of a key."""
        number = self._labels
        for left, behind in self._moves:
            number ^= base >> left << behind
        return number

    def cutter(self, before: int) -> Callable[[bytes], tuple[bytes, ...]]:
        """What cuts the names, behind so many bytes."""
        return Struct(f"{before}x{''.join(f'{length}s' for length in self.lengths)}").unpack


def drawing(asks: Iterable[Ask]) -> tuple[Callable[[Identity], Names], list[int]]:
    """What draws the names that are asked for, and the place of each among those that it gives."""
    digits, letters = Strip(DIGIT), Strip(LETTER)
    numbers: list[tuple[int, int, int]] = []
    """Of each the digest of its label, the least that it is, and how many it may be."""
    others: list[Callable[[Identity], Any]] = []
    places: list[tuple[list[Any], int]] = []
    """Of each name, among which it is drawn, and its place there."""
    for method, args in asks:
        kind: list[Any]
        count = 1
        match method, args:
            case "hexadecimal", (label, length):
                kind = digits.lengths
                digits.add(label, length)
            case "hexadecimals", (label, length, count):
                kind = digits.lengths
                digits.add(label, *[length] * count)
            case "letters", (label, length) if length <= SIZE:
                kind = letters.lengths
                letters.add(label, length)
            case "decimal", (label, least, most):
                kind = numbers
                numbers.append((digest_of_label(label), least, most - least + 1))
            case "created", None:
                kind = numbers
                numbers.append((digest_of_label("created"), EPOCH, YEAR))
            case _:
                kind = others
                others.append(attrgetter(method) if args is None else methodcaller(method, *args))
        places += [(kind, place) for place in range(len(kind) - count, len(kind))]

    kinds: list[list[Any]] = [digits.lengths, letters.lengths, numbers, others]
    before = {id(kind): sum(map(len, kinds[:place])) for place, kind in enumerate(kinds)}
    order = [before[id(kind)] + place for kind, place in places]
    the_digits, the_letters = digits.cutter(len("0x1")), letters.cutter(1)
    size = 1 + sum(letters.lengths)

    def draw(identity: Identity) -> Names:
        """The names of an identity, those of one kind together."""
        base = identity.base
        return [
            *the_digits(hex(digits.drawn(base)).encode()),
            *the_letters(letters.drawn(base).to_bytes(size, "big").translate(SIGNS)),
            *[b"%d" % (least + (base ^ digest) % count) for digest, least, count in numbers],
            *[str(other(identity)).encode() for other in others],
        ]

    return draw, order
