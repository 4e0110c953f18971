"""The route of a call: the first that matches, and why those before it do not.

A call asks only the routes that may match it; the reasons why others do not are found when somebody
wants to read them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from mockllm.matchers.call import Call
from mockllm.profile.models import Profile, Route
from mockllm.timeline.valueclass import valueclass


@valueclass(frozen=True, slots=True)
class Miss:
    """A route that was not taken, and every reason."""

    route: str
    reasons: tuple[str, ...]


@valueclass(frozen=True, slots=True)
class Found:
    """The route of a call; None for the healthy default."""

    route: Route | None
    index: int
    profile: Profile | None = field(default=None, compare=False, repr=False)
    """Where it was looked for; None where nobody did."""

    @property
    def name(self) -> str:
        """The route's name."""
        return (self.route.name or "") if self.route else "no route"

    def misses(self, call: Call) -> tuple[Miss, ...]:
        """The routes before it that the call did not take, and why not; found anew each time."""
        return tuple(self._misses(call))

    def nearest(self, call: Call) -> list[Miss]:
        """The same, those with the fewest reasons against them first."""
        return sorted(self.misses(call), key=lambda miss: len(miss.reasons))

    def _misses(self, call: Call) -> Iterator[Miss]:
        routes = self.profile.all_routes if self.profile is not None else ()
        for route in routes[: self.index if self.route is not None else None]:
            served = () if is_served(call, route) else ("no API is served on the path",)
            yield Miss(route.name or "", (*served, *route.match.why_not(call)))


def find_route(call: Call, profile: Profile) -> Found:
    """The first route that matches.

    A path that no wire serves reaches only routes that name a path: a client with a wrong base URL
    must see the 404 that tells it so, not the faults of a profile that it never reaches.
    """
    routes = profile.all_routes
    for index in profile.candidates.of(call):
        route = routes[index]
        if route.match.holds(call) and is_served(call, route):
            return Found(route, index, profile)
    return Found(None, -1, profile)


def is_served(call: Call, route: Route) -> bool:
    """Whether a call on this path can reach the route."""
    return (
        call.wire is not None
        or "path" in route.match.model_fields_set
        or route.script.claims(call.method, call.path)
    )
