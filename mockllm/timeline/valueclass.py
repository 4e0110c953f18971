"""Frozen values that are cheap to make: a stream is made of hundreds of them.

A frozen dataclass sets each field through `object.__setattr__`, so making one with six fields takes
0.9 µs; one that is not frozen takes 0.2 µs. To a type checker `valueclass` is `dataclass`, so it refuses
to change a frozen value; at run time nothing guards it, and it is hashed as a frozen one is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as valueclass
else:
    from dataclasses import dataclass

    def valueclass(*, frozen, slots=False):
        """A dataclass of frozen values."""
        assert frozen, "values are frozen"
        return dataclass(slots=slots, unsafe_hash=True)


__all__ = ["valueclass"]
