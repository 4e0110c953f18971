"""Chance follows what identifies a call, and nothing else."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine import dice
from tests.engine.build import acts, ask, engine

PARTS = st.lists(st.text(max_size=5) | st.integers(), max_size=5)


@given(PARTS, PARTS)
def test_different_parts_have_different_keys(one: list[object], other: list[object]) -> None:
    """No two lists of parts are confused, however their texts are made."""
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (dice.key(*one) == dice.key(*other)) == same


@given(st.binary(max_size=10))
def test_any_bytes_can_be_drawn_for(data: bytes) -> None:
    """A text with lone surrogates, as bytes of a header give it, is drawn for like any other."""
    text = data.decode("utf-8", "surrogateescape")
    assert 0 <= dice.draw(text) < 1
    assert dice.random(text).random() == dice.random(text).random()


def test_draws_are_the_same_in_every_release() -> None:
    """A few draws, written down: what a seed gave once it gives always."""
    assert [dice.draw(0, "fault", n) for n in range(3)] == [
        0.37155373902184596,
        0.7905690982023702,
        0.1298007903034849,
    ]
    assert dice.random(0, "x").random() == 0.9641248373274013


def test_draws_are_even() -> None:
    """Of ten thousand draws each tenth has its share."""
    draws = [dice.draw("even", number) for number in range(10_000)]
    for tenth in range(10):
        assert sum(tenth <= draw * 10 < tenth + 1 for draw in draws) == pytest.approx(1000, abs=120)


CHANCE = "faults: [{fail: 503, chance: 10%}]"


def test_chance_over_different_requests() -> None:
    """Of two thousand different requests a tenth meets the fault."""
    server = engine(CHANCE)
    assert sum(acts(ask(server, user=str(n)))[0] for n in range(2000)) == pytest.approx(200, abs=40)


def test_chance_over_equal_requests() -> None:
    """Of two thousand equal requests a tenth meets the fault, for each is another attempt."""
    server = engine(CHANCE)
    assert sum(acts(ask(server))[0] for _ in range(2000)) == pytest.approx(200, abs=40)


def test_chance_does_not_depend_on_order() -> None:
    """Requests in another order have the same outcomes, each its own."""
    numbers = list(range(200))
    in_order, shuffled = engine(CHANCE), engine(CHANCE)
    outcomes = {n: acts(ask(in_order, user=str(n))) for n in numbers}
    Random(1).shuffle(numbers)
    assert {n: acts(ask(shuffled, user=str(n))) for n in numbers} == outcomes


def test_a_retry_that_says_so_is_told_from_a_repetition() -> None:
    """The client's own count of retries names the attempt, so its order does not matter either."""

    def outcomes(order: list[int]) -> dict[int, list[bool]]:
        server = engine("faults: [{fail: 503, chance: 50%}]")
        return {n: acts(ask(server, headers=[("X-Stainless-Retry-Count", str(n))])) for n in order}

    assert outcomes([0, 1, 2, 3, 4, 5]) == outcomes([5, 3, 1, 0, 2, 4])
    assert len({tuple(value) for value in outcomes(list(range(20))).values()}) == 2


def test_adding_a_fault_does_not_change_the_others() -> None:
    """Each fault has dice of its own, by its place in the list."""
    one = engine("faults: [{wait: 1s, chance: 50%}]")
    two = engine("faults: [{wait: 1s, chance: 50%}, {fail: 503, chance: 50%}]")
    first = [acts(ask(one, user=str(n)))[0] for n in range(100)]
    both = [acts(ask(two, user=str(n))) for n in range(100)]
    assert [pair[0] for pair in both] == first
    assert len({tuple(pair) for pair in both}) == 4


def test_the_seed() -> None:
    """The server's seed wins over the profile's, and without both it is 0; another one gives other
    outcomes."""

    def outcomes(seed: int | None, text: str = "") -> list[bool]:
        server = engine(f"{text}\nfaults: [{{fail: 503, chance: 50%}}]", seed=seed)
        return [acts(ask(server, user=str(n)))[0] for n in range(100)]

    assert outcomes(None) == outcomes(0)
    assert outcomes(None, "seed: 7") == outcomes(7)
    assert outcomes(8, "seed: 7") == outcomes(8)
    assert outcomes(0, "seed: 7") == outcomes(0)
    assert len({tuple(outcomes(seed)) for seed in (0, 7, 8)}) == 3


def test_ids_follow_the_seed_and_the_request() -> None:
    """The same request to the same seed is answered under the same names, the next one is not."""
    one, two = engine(), engine()
    assert [ask(one).lowered for _ in range(3)] == [ask(two).lowered for _ in range(3)]
    assert ask(one).lowered != ask(one).lowered
    assert json.loads(json.dumps(ask(one).visit.attempt)) == ".6"
