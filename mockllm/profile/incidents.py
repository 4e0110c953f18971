"""Incidents: profiles that reproduce one cited failure each, by category, wire and bundle.

An incident is a profile in a folder named `incidents`, or in one of that folder's folders, which
are the categories; and any profile that cites a report or belongs to a bundle. It says what it is
about, what it cites and what a good client does, or `mockllm check` refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mockllm.matchers.call import Call
from mockllm.profile.loader import Loaded
from mockllm.profile.models import WIRES, Route
from mockllm.profile.problems import Problem

FOLDER = "incidents"
OTHER = "other"
"""The category of incidents that lie in no folder of their own."""
NEEDED = ("about", "cite", "expect")
"""What every incident says."""
MONTH = re.compile(r"-\d{4}\.\d{2}$")


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident, and where it belongs."""

    loaded: Loaded
    category: str

    @property
    def name(self) -> str:
        """Its id, under which it can be chosen."""
        return self.loaded.name

    @property
    def wires(self) -> tuple[str, ...]:
        """The wires on which something happens; all of them where no route names one."""
        routes = [route for route in self.loaded.profile.all_routes if says_something(route)]
        return tuple(wire for wire in WIRES if any(is_for(route, wire) for route in routes))


def says_something(route: Route) -> bool:
    """Whether a route differs from the healthy default in more than its pace."""
    return bool(route.faults) or "script" in route.model_fields_set


def is_for(route: Route, wire: str) -> bool:
    """Whether a route is for calls of a wire, as far as the wire decides."""
    condition = getattr(route.match, "wire", None)
    return condition is None or condition.why_not(Call("POST", "/", wire=wire)) is None


def category_of(path: Path) -> str:
    """The category of a file: the folder that it is in, unless that is the folder of all."""
    parts = path.absolute().parts
    return parts[-2] if parts[-3:-2] == (FOLDER,) else OTHER


def in_folder(path: Path) -> bool:
    """Whether a file lies where incidents lie."""
    return FOLDER in path.absolute().parts[-3:-1]


def is_incident(loaded: Loaded) -> bool:
    """Whether a profile reproduces a cited failure, by its place or by what it says."""
    own = loaded.profile.model_fields_set & {"cite", "bundles"}
    return bool(own) or in_folder(Path(loaded.file))


def missing(loaded: Loaded) -> list[Problem]:
    """What an incident does not say and should; nothing for other profiles."""
    if not is_incident(loaded):
        return []
    why = {
        "about": "a sentence that says what happens",
        "cite": "the URL of a public report",
        "expect": "what a good client does",
    }
    return [
        Problem(1, 1, key, f"expected {why[key]}, got nothing; an incident says it")
        for key in NEEDED
        if not getattr(loaded.profile, key)
    ]


def newest(name: str, bundles: Iterable[str]) -> str:
    """The bundle of this name; of a name without a month, the newest dated one.

    Raises `LookupError` for a name that nothing belongs to.
    """
    known = set(bundles)
    dated = sorted(one for one in known if MONTH.sub("", one) == name and one != name)
    if name in known:
        return name
    if dated:
        return dated[-1]
    raise LookupError(unknown_part("bundle", name, known))


def unknown_part(what: str, name: str, known: Iterable[str]) -> str:
    """What to say of a name that nothing has."""
    choices = sorted(known)
    near = get_close_matches(name, choices, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(choices) or 'none'}"
    return f"there is no {what} named '{name}'; {hint}"
