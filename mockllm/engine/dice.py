"""Chance that does not depend on the order of arrival.

Every draw derives from what identifies a call: the seed, the route, the fault, the fingerprint of
path and body, and the attempt. Of identical requests that run at once the set of outcomes is
fixed, not who gets which. Each fault has dice of its own, so adding one does not change others.
"""

from __future__ import annotations

from hashlib import blake2b
from random import Random


def key(*parts: object) -> str:
    """One text of several parts; the separator cannot be confused with their content.

    Bytes of a header that are no UTF-8 reach us as lone surrogates, which have no encoding.
    """
    joined = "/".join(f"{len(text)}:{text}" for text in map(str, parts))
    return joined.encode("utf-8", "backslashreplace").decode()


def draw(*parts: object) -> float:
    """A number of at least 0 and less than 1."""
    digest = blake2b(key(*parts).encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def random(*parts: object) -> Random:
    """A generator for draws that need more than one number."""
    return Random(key(*parts))
