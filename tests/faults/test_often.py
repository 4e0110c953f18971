"""How often a fault acts, and what it says when it does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mockllm.faults.often import Occasion, Often


@pytest.mark.parametrize(
    ("keys", "occasion", "why"),
    [
        ({}, Occasion(99, 1e6, 0.999), None),
        ({"first": 2}, Occasion(2), None),
        ({"first": 2}, Occasion(3), "call 3 of the session, first: 2"),
        ({"nth": [1, 3]}, Occasion(3), None),
        ({"nth": [1, 3]}, Occasion(2), "call 2 of the session, nth: [1, 3]"),
        ({"nth": 2}, Occasion(2), None),
        ({"nth": 2}, Occasion(1), "call 1 of the session, nth: [2]"),
        ({"during": ["1s", "20s"]}, Occasion(elapsed=0.9999), "1.000s on the server's clock, during: [1s, 20s]"),
        ({"during": ["1s", "20s"]}, Occasion(elapsed=1.0), None),
        ({"during": ["1s", "20s"]}, Occasion(elapsed=19.999), None),
        ({"during": ["1s", "20s"]}, Occasion(elapsed=20.0), "20.000s on the server's clock, during: [1s, 20s]"),
        ({"chance": "10%"}, Occasion(draw=0.0999), None),
        ({"chance": "10%"}, Occasion(draw=0.1), "the dice said 10.0%, chance: 10%"),
        ({"chance": "0.5%"}, Occasion(draw=0.25), "the dice said 25.0%, chance: 0.5%"),
        ({"chance": "100%"}, Occasion(draw=0.999999), None),
        ({"chance": "0%"}, Occasion(draw=0.0), "the dice said 0.0%, chance: 0%"),
        ({"first": 2, "chance": "50%"}, Occasion(2, draw=0.6), "the dice said 60.0%, chance: 50%"),
        ({"first": 2, "chance": "50%"}, Occasion(3, draw=0.4), "call 3 of the session, first: 2"),
        ({"first": 2, "nth": [2], "during": ["0s", "1s"], "chance": "50%"}, Occasion(2, 0.5, 0.4), None),
    ],
)  # fmt: skip
def test_all_keys_must_hold(keys: dict[str, Any], occasion: Occasion, why: str | None) -> None:
    """A fault acts if all of its keys hold; otherwise the first that does not is the reason."""
    assert Often.model_validate(keys).skipped(occasion) == why


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 100))
def test_chance_is_the_share_of_draws(draw: float, percent: int) -> None:
    """A fault with a chance acts on just those draws that are below it."""
    fault = Often.model_validate({"chance": f"{percent}%"})
    assert (fault.skipped(Occasion(draw=draw)) is None) == (draw < percent / 100)


@pytest.mark.parametrize(
    "keys",
    [
        {"first": 0},
        {"first": True},
        {"first": "1"},
        {"nth": [0]},
        {"nth": 1.0},
        {"during": ["1s"]},
        {"during": ["1s", "2s", "3s"]},
        {"during": "1s"},
        {"chance": 0.1},
        {"chance": "101%"},
    ],
)
def test_refusals(keys: dict[str, Any]) -> None:
    """Counts begin at 1 and are whole, a window has two times, a share is at most 100%."""
    with pytest.raises(ValidationError):
        Often.model_validate(keys)
