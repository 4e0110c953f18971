"""Faults that are added to a profile after it was loaded."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.profile.adding import route_of, with_faults
from mockllm.profile.loader import load


def names(text: str, fault: dict[str, Any]) -> dict[str | None, list[str]]:
    """The faults of each route after one was added."""
    made = with_faults(load(f"mockllm: 1\n{text}", name="p"), route_of(fault))
    return {route.name: [one.name for one in route.faults] for route in made.profile.all_routes}


def test_a_fault_comes_first_in_every_route() -> None:
    """The fault acts before those of the file, and in the healthy default too."""
    text = "routes: [{name: a, faults: [reset]}, {match: {model: x}}]"
    assert names(text, {"stall": "30s"}) == {
        "a": ["stall", "reset"],
        "route 2": ["stall"],
        "healthy default": ["stall"],
    }


def test_a_strict_profile_gets_no_default() -> None:
    """Where there is no healthy default none is made."""
    assert names("strict: true\nfaults: [cut]", {"fail": 503}) == {"only route": ["fail", "cut"]}


def test_the_rest_of_the_profile_stays() -> None:
    """Seed, models and text are those of the file."""
    loaded = load("mockllm: 1\nabout: x\nseed: 7\nmodels: [m]\n", name="p")
    made = with_faults(loaded, route_of({"fail": 503}))
    assert (made.name, made.text) == ("p", loaded.text)
    assert (made.profile.about, made.profile.seed, made.profile.models) == ("x", 7, ("m",))


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("stall", "expected a fault such as {\"stall\": \"30s\"}, got 'stall'"),
        ({"stall": 30}, "{'stall': 30}: expected a duration, got 30; write the unit, such as 30s or 30ms"),
        ({"reset": None, "frist": 1}, "{'reset': None, 'frist': 1}: unknown key 'frist'; did you mean 'first'?"),
    ],
)  # fmt: skip
def test_refusals(fault: Any, message: str) -> None:
    """A fault is refused in the words of a file, without a place in one."""
    with pytest.raises(ValueError) as refused:
        route_of(fault)
    assert str(refused.value) == message
