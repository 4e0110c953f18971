"""Several calls of the journal as a test asks for them."""

from __future__ import annotations

import json
from typing import Any, Self, SupportsIndex, overload

from mockllm.engine.journal import Entry, brief
from mockllm.engine.received import hidden
from mockllm.profile.loader import load
from mockllm.profile.models import MatchBase
from mockllm.profile.problems import ProfileError

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools


class Calls(tuple[Entry, ...]):
    """Calls in the order in which they came: a tuple that can be asked."""

    __slots__ = ()

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Entry: ...
    @overload
    def __getitem__(self, index: slice, /) -> Self: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> Entry | Self:
        """One call, or a part of them."""
        if isinstance(index, slice):
            return type(self)(super().__getitem__(index))
        return super().__getitem__(index)

    def __repr__(self) -> str:
        return f"<calls:\n{brief(self)}>" if self else "<no calls>"

    def where(self, **conditions: Any) -> Self:
        """The calls that a route with these conditions would take.

        The conditions are those of `match:` in a profile, spelled as there: `model="gpt-4o*"`,
        `stream=True`, `header={"x-tenant": "a"}`, `message="/weather/"`, `attempt=[2, 3]`,
        `key={"not": "mock-*"}`. Raises `ValueError` for conditions that a profile would not have.
        """
        match = match_of(conditions)
        return type(self)(entry for entry in self if not match.why_not(entry.plan.call))

    @property
    def logical(self) -> tuple[Self, ...]:
        """The same calls by the logical call that they are attempts of, in the order in which
        those began."""
        groups: dict[int, list[Entry]] = {}
        for entry in self:
            groups.setdefault(entry.logical, []).append(entry)
        return tuple(type(self)(group) for group in groups.values())

    def attempts(self, number: int) -> Self:
        """The calls that are this attempt of their logical call, counted from 1."""
        return type(self)(entry for entry in self if entry.attempt == number)

    def assert_same_header(self, name: str, *, unique: bool = True) -> None:
        """Fail unless every call has the header, with one value in all attempts of a logical call.

        `unique`: and with another value in every other logical call, as `Idempotency-Key` must.
        Raises `AssertionError`, also where there is no call to judge.
        """
        if not self:
            raise AssertionError(f"expected calls with header {name}, got no call")
        owners: dict[tuple[str, ...], Entry] = {}
        for group in self.logical:
            first = group[0]
            values = first.plan.call.header_values(name)
            for entry in group:
                entry.assert_header(name)
                if entry.plan.call.header_values(name) != values:
                    raise AssertionError(
                        f"{entry.title}: expected the header {name} of attempt "
                        f"{first.attempt} (#{first.number}), {said(name, first)}, "
                        f"got {said(name, entry)}"
                    )
            owner = owners.setdefault(values, first)
            if unique and owner is not first:
                raise AssertionError(
                    f"{first.title}: expected a header {name} of its own, got that of "
                    f"{owner.title}, {said(name, first)}"
                )


def said(name: str, entry: Entry) -> str:
    """A header of a call as a message shows it."""
    return " and ".join(hidden(name, one) for one in entry.plan.call.header_values(name))


def match_of(conditions: dict[str, Any]) -> MatchBase:
    """Conditions as a profile reads them; raises `ValueError` with everything that is wrong."""
    if not conditions:
        raise ValueError('expected conditions such as model="gpt-4o*", got none')
    try:
        # By way of text, so that a condition means here what it means in a file.
        text = json.dumps({"mockllm": 1, "match": conditions})
    except TypeError as error:
        raise ValueError(f"{conditions!r}: {error}") from None
    try:
        return load(text, name="where").profile.all_routes[0].match
    except ProfileError as error:
        problems = "; ".join(f"{one.path}: {one.message}" for one in error.problems)
        raise ValueError(problems) from None
