"""The arithmetic of the benchmark, without a server."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.figures import largest, medians, percentile


def test_medians_are_taken_figure_by_figure() -> None:
    runs = [{"a": 3.0, "b": 1.0}, {"a": 1.0, "b": 2.0}, {"a": 2.0, "b": 30.0}]
    assert medians(runs) == {"a": 2.0, "b": 2.0}


def test_the_median_of_two_runs_is_between_them() -> None:
    assert medians([{"a": 1.0}, {"a": 2.0}]) == {"a": 1.5}


def test_a_figure_of_some_runs_counts_where_it_is() -> None:
    assert medians([{"a": 1.0}, {"a": 3.0, "b": 5.0}]) == {"a": 2.0, "b": 5.0}


@pytest.mark.parametrize(
    ("part", "expected"),
    [(0.0, 1.0), (0.5, 2.0), (0.51, 3.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)],
)
def test_percentiles_are_of_the_nearest_rank(part: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], part) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


@given(st.lists(st.integers(0, 1000), min_size=1), st.floats(0.01, 1))
def test_at_most_that_part_is_below_a_percentile(values: list[int], part: float) -> None:
    found = percentile([float(value) for value in values], part)
    assert sum(value <= found for value in values) >= part * len(values) - 1e-9
    assert sum(value < found for value in values) < ceil(part * len(values))


@given(st.integers(0, 20_000))
def test_the_search_comes_near_from_below(edge: int) -> None:
    asked: list[int] = []

    def holds(number: int) -> bool:
        asked.append(number)
        return number <= edge

    found = largest(holds, 200, 8000, near=0.1)
    assert found <= min(edge, 8000)
    assert found >= min(edge, 8000) * 0.88 - 1
    assert len(asked) == len(set(asked))
    assert max(asked) <= 8000


def test_the_search_ends_at_the_most_that_is_asked_for() -> None:
    assert largest(lambda number: True, 200, 8000) >= 7200


def test_what_never_holds_is_nothing() -> None:
    assert largest(lambda number: False, 200, 8000) == 0
