"""`extends`: what a profile has from another one, and where each part of the two stands.

The heir replaces by key. Routes and listeners are told by their names: one of a name that the other
profile has replaces its keys, in its place; all others come first, because the first route that
matches is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel

from mockllm.profile.nodes import Document, Key
from mockllm.profile.problems import Problem
from mockllm.timeline.valueclass import replace

BY_NAME = ("routes", "listeners")
OWN = ("extends", "mockllm")
"""The keys that no heir has from another."""

Pair = tuple[int | None, int | None]
"""The place of a route in the heir, and in what it extends."""


class Places(Protocol):
    """Where the parts of a profile stand."""

    def problem(self, loc: tuple[Key, ...], message: str, *, key: bool = False) -> Problem:
        """A problem at the place of a part, or of its key."""


def merged(parent: Mapping[str, Any], heir: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of both; the heir's win."""
    made = {key: value for key, value in parent.items() if key not in OWN} | dict(heir)
    for key in BY_NAME:
        if key in parent and isinstance(heir.get(key), list):
            made[key] = [joined(parent[key], heir[key], pair) for pair in pairs(parent, heir, key)]
    return made


def joined(old: Any, new: Any, pair: Pair) -> Any:
    """One route of the two lists."""
    mine, theirs = pair
    if mine is None:
        return old[theirs]
    return new[mine] if theirs is None else {**keys_of(old[theirs]), **new[mine]}


def pairs(parent: Mapping[str, Any], heir: Mapping[str, Any], key: str) -> Iterator[Pair]:
    """Which route of the heir replaces which; the new ones first."""
    old = [name_of(one) for one in parent[key]]
    new = [name_of(one) for one in heir[key]]
    yield from ((index, None) for index, name in enumerate(new) if name not in old or name is None)
    for index, name in enumerate(old):
        yield (new.index(name) if name is not None and name in new else None), index


def name_of(route: Any) -> str | None:
    """The name of a route, as its author spelled it."""
    name = keys_of(route).get("name") if isinstance(route, dict | BaseModel) else None
    return None if name is None else str(getattr(name, "text", name))


def keys_of(part: Any) -> dict[str, Any]:
    """What was given of a part that has been read, or stands as it was written."""
    if isinstance(part, BaseModel):
        return {name: getattr(part, name) for name in part.model_fields_set}
    return dict(part)


@dataclass(frozen=True, slots=True)
class Layers:
    """The places of a profile that extends another."""

    heir: Document
    parent: Places
    file: str
    """How messages call the file of the other."""
    order: Mapping[str, tuple[Pair, ...]]

    def problem(self, loc: tuple[Key, ...], message: str, *, key: bool = False) -> Problem:
        """A problem where the part was written last."""
        where, inherited = self.owner(loc)
        if not inherited:
            return self.heir.problem(where, message, key=key)
        found = self.parent.problem(where, message, key=key)
        return replace(found, file=found.file or self.file)

    def owner(self, loc: tuple[Key, ...]) -> tuple[tuple[Key, ...], bool]:
        """The location in the file that has the part, and whether that is the other's."""
        match loc:
            case (str(name), int(index), *rest) if name in self.order:
                mine, theirs = self.order[name][index]
                own = mine is not None and (
                    theirs is None or not rest or rest[0] in self.heir.data[name][mine]
                )
                place = mine if own else theirs
                assert place is not None, "a route is the one's or the other's"
                return (name, place, *rest), not own
            case (str(name), *_):
                return loc, name not in self.heir.data
            case _:
                return loc, False
