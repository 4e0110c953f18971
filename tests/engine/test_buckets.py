"""Token buckets, with a clock that a test moves."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.buckets import MINUTE, Bucket


def accepted(limit: int, gaps: list[float]) -> list[float]:
    """When requests got through that came with these gaps between them."""
    bucket, now, through = Bucket.full(limit, 0.0), 0.0, []
    for gap in gaps:
        now += gap
        bucket = bucket.at(now)
        if bucket.wait(1) == 0:
            bucket = bucket.take(1)
            through.append(now)
    return through


@given(
    st.integers(0, 20),
    st.lists(st.floats(0, 30) | st.sampled_from([0.0, 0.1, 3.0, 20.0, 60.0]), max_size=120),
)
def test_no_window_has_more_than_the_burst_and_what_flows_in(limit: int, gaps: list[float]) -> None:
    """In any span that begins with a request no more get through than a full bucket and the refill."""
    through = accepted(limit, gaps)
    for number, start in enumerate(through):
        for count, end in enumerate(through[number:], 1):
            assert count <= limit + (end - start) * limit / MINUTE + 0.01


@given(st.integers(1, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_who_waits_as_told_gets_through(limit: int, taken: int, wanted: int) -> None:
    """After the wait there is enough, and a thousandth of a second earlier there was not."""
    bucket = Bucket.full(limit, 7.0).take(min(taken, limit))
    wait = bucket.wait(wanted)
    if wanted > limit:
        assert wait == inf
        return
    assert bucket.at(7.0 + wait).wait(wanted) == 0
    if wait > 0.001 and limit > 1:
        assert bucket.at(7.0 + wait - 0.001).wait(wanted) > 0


@given(st.integers(1, 100_000), st.integers(0, 100_000))
def test_it_is_full_when_it_said_so(limit: int, taken: int) -> None:
    """After `reset` seconds nothing is missing, and never more is in it than it holds."""
    bucket = Bucket.full(limit, 0.0).take(min(taken, limit))
    assert bucket.at(bucket.reset).remaining == limit
    assert bucket.at(bucket.reset + 3600).level == limit


@pytest.mark.parametrize(
    ("limit", "used", "requested", "wait"),
    [(10_000, 9044, 1644, 4.128), (3, 3, 1, 20.0), (3, 2, 1, 0.0)],
)
def test_the_waits_of_captures(limit: int, used: int, requested: int, wait: float) -> None:
    """OpenAI's messages tell limit, use, request and wait; they follow from one another."""
    assert Bucket.full(limit, 0.0).take(used).wait(requested) == pytest.approx(wait)


@pytest.mark.parametrize(("limit", "reset"), [(30_000, 0.002), (5000, 0.012)])
def test_the_resets_of_captures(limit: int, reset: float) -> None:
    """OpenAI's headers of an account that has sent one request."""
    assert Bucket.full(limit, 0.0).take(1).reset == pytest.approx(reset)


def test_a_limit_of_nothing() -> None:
    """Nothing ever gets through, and nothing flows in."""
    bucket = Bucket.full(0, 0.0).at(1000.0)
    assert (bucket.wait(1), bucket.wait(0), bucket.remaining, bucket.reset) == (inf, 0.0, 0, 0.0)
