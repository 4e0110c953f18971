"""A healthy server's waits stand where the first token and the gaps are."""

from __future__ import annotations

import math
from random import Random
from statistics import mean, pstdev, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.timeline.events import End, Frame, Message, Wait
from mockllm.timeline.pacing import Distribution, Load, Pace, jittered, pace
from mockllm.timeline.valueclass import replace
from tests.timeline.samples import DONE, FINISH, ROLE, STREAM, WHOLE, content, script, tool

WHOLE_BODY = Frame(("body",), b"{}", tokens=4)


def wait(seconds: float) -> Wait:
    """A wait of the schedule."""
    return Wait(seconds, paced=True)


@pytest.mark.parametrize(
    ("timing", "events", "paced"),
    [
        (Pace(), script(2), script(2)),
        (
            Pace(0.2, 0.02),
            script(2),
            (wait(0.2), STREAM, ROLE, content(1), wait(0.02), content(2), FINISH, DONE, End()),
        ),
        (
            Pace(0.5, 0.25, head=0.125),
            script(1),
            (wait(0.125), STREAM, wait(0.375), ROLE, content(1), FINISH, DONE, End()),
        ),
        (
            Pace(0.5, head=2.0),
            script(1),
            (wait(0.5), STREAM, wait(0.0), ROLE, content(1), FINISH, DONE, End()),
        ),
        (
            Pace(0.2, 0.02),
            (STREAM, tool(1, 1), tool(1, 2), DONE, End()),
            (wait(0.2), STREAM, tool(1, 1), wait(0.02), tool(1, 2), DONE, End()),
        ),
        (
            Pace(0.5, 0.25),
            (WHOLE, WHOLE_BODY, End()),
            (wait(1.25), WHOLE, WHOLE_BODY, End()),
        ),
        (
            Pace(0.5, 0.25, head=0.5),
            (WHOLE, WHOLE_BODY, End()),
            (wait(0.5), WHOLE, wait(0.75), WHOLE_BODY, End()),
        ),
        (Pace(0.5), (WHOLE, Frame(("error",), b"{}"), End()), (WHOLE, Frame(("error",), b"{}"), End())),
    ],
    ids=["none", "stream", "early head", "head after ttft", "tools", "whole", "whole, early head", "no tokens"],
)  # fmt: skip
def test_pace(timing: Pace, events: tuple[Message, ...], paced: tuple[Message, ...]) -> None:
    """Head and role leave with the first content; finish, usage and done without a gap."""
    assert pace(events, timing, Random(1)) == paced


@pytest.mark.parametrize("timing", [Pace(0.2, 0.02), Pace(0.2, 0.02, 0.2), Pace(0.2, head=0.1)])
@pytest.mark.parametrize("answer", [script(3), (WHOLE, WHOLE_BODY, End())])
def test_joining_is_said_by_every_wait(timing: Pace, answer: tuple[Message, ...]) -> None:
    """And by nothing else: the times are the same."""
    made = pace(answer, replace(timing, joins=True), Random(1))
    waits = [event for event in made if isinstance(event, Wait)]
    assert waits
    assert all(wait.joins for wait in waits)
    plain = tuple(replace(e, joins=False) if isinstance(e, Wait) else e for e in made)
    assert plain == pace(answer, timing, Random(1))


def test_what_takes_no_time_has_no_waits() -> None:
    """Neither jitter nor an early head make one, and nothing is late."""
    assert pace(script(2), Pace(0, 0, 0.2, 0.5, joins=True), Random(1)) == script(2)


def test_jitter_is_drawn_from_the_generator() -> None:
    """The same generator gives the same waits, another gives others."""
    timing = Pace(0.2, 0.02, jitter=0.2)
    assert pace(script(5), timing, Random(1)) == pace(script(5), timing, Random(1))
    assert pace(script(5), timing, Random(1)) != pace(script(5), timing, Random(2))


def test_jitter_is_normal_around_the_mean() -> None:
    """Two thousand draws have the mean and the deviation that were asked for."""
    random = Random(7)
    draws = [jittered(0.02, Pace(jitter=0.2), random) for _ in range(2000)]
    assert mean(draws) == pytest.approx(0.02, rel=0.02)
    assert pstdev(draws) == pytest.approx(0.004, rel=0.05)


@given(st.floats(0, 10), st.floats(0, 1), st.integers(0, 1 << 32))
def test_jitter_has_bounds(average: float, jitter: float, seed: int) -> None:
    """No draw is negative or further than three deviations from the mean."""
    drawn = jittered(average, Pace(jitter=jitter), Random(seed))
    assert drawn >= 0
    assert abs(drawn - average) <= 3 * average * jitter + 1e-9


def test_no_jitter_draws_nothing() -> None:
    """Without jitter the generator is not touched, so that adding jitter changes nothing else."""
    random = Random(1)
    assert (jittered(0.5, Pace(), random), jittered(0.0, Pace(jitter=0.5), random)) == (0.5, 0.0)
    assert random.random() == Random(1).random()


@pytest.mark.parametrize("distribution", ["normal", "lognormal", "uniform"])
def test_distributions(distribution: Distribution) -> None:
    """Draws keep the mean and the deviation, and never leave three deviations."""
    timing = Pace(distribution=distribution, jitter=0.2)
    random = Random(1)
    drawn = [jittered(10.0, timing, random) for _ in range(4000)]
    assert mean(drawn) == pytest.approx(10.0, rel=0.02)
    # A uniform spread of ± the jitter has a deviation of that over the root of three.
    wanted = 2.0 / math.sqrt(3) if distribution == "uniform" else 2.0
    assert stdev(drawn) == pytest.approx(wanted, rel=0.06)
    assert min(drawn) >= 4.0
    assert max(drawn) <= 16.0


@pytest.mark.parametrize(
    ("inflight", "factor", "waiting", "full"),
    [
        (1, 1.0, 0, False),
        (3, 2.0, 0, False),
        (5, 3.0, 0, False),
        (7, 3.0, 2, False),
        (8, 3.0, 3, True),
    ],
)
def test_load(inflight: int, factor: float, waiting: int, full: bool) -> None:
    """Times grow evenly to the slowdown; then requests wait, and then they are refused."""
    load = Load(slots=5, slowdown=3.0, queue=2)
    assert (factor, waiting, full) == (
        load.factor(inflight),
        load.waiting(inflight),
        load.full(inflight),
    )


def test_timing_under_load() -> None:
    """A request that waits for a slot waits for its share of an answer."""
    load = Load(slots=2, slowdown=2.0)
    timing = Pace(ttft=1.0, itl=0.1)
    assert timing.under(load, 1, 11) == timing
    assert timing.under(load, 2, 11) == Pace(ttft=2.0, itl=0.2)
    assert timing.under(load, 3, 11) == Pace(ttft=2.0 + (2.0 + 10 * 0.2) / 2, itl=0.2)


def test_one_slot() -> None:
    """Where there is one slot a request in it is never alone."""
    assert Load(slots=1, slowdown=2.0).factor(1) == 2.0
