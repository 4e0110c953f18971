"""What is drawn for an answer: names and numbers from one key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mockllm.wires.identity import Identity

DRAWS: tuple[Callable[[str], object], ...] = (
    lambda label: Identity("key").number(label, 10**9),
    lambda label: Identity("key").hexadecimal(label, 16),
    lambda label: Identity("key").letters(label, 16),
)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("label", ["text", "", "\ud800", "caf\xe9 \udfff"])
def test_a_label_draws_the_same_each_time(draw: Callable[[str], object], label: str) -> None:
    """Also where the label is of a request that escapes half of a surrogate pair."""
    assert draw(label) == draw(label)
    assert draw(label) != draw(label + "x")


NOW = (461, "97813b6b", "bF7ty9DN")
"""What the first release drew."""


def test_what_is_drawn_stays() -> None:
    """Answers are the same in every release."""
    who = Identity("key")
    assert (who.number("label", 1000), who.hexadecimal("label", 8), who.letters("label", 8)) == NOW
