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

import mockllm.wires
from mockllm.matchers.call import Call
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Route
from mockllm.profile.problems import Problem
from mockllm.scripts.named import NAMED
from mockllm.timeline.registry import subclasses
from mockllm.timeline.valueclass import replace
from mockllm.wires.wire import Wire

FOLDER = "incidents"
OTHER = "other"
"""The category of incidents that lie in no folder of their own."""
NEEDED = ("about", "cite", "expect")
"""What every incident says."""
METHODS = {
    wire.name: {method for method, _ in wire.endpoints}
    for wire in subclasses(mockllm.wires, Wire)  # type: ignore[type-abstract]
}
"""The methods that each wire serves."""
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
    def routes(self) -> tuple[Route, ...]:
        """The routes that differ from a healthy server's, those of its listeners among them."""
        profile = self.loaded.profile
        gated = [part for part in profile.listeners if part.gates]
        others = [part for part in profile.listeners if not part.gates]
        return (
            *(route for part in gated for route in part.all_routes),
            *(
                route
                for part in (profile, *others)
                for route in part.all_routes
                if says_something(route)
            ),
        )

    @property
    def wires(self) -> tuple[str, ...]:
        """The wires on which something happens."""
        return tuple(wire for wire in METHODS if any(is_for(one, wire) for one in self.routes))

    @property
    def spoken(self) -> str:
        """The wires that its routes name, for people; `any` where one names none."""
        named = [getattr(route.match, "wire", None) for route in self.routes]
        tests = {str(test) for one in named if one is not None for test in one.wanted.tests}
        return "any" if None in named else ", ".join(sorted(tests))


def says_something(route: Route) -> bool:
    """Whether a route differs from the healthy default in more than its pace."""
    return bool(route.faults) or route.script != NAMED["canonical"]


def is_for(route: Route, wire: str) -> bool:
    """Whether a route is for calls of a wire, as far as wire, method and streaming decide."""
    conditions = [
        condition
        for key in ("wire", "method", "stream")
        if (condition := getattr(route.match, key, None)) is not None
    ]
    return any(
        all(condition.why_not(call) is None for condition in conditions)
        for method in METHODS[wire]
        for call in calls(method, wire)
    )


def calls(method: str, wire: str) -> tuple[Call, ...]:
    """The calls of a wire that conditions tell apart; what is not posted is not streamed."""
    plain = Call(method, "/", wire=wire)
    return (plain, replace(plain, stream=True)) if method == "POST" else (plain,)


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
