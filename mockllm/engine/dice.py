"""Chance that does not depend on the order of arrival.

Every draw derives from what identifies a call: the seed, the route, the fault, the fingerprint of
path and body, and the attempt. Of identical requests that run at once the set of outcomes is
fixed, not who gets which. Each fault has dice of its own, so adding one does not change others.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from hashlib import blake2b
from random import Random
from typing import Any, cast


def key(*parts: object) -> str:
    """One text of several parts; the separator cannot be confused with their content.

    Bytes of a header that are no UTF-8 reach us as lone surrogates, which have no encoding.
    """
    return encodable("/".join([f"{len(text)}:{text}" for text in map(str, parts)]))


def longer(before: str, part: str) -> str:
    """The key of some parts, and of another one."""
    return encodable(f"{before}/{len(part)}:{part}")


def encodable(text: str) -> str:
    """A text without lone surrogates."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def draw(*parts: object) -> float:
    """A number of at least 0 and less than 1."""
    digest = blake2b(key(*parts).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def random(*parts: object) -> Random:
    """A generator for draws that need more than one number."""
    return late(lambda: Random(key(*parts)))


class Late:
    """A generator that is made when something is drawn: most scripts draw nothing, and seeding one
    takes as long as making ten frames."""

    def __init__(self, make: Callable[[], Random]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        """What the generator has; asked for once."""
        found = getattr(self._random, name)
        setattr(self, name, found)
        return found

    @cached_property
    def _random(self) -> Random:
        return self._make()


def late(make: Callable[[], Random]) -> Random:
    """What is as good as the generator that will be made."""
    return cast(Random, Late(make))
