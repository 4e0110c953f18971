"""The route of a call, and the reasons of those that were not taken."""

from __future__ import annotations

import pytest

import mockllm.matchers
from mockllm.engine.plan import Plan
from mockllm.engine.routes import Found, Miss, find_route
from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition
from mockllm.matchers.matcher import Matcher
from mockllm.profile.models import Profile
from mockllm.timeline.registry import subclasses
from tests.engine.build import ask, engine, profile

CHAT = "/v1/chat/completions"
ROUTES = """
routes:
  - {name: wide, match: {model: m*, stream: true}}
  - {name: one, match: {model: m1}}
  - {name: two, match: {model: m2}}
  - {name: path, match: {path: /other}}
"""


def linear(call: Call, of: Profile) -> tuple[str | None, list[Miss]]:
    """The first route that matches and the reasons of those before it, by asking each."""
    misses: list[Miss] = []
    for route in of.all_routes:
        reasons = route.match.why_not(call)
        if call.wire is None and "path" not in route.match.model_fields_set:
            reasons = ("no API is served on the path", *reasons)
        if not reasons:
            return route.name, misses
        misses.append(Miss(route.name or "", reasons))
    return None, misses


@pytest.mark.parametrize("wire", ["openai.chat", None])
@pytest.mark.parametrize("path", [CHAT, "/other"])
@pytest.mark.parametrize("model", ["m1", "m2", "n", None])
@pytest.mark.parametrize("stream", [False, True])
def test_as_if_every_route_were_asked(
    wire: str | None, path: str, model: str | None, *, stream: bool
) -> None:
    """The first that matches is taken, and each before it has every reason why not."""
    call = Call("POST", path, wire=wire, model=model, stream=stream)
    of = profile(ROUTES).profile
    found = find_route(call, of)
    name, misses = linear(call, of)
    assert (found.route and found.route.name, list(found.misses(call))) == (name, misses)
    assert found.nearest(call) == sorted(misses, key=lambda miss: len(miss.reasons))


def test_a_route_that_nobody_looked_for() -> None:
    """A request that is refused before it has no reasons against routes."""
    assert Found(None, -1).misses(Call("GET", "/")) == ()


def test_reasons_are_found_when_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that gets its answer finds no words for the routes that it did not take."""
    server = engine(ROUTES)

    def words(*_: object) -> str:
        raise AssertionError("nobody wants to know")

    with monkeypatch.context() as patch:
        patch.setattr(Condition, "why_not", words)
        plans: list[Plan] = [ask(server, model=name, stream=False) for name in ("m2", "other")]
    assert [plan.found.name for plan in plans] == ["two", "no route"]
    assert [len(plan.misses) for plan in plans] == [2, 4]


def test_only_a_kind_that_says_so_is_not_asked_again() -> None:
    """What another distribution adds may look at the clock, or count."""
    kinds = subclasses(mockllm.matchers, Matcher)  # type: ignore[type-abstract]
    assert not Matcher.of_request
    assert [kind.key for kind in kinds if not kind.of_request] == ["attempt"]
