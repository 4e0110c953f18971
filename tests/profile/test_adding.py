"""What is said in Python beside a profile that was loaded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from mockllm.faults.fault import flow_of
from mockllm.profile.adding import (
    Said,
    read_fault,
    read_match,
    read_script,
    visible_faults,
    with_said,
)
from mockllm.profile.loader import load
from mockllm.profile.models import Profile


def fault(text: str, **more: Any) -> Said:
    """A fault for all calls, or for those of a model."""
    match = read_match("on", {"model": more.pop("model")}) if "model" in more else None
    return Said(match, f"on {text}", faults=(read_fault("add", {text: None, **more}),))


def said(text: str, *parts: Said) -> Profile:
    """A profile from the lines behind the first, with what was said."""
    return with_said(load(f"mockllm: 1\n{text}", name="p"), parts).profile


def names(profile: Profile) -> dict[str | None, list[str]]:
    """The faults of each route."""
    return {route.name: [one.name for one in route.faults] for route in profile.all_routes}


def scripts(profile: Profile) -> dict[str | None, Any]:
    """The text that each route says."""
    return {route.name: getattr(route.script, "text", None) for route in profile.all_routes}


def answer(text: str, **match: Any) -> Said:
    """An answer for all calls, or for some."""
    return Said(
        read_match("on", match) if match else None,
        f"on {match}" if match else "",
        script=read_script("says", {"text": text}),
    )


def test_nothing_said() -> None:
    """Without a word the profile is the very same."""
    loaded = load("mockllm: 1\nfaults: [reset]", name="p")
    assert with_said(loaded, []) is loaded
    assert with_said(loaded, [Said(), Said(name="x")]) is loaded


def test_a_fault_comes_first_in_every_route() -> None:
    """The fault acts before those of the file, and in the healthy default too."""
    text = "routes: [{name: a, faults: [reset]}, {match: {model: x}}]"
    assert names(said(text, fault("cut"))) == {
        "a": ["cut", "reset"],
        "route 2": ["cut"],
        "healthy default": ["cut"],
    }


def test_faults_stand_in_the_order_in_which_they_were_said() -> None:
    """What was said first acts first; all of it before the file's."""
    both = Said(faults=(*fault("cut").faults, *fault("reset").faults))
    assert names(said("faults: [truncate]", both))["only route"] == ["cut", "reset", "truncate"]


def test_a_strict_profile_gets_no_default() -> None:
    """Where there is no healthy default none is made."""
    made = said("strict: true\nfaults: [cut]", fault("reset"))
    assert names(made) == {"only route": ["reset", "cut"]}


def test_some_calls_have_a_route_before_all_others() -> None:
    """What is about some calls is a route of its own; of several the newest is asked first."""
    made = said("faults: [cut]", fault("reset", model="a"), fault("garble", model="b"))
    assert names(made) == {
        "on garble": ["garble"],
        "on reset": ["reset"],
        "only route": ["cut"],
        "healthy default": [],
    }
    assert [bool(route.match.matchers) for route in made.all_routes] == [True, True, False, False]


def test_what_is_about_all_reaches_those_routes_too() -> None:
    """All that goes wrong everywhere goes wrong there as well, first."""
    made = said("", fault("reset", model="a"), fault("cut"))
    assert names(made)["on reset"] == ["cut", "reset"]


def test_a_route_of_its_own_has_its_own_answer() -> None:
    """The answer for all calls replaces those of the file, not those of `on`."""
    text = "routes: [{name: file, script: {text: filed}}]"
    made = said(text, answer("all"), answer("some", model="a"))
    assert scripts(made) == {
        "on {'model': 'a'}": "some",
        "file": "all",
        "healthy default": "all",
    }


def test_a_route_with_faults_alone_gives_the_answer_of_all() -> None:
    """Calls whose faults alone were told apart get what everyone gets."""
    made = said("script: {text: filed}", answer("all"), fault("cut", model="a"))
    assert scripts(made)["on cut"] == "all"
    assert scripts(said("script: {text: filed}", fault("cut", model="a")))["on cut"] == "filed"


def test_the_rest_of_the_profile_stays() -> None:
    """Seed, models and text are those of the file."""
    loaded = load("mockllm: 1\nabout: x\nseed: 7\nmodels: [m]\n", name="p")
    made = with_said(loaded, [fault("cut")])
    assert (made.name, made.text) == ("p", loaded.text)
    assert (made.profile.about, made.profile.seed, made.profile.models) == ("x", 7, ("m",))
    assert names(loaded.profile) == {"only route": []}


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (read_fault, "stall", "w: expected a fault such as {\"stall\": \"30s\"}, got 'stall'"),
        (read_fault, {"stall": 30}, "w: expected a duration, got 30; write the unit, such as 30s or 30ms"),
        (read_fault, {"reset": None, "frist": 1}, "w: unknown key 'frist'; did you mean 'first'?"),
        (read_fault, {"stall": timedelta(1)}, "w: expected what JSON can say: Object of type timedelta is not JSON serializable"),
        (read_fault, {"reset": None, "at": "connect"}, None),
        (read_script, {"txet": "x"}, None),
        (read_script, 5, None),
        (read_match, {"modle": "x"}, "w: unknown key 'modle'; did you mean 'model'?"),
    ],
)  # fmt: skip
def test_refusals(read: Callable[[str, Any], Any], value: Any, message: str | None) -> None:
    """It is refused in the words of a file, behind what the caller wrote, in one line."""
    with pytest.raises(ValueError) as refused:
        read("w", value)
    text = str(refused.value)
    assert text.startswith("w: ")
    assert "inline" not in text
    assert "\n" not in text
    assert message in (None, text)


def test_visible_faults() -> None:
    """Faults of routes and listeners can be seen to act, but for those that keep clients out."""
    loaded = load(
        "mockllm: 1\n"
        "routes: [{faults: [reset]}, {faults: [cut]}]\n"
        "listeners:\n"
        "  - {name: a, faults: [{close: rst, at: connect}, {fail: 503}]}\n"
        "  - {name: b, faults: [{close: refuse, at: connect}]}\n",
        name="p",
    )
    assert [flow_of(one) for one in visible_faults(loaded)] == [
        "reset",
        "cut",
        "fail: 503",
        "close: rst",
    ]
