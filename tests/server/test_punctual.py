"""The warning of a server that cannot keep its times."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from mockllm.engine.lateness import LATE, Lateness
from mockllm.server import punctual
from mockllm.server.punctual import ENOUGH, lately

NOTHING = Lateness().counts


def counts(errors: dict[float, int]) -> Sequence[int]:
    """What is counted of so many gap errors in seconds."""
    lateness = Lateness()
    for error, many in errors.items():
        for _ in range(many):
            lateness.note(error)
    return lateness.counts


def test_what_came_lately_counts() -> None:
    """Not what was before."""
    before = counts({0.5: 1000})
    now = counts({0.5: 1000, 0.0002: ENOUGH})
    assert lately(NOTHING, before) == 0.501
    assert lately(before, now) == 0.001


def test_few_events_tell_nothing() -> None:
    """One hiccup would be their p99."""
    assert lately(NOTHING, counts({0.5: ENOUGH - 1})) is None
    assert lately(NOTHING, NOTHING) is None


def test_one_in_a_hundred_may_be_late() -> None:
    """That is what p99 means."""
    assert lately(NOTHING, counts({0.0002: 990, 0.5: 10})) == 0.001
    assert lately(NOTHING, counts({0.0002: 989, 0.5: 11})) == 0.501


def test_cleared_counts_begin_anew() -> None:
    """After a reset the counts are smaller than at the last look."""
    assert lately(counts({0.5: 5000}), counts({0.0002: ENOUGH})) == 0.001
    assert lately(counts({0.5: 5000}), NOTHING) is None


def test_it_warns_once_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Looks before it are silent, and it ends with its warning."""
    monkeypatch.setattr(punctual, "LOOK", 0.0)
    good = counts({0.0002: ENOUGH})
    late = {0.0002: ENOUGH, 0.0371: ENOUGH // 2}
    few, more = counts(late), counts({**late, 0.0002: 2 * ENOUGH})
    looks = iter([NOTHING, good, good, few, more])
    asyncio.run(punctual.warn_when_late(lambda: next(looks)))
    assert next(looks, None) is None
    (record,) = (one for one in caplog.records if one.name == "mockllm")
    assert record.levelname == "WARNING"
    said = record.getMessage()
    assert said.startswith("the machine is too slow for this load: p99 gap error 38 ms")
    assert "fewer streams" in said


def test_ten_milliseconds_are_not_late() -> None:
    """The bar below which times are to be trusted."""
    assert lately(NOTHING, counts({LATE - 0.0001: ENOUGH})) == LATE
