"""The names of an answer, drawn together: what `Identity` gives one by one, in half the time.

Each name is the digest of the key, mixed with that of the name's label. Here all digests of the
labels stand in one number, which is mixed with the other at once, and the names are cut from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter, itemgetter, methodcaller
from typing import Any

from mockllm.wires.identity import SIGNS, SIZE, Identity, digest_of_label

Ask = tuple[str, tuple[Any, ...] | None]
"""A method of `Identity`, and what it is called with; None for a property."""
Names = tuple[bytes, ...]


def drawing(asks: Iterable[Ask]) -> tuple[Callable[[Identity], Names], list[int]]:
    """What draws the names that are asked for, and the place of each among those that it gives."""
    labels: list[str] = []
    digits: list[slice] = []
    letters: list[slice] = []
    others: list[Callable[[Identity], Any]] = []
    places: list[tuple[list[Any], int]] = []
    """Of each name, among which it is drawn, and its place there."""

    def cut(into: list[slice], first: int, length: int) -> None:
        """Draw a name as the bytes or digits from the first on."""
        places.append((into, len(into)))
        into.append(slice(first, first + length))

    for method, args in asks:
        match method, args:
            case "hexadecimal", (label, length):
                for_digits = [length]
            case "hexadecimals", (label, length, count):
                for_digits = [length] * count
            case "letters", (label, length) if length <= SIZE:
                cut(letters, SIZE * len(labels), length)
                labels.append(label)
                continue
            case _:
                places.append((others, len(others)))
                others.append(attrgetter(method) if args is None else methodcaller(method, *args))
                continue
        start = 2 * SIZE * len(labels)
        for length in for_digits:
            cut(digits, start, length)
            start += length
        labels.append(label)

    count, total = len(labels), SIZE * len(labels)
    mixed = sum(digest_of_label(one) << 8 * SIZE * place for place, one in enumerate(labels[::-1]))
    the_digits, the_letters = getting(digits), getting(letters)
    before = {id(digits): 0, id(letters): len(digits), id(others): len(digits) + len(letters)}
    order = [before[id(kind)] + place for kind, place in places]

    def draw(identity: Identity) -> Names:
        """The names of an identity, first those in digits, then those in letters."""
        base = identity.base.to_bytes(SIZE, "big")
        data = (int.from_bytes(base * count, "big") ^ mixed).to_bytes(total, "big")
        return (
            *the_digits(data.hex().encode()),
            *the_letters(data.translate(SIGNS)),
            *[str(other(identity)).encode() for other in others],
        )

    return draw, order


def getting(keys: list[slice]) -> Callable[[Any], Names]:
    """What gets the items of these keys."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda items: tuple(items[key] for key in keys)
