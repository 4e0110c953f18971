"""What a profile means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.matchers.call import Call
from mockllm.profile.loader import load
from mockllm.profile.models import MODELS, Profile, Route
from mockllm.scripts.named import NAMED
from mockllm.scripts.text import TextSource
from mockllm.timeline.pacing import Pace


def profile(*lines: str) -> Profile:
    """A profile from the lines behind the first."""
    return load("\n".join(("mockllm: 1", *lines)), name="p").profile


def test_defaults() -> None:
    """An empty profile is one route of the canonical text for everybody, at an ordinary pace."""
    made = profile()
    (route,) = made.all_routes
    assert (made.models, made.strict, made.seed) == (MODELS, False, None)
    assert (route.name, route.faults, route.match.matchers) == ("only route", (), ())
    assert route.script == NAMED["canonical"]
    assert route.pacing.pace == Pace(0.2, 0.02)


def test_a_route_at_the_top_level() -> None:
    """Without `routes` the keys of a route at the top level are the only route."""
    (route,) = profile("script: {text: hi}", "faults: [reset]", "pacing: {ttft: 1s}").all_routes
    assert route.script == TextSource(text="hi")
    assert [fault.name for fault in route.faults] == ["reset"]
    assert route.pacing.pace == Pace(1.0, 0.02)


def test_routes_have_names() -> None:
    """A route without a name is called by its number."""
    routes = profile("routes: [{name: 1.50}, {}, {name: x}]").all_routes
    assert [route.name for route in routes] == ["1.50", "route 2", "x"]
    assert profile("routes: []").all_routes == ()


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("{}", Pace(0.2, 0.02)),
        ("{ttft: 300ms, itl: 10ms, jitter: 20%, head: 0s}", Pace(0.3, 0.01, 0.2, 0.0)),
        ("{tps: 40}", Pace(0.2, 0.025)),
        ("{itl: 0s}", Pace(0.2, 0.0)),
        ("{catch_up: each}", Pace(0.2, 0.02)),
        ("{catch_up: join}", Pace(0.2, 0.02, joins=True)),
    ],
)
def test_pacing(text: str, pace: Pace) -> None:
    """Times are seconds; tokens a second are another word for the gap."""
    (route,) = profile(f"pacing: {text}").all_routes
    assert route.pacing.pace == pace


def test_match_gives_every_reason() -> None:
    """All conditions must hold, and each that does not says why."""
    (route,) = profile("match: {model: gpt*, stream: true, method: POST}").all_routes
    call = Call("POST", "/", model="gpt-4o", stream=True)
    assert route.match.why_not(call) == ()
    assert route.match.why_not(Call("GET", "/", model="llama")) == (
        "method is 'GET', wanted POST",
        "model is 'llama', wanted gpt*",
        "no stream was asked for",
    )


@pytest.mark.parametrize("name", list(NAMED))
def test_scripts_by_name(name: str) -> None:
    """A text names a script."""
    (route,) = profile(f"script: {name}").all_routes
    assert route.script == NAMED[name]


def test_a_script_that_is_made_already() -> None:
    """From Python a script may be given as what it is."""
    source = TextSource(text="hi")
    assert Route.model_validate({"script": source}).script is source


@given(st.text(alphabet=st.characters(blacklist_categories=["Cs", "Cc"]), max_size=30))
def test_quoted_text_is_itself(text: str) -> None:
    """Any text in single quotes arrives unchanged."""
    quoted = text.replace("'", "''")
    if "\ufffe" not in text and "\uffff" not in text:
        made = profile(f"about: 'x{quoted}x'").about
        assert made == f"x{text}x".replace("\u2028", "\u2028")
