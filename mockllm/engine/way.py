"""The way of a call to its route, remembered with its request."""

from __future__ import annotations

from mockllm.engine.counters import Asked, asked_of
from mockllm.engine.endpoints import served
from mockllm.engine.routes import Found, find_route
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.wire import Wire


@valueclass(frozen=True, slots=True)
class Way:
    """What of a call's way to its answer is the same each time that it comes in the same words."""

    profile: Profile
    model: str | None
    """What the call asks for, without what chose a profile."""
    session: str
    wire: Wire | None
    served: Call | None
    """The call, as its wire understands it, with a memo of its own, since the call's has this; None
    for the call itself."""
    found: Found | None
    """Its route; None where attempts decide."""
    asked: Asked
    """The call as it is counted."""


WAY = "way"
"""Under which a request remembers its way."""
NOWHERE = Found(None, -1)


def way_of(call: Call, profile: Profile) -> Way:
    """The way of a call under a profile, which is found once for all calls in the same words."""
    way: Way | None = call.memo.get(WAY)
    if (
        way is None
        or way.profile is not profile
        or way.model != call.model
        or way.session != call.session
    ):
        way = call.memo[WAY] = found_way(call, profile)
    return way


def found_way(call: Call, profile: Profile) -> Way:
    """The same, found."""
    asked = asked_of(call)
    wire, understood = served(call, profile.dialect, profile.sinks)
    itself = understood is call
    if not itself:
        understood = replace(understood, memo=dict(call.memo))
        understood.memo.pop(WAY, None)
    found = find_route(understood, profile) if profile.routes_by_request else None
    return Way(
        profile, call.model, call.session, wire, None if itself else understood, found, asked
    )
