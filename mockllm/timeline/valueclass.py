"""Frozen values that are cheap to make: a stream is made of hundreds of them.

A frozen dataclass sets each field through `object.__setattr__`, so making one with six fields takes
0.9 µs; one that is not frozen takes 0.2 µs. To a type checker `valueclass` is `dataclass`, so it
refuses to change a frozen value; at run time nothing guards it, and it is hashed as a frozen one is.
`replace` is that of dataclasses, and takes a fifth of its time for a call's twenty fields; `finish` is
for a value that has just been made, and that nobody else has seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dataclasses import dataclass as valueclass
    from dataclasses import replace
    from typing import Any, TypeVar

    T = TypeVar("T")

    def finish(value: T, /, **changes: Any) -> T:
        """The value itself, with other fields."""
else:
    from dataclasses import dataclass, fields
    from functools import cache
    from operator import attrgetter

    def valueclass(*, frozen, slots=False):
        """A dataclass of frozen values."""
        assert frozen, "values are frozen"
        return dataclass(slots=slots, unsafe_hash=True)

    @cache
    def reader(cls):
        """What reads all fields of a value, and the place of each."""
        names = [field.name for field in fields(cls) if field.init]
        if len(names) == 1:
            return (lambda value: (getattr(value, names[0]),)), {names[0]: 0}
        return attrgetter(*names), {name: place for place, name in enumerate(names)}

    def replace(value, /, **changes):
        """The same value with other fields; raises `KeyError` for one that it does not have."""
        cls = type(value)
        read, places = reader(cls)
        parts = list(read(value))
        for name, part in changes.items():
            parts[places[name]] = part
        return cls(*parts)

    def finish(value, /, **changes):
        """The value itself, with other fields."""
        for name, part in changes.items():
            setattr(value, name, part)
        return value


__all__ = ["finish", "replace", "valueclass"]
