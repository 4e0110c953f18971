"""More faults in a profile that has been loaded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mockllm.profile.loader import Loaded, load
from mockllm.profile.models import SHORTHAND, Profile, Route
from mockllm.profile.problems import ProfileError

PLAIN = tuple(name for name in Profile.model_fields if name not in ("routes", *SHORTHAND))
"""The fields of a profile that no route has."""


def route_of(fault: Mapping[str, Any]) -> Route:
    """A route that has this fault and nothing else.

    The fault is spelled as in a file. Raises `ValueError` with everything that is wrong with it.
    """
    if not isinstance(fault, Mapping):
        raise ValueError(f'expected a fault such as {{"stall": "30s"}}, got {fault!r}')
    try:
        # By way of text, so that a fault means here what it means in a file.
        text = json.dumps({"mockllm": 1, "faults": [dict(fault)]})
        return load(text, name="fault").profile.all_routes[0]
    except ProfileError as error:
        problems = "; ".join(problem.message for problem in error.problems)
        raise ValueError(f"{fault!r}: {problems}") from None


def with_faults(loaded: Loaded, new: Route) -> Loaded:
    """The profile with a route's faults first in every route, and in the healthy default."""
    old = loaded.profile
    routes = [
        route.model_copy(update={"faults": (*new.faults, *route.faults)})
        for route in old.all_routes
    ]
    if not old.strict:
        routes.append(new.model_copy(update={"name": "healthy default"}))
    plain = {name: getattr(old, name) for name in PLAIN}
    return replace(loaded, profile=Profile.model_construct(**plain, routes=tuple(routes)))
