"""The names of an answer, drawn together: what `Identity` gives one by one, in a third of the time.

Each name is the digest of the key, mixed with that of the name's label. Here the first bytes of the
labels' digests, as many as their names need, stand in one number, which is mixed at once with one of
those of the key; and the names are cut from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import accumulate
from operator import attrgetter, methodcaller
from struct import Struct
from typing import Any

from mockllm.wires.identity import (
    EPOCH,
    SIGNS,
    SIZE,
    YEAR,
    Identity,
    digest_bytes,
    digest_of_label,
)

Ask = tuple[str, tuple[Any, ...] | None]
"""A method of `Identity`, and what it is called with; None for a property."""
Names = list[bytes]
TABLE = 256 // SIZE
"""How often a digest stands in what bytes are translated with."""
Drawn = tuple[str, tuple[int, ...]]
"""A label, and the lengths of the names that are drawn from it."""


class Cutter:
    """What cuts names from a text, and knows of which bytes that is made."""

    def __init__(self, drawn: Iterable[Drawn], signs: int) -> None:
        """`signs` are made of a byte; those of a label's last byte that are left are thrown away."""
        parts: list[str] = []
        self.of_key = self.of_labels = b""
        """The places of the bytes in the digest of the key, and the bytes of the labels' digests."""
        for label, lengths in drawn:
            size = -(-sum(lengths) // signs)
            self.of_key += bytes(range(size))
            self.of_labels += digest_of_label(label).to_bytes(SIZE, "big")[:size]
            parts += [f"{length}s" for length in lengths]
            parts.append(f"{size * signs - sum(lengths)}x")
        self.cut = Struct("".join(parts)).unpack


def drawing(asks: Iterable[Ask]) -> tuple[Callable[[str], Names], list[int]]:
    """What draws the names that are asked for under the key of an identity, and the place of each among
    those that it gives."""
    digits: list[Drawn] = []
    letters: list[Drawn] = []
    numbers: list[tuple[int, int, int]] = []
    """Of each the digest of its label, the least that it is, and how many it may be."""
    others: list[Callable[[Identity], Any]] = []
    counts = {id(kind): 0 for kind in (digits, letters, numbers, others)}
    places: list[tuple[int, int]] = []
    """Of each name, among which it is drawn, and its place there."""
    for method, args in asks:
        kind: list[Any] = others
        count = 1
        match method, args:
            case "hexadecimal", (label, length):
                (kind := digits).append((label, (length,)))
            case "hexadecimals", (label, length, count):
                (kind := digits).append((label, (length,) * count))
            case "letters", (label, length) if length <= SIZE:
                (kind := letters).append((label, (length,)))
            case "decimal", (label, least, most):
                (kind := numbers).append((digest_of_label(label), least, most - least + 1))
            case "created", None:
                (kind := numbers).append((digest_of_label("created"), EPOCH, YEAR))
            case _:
                others.append(attrgetter(method) if args is None else methodcaller(method, *args))
        places += [(id(kind), counts[id(kind)] + place) for place in range(count)]
        counts[id(kind)] += count

    before = dict(zip(counts, accumulate(counts.values(), initial=0), strict=False))
    order = [before[kind] + place for kind, place in places]
    of_digits, of_letters = Cutter(digits, signs=2), Cutter(letters, signs=1)
    the_digits, the_letters = of_digits.cut, of_letters.cut
    of_key = of_digits.of_key + of_letters.of_key
    of_labels = int.from_bytes(of_digits.of_labels + of_letters.of_labels, "big")
    size, half = len(of_key), len(of_digits.of_key)

    def draw(key: str) -> Names:
        """The names under a key, those of one kind together."""
        digest = digest_bytes(key)
        mixed = int.from_bytes(of_key.translate(digest * TABLE), "big") ^ of_labels
        data, base = mixed.to_bytes(size, "big"), int.from_bytes(digest, "big")
        names = [
            *the_digits(data[:half].hex().encode()),
            *the_letters(data[half:].translate(SIGNS)),
        ]
        for of_label, least, count in numbers:
            names.append(b"%d" % (least + (base ^ of_label) % count))
        if others:
            identity = Identity(key)
            names += [str(other(identity)).encode() for other in others]
        return names

    return draw, order
