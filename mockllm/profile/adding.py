"""What is said in Python beside a profile that has been loaded: answers and faults, for some calls
or for all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mockllm.faults.apply import AnyFault
from mockllm.profile.loader import Loaded, load
from mockllm.profile.models import SHORTHAND, Profile, Route, keeps_out
from mockllm.profile.problems import ProfileError
from mockllm.scripts.script import Source
from mockllm.timeline.valueclass import replace

if TYPE_CHECKING:
    from mockllm.profile.models import MatchBase

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

PLAIN = tuple(name for name in Profile.model_fields if name not in ("routes", *SHORTHAND))
"""The fields of a profile that no route has."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about the calls that match; without a match, about all."""

    match: MatchBase | None = None
    name: str = ""
    script: Source | None = None
    faults: tuple[AnyFault, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return self.script is None and not self.faults

    def changed(self, route: Route) -> Route:
        """A route with this in it: its faults come first."""
        update: dict[str, Any] = {"faults": (*self.faults, *route.faults)}
        if self.script is not None:
            update["script"] = self.script
        return route.model_copy(update=update)


def name_of(match: Mapping[str, Any]) -> str:
    """What calls that match are called, in messages and to find what was said about them."""
    return f"on({', '.join(f'{key}={match[key]!r}' for key in sorted(match))})"


def read(words: str, **parts: Any) -> Route:
    """A route of such parts (`match`, `script`, `faults`), which are spelled as in a file.

    Raises `ValueError` with everything that is wrong with them; `words` is what the caller wrote.
    """
    try:
        # By way of text, so that a word means here what it means in a file.
        text = json.dumps({"mockllm": 1, **parts})
        return load(text, name="inline").profile.all_routes[0]
    except ProfileError as error:
        problems = "; ".join(problem.message for problem in error.problems)
        raise ValueError(f"{words}: {problems}") from None
    except TypeError as error:
        raise ValueError(f"{words}: expected what JSON can say: {error}") from None


def read_fault(words: str, fault: Mapping[str, Any]) -> AnyFault:
    """A fault that is spelled as in a file; raises as `read` does."""
    if not isinstance(fault, Mapping):
        raise ValueError(f'{words}: expected a fault such as {{"stall": "30s"}}, got {fault!r}')
    return read(words, faults=[dict(fault)]).faults[0]


def read_script(words: str, script: Any) -> Source:
    """A script that is spelled as in a file; raises as `read` does."""
    return read(words, script=script).script


def read_match(words: str, match: Mapping[str, Any]) -> MatchBase:
    """The conditions of a route, spelled as in a file; raises as `read` does."""
    return read(words, match=dict(match)).match


def with_said(loaded: Loaded, said: Sequence[Said]) -> Loaded:
    """The profile with all that was said.

    What is about all calls changes every route and the healthy default. What is about some is a
    route before all others, the one that was said last first; where it says no answer, that is the
    one which all calls get, or that of the profile's first route without a match.
    """
    spoken = [one for one in said if not one.empty]
    if not spoken:
        return loaded
    old = loaded.profile
    general = [one for one in spoken if one.match is None]
    every = [
        *old.all_routes,
        *([] if old.strict else [Route.model_construct(name="healthy default")]),
    ]
    usual = next((route for route in every if not route.match.matchers), Route.model_construct())
    bare = usual.model_copy(update={"faults": ()})

    def heard(route: Route, *, own_answer: bool) -> Route:
        for one in reversed(general):
            route = (replace(one, script=None) if own_answer else one).changed(route)
        return route

    routes = [
        heard(
            one.changed(bare.model_copy(update={"match": one.match, "name": one.name})),
            own_answer=one.script is not None,
        )
        for one in reversed(spoken)
        if one.match is not None
    ]
    routes += [heard(route, own_answer=False) for route in every]
    plain = {name: getattr(old, name) for name in PLAIN}
    return replace(loaded, profile=Profile.model_construct(**plain, routes=tuple(routes)))


def visible_faults(loaded: Loaded) -> tuple[AnyFault, ...]:
    """Every fault of a profile and its listeners of which a server can see that it acts: not those
    that keep connections from being made."""
    profile = loaded.profile
    routed = (profile, *profile.listeners)
    gates = (gate for listener in profile.listeners for gate in listener.gates)
    return (
        *(fault for one in routed for route in one.all_routes for fault in route.faults),
        *(gate for gate in gates if not any(map(keeps_out, gate.verbs))),
    )
