"""A plan that shows what a profile does: that of a plain request which the profile is for."""

from __future__ import annotations

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.plan import Conditions, Plan, Visit
from mockllm.engine.routes import find_route
from mockllm.engine.warnings import Trial, requests
from mockllm.profile.incidents import says_something
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded

FIRST = "openai.chat"
"""The wire that is tried first."""


def sample(loaded: Loaded) -> Plan | None:
    """The plan of a first call that meets the profile's own route.

    None where no plain request does: one with a header, say, or on a listener alone.
    """
    engine = Engine(Library(), loaded, conditions=Conditions(), now=lambda: 0.0)
    tried = sorted((one for one in requests(loaded) if one.plain), key=rank)
    for one in tried:
        found = find_route(one.call, loaded.profile)
        if found.route is None or not says_something(found.route):
            continue
        plan = engine.preview(one.call, None, Here(), Visit())
        if plan.refused is None:
            return plan
    return None


def rank(one: Trial) -> bool:
    """Other wires come behind the first."""
    return one.call.wire != FIRST
