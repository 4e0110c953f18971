"""Logical calls and their attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine import counters
from mockllm.engine.counters import Asked, Counters, asked_of
from mockllm.engine.engine import Engine
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Plan
from mockllm.matchers.call import Call
from tests.engine.build import Clock, ask, engine, status


def call(body: bytes = b"{}", *, session: str = "", retry: str | None = None) -> Asked:
    """A call told apart by its body."""
    headers = () if retry is None else (("X-Stainless-Retry-Count", retry),)
    return asked_of(Call("POST", "/", body=body, session=session, headers=headers))


def over(made: Counters, ticket: int, *, success: bool) -> None:
    """An attempt is over."""
    if success:
        made.succeeded(ticket)
    else:
        made.failed(ticket, 0.0)


def one_after_another(made: Counters, *calls: Asked, success: bool = False) -> list[int]:
    """The attempts that calls are of which each ends before the next begins."""
    seen = []
    for one in calls:
        ticket, attempt, *_ = made.begin(one, 0.0)
        over(made, ticket, success=success)
        seen.append(attempt)
    return seen


def test_a_failure_is_followed_by_an_attempt() -> None:
    """The same body and path in the same session is the same call, until it has succeeded."""
    made = Counters()
    calls = [call(), call(), call(b"[]"), call(session="s"), call()]
    assert one_after_another(made, *calls) == [1, 2, 1, 1, 3]
    assert one_after_another(made, call(), success=True) == [4]
    assert one_after_another(made, call()) == [1]


def test_identical_requests_at_once_are_separate_calls() -> None:
    """A new attempt begins only when the one before has ended."""
    made = Counters()
    tickets, attempts, *_ = zip(*(made.begin(call(), 0.0) for _ in range(3)), strict=True)
    assert attempts == (1, 1, 1)
    for ticket in tickets[:2]:
        made.failed(ticket, 1.0)
    assert [made.begin(call(), 2.0)[1] for _ in range(3)] == [2, 2, 1]


def test_the_call_that_ended_first_goes_on_first() -> None:
    """Of several calls that wait, the one that has waited longest gets the next attempt."""
    made = Counters()
    first, *_ = made.begin(call(), 0.0)
    second, *_ = made.begin(call(), 0.0)
    made.failed(second, 1.0)
    third, attempt, *_ = made.begin(call(), 2.0)
    assert attempt == 2
    made.failed(first, 3.0)
    made.failed(third, 4.0)
    assert [made.begin(call(), 5.0)[1] for _ in range(2)] == [2, 3]


@pytest.mark.parametrize(("seconds", "attempt"), [(60.0, 2), (60.1, 1)])
def test_a_call_ends_with_an_idle_minute(seconds: float, attempt: int) -> None:
    """Who comes back within a minute after the end of the last attempt is retrying."""
    made = Counters()
    ticket, *_ = made.begin(call(), 0.0)
    made.failed(ticket, 100.0)
    assert made.begin(call(), 100.0 + seconds)[1] == attempt


def test_a_reset_ends_all_calls() -> None:
    """After a reset everything is a first attempt, also of what was still playing."""
    made = Counters()
    playing, *_ = made.begin(call(), 0.0)
    one_after_another(made, call(b"[]"))
    made.reset()
    made.failed(playing, 0.0)
    assert one_after_another(made, call(), call(b"[]")) == [1, 1]


@pytest.mark.parametrize(
    ("retries", "attempts"),
    [
        (["0", "1", "2"], [1, 2, 3]),
        (["0", "0"], [1, 1]),
        (["2"], [3]),
        (["0", "2"], [1, 3]),
        (["0", None], [1, 2]),
        ([None, None, "0", "1"], [1, 2, 1, 2]),
        (["x", "-1", "²", "", "9999999999"], [1, 2, 3, 4, 5]),
    ],
)
def test_the_word_of_the_client_wins(retries: list[str | None], attempts: list[int]) -> None:
    """Where the client says which retry it is, it is that; where it says nonsense, we count."""
    calls = [call(retry=retry) for retry in retries]
    assert one_after_another(Counters(), *calls) == attempts


def test_a_retry_before_the_end() -> None:
    """A client that gave up retries before the server has seen it leave; its word counts."""
    made = Counters()
    made.begin(call(retry="0"), 0.0)
    assert made.begin(call(retry="1"), 0.0)[1] == 2


@given(st.lists(st.sampled_from(["begin", "fail", "succeed"]), max_size=40))
def test_attempts_do_not_depend_on_other_requests(steps: list[str]) -> None:
    """Whatever other requests do in between, a request is counted as if it were alone."""
    alone, crowded = Counters(), Counters()
    tickets: list[tuple[int, int]] = []
    for step in steps:
        noise, *_ = crowded.begin(call(b"noise"), 0.0)
        if step == "begin":
            first, attempt, *_ = alone.begin(call(), 0.0)
            second, also, *_ = crowded.begin(call(), 0.0)
            assert attempt == also
            tickets.append((first, second))
        elif tickets:
            one, two = tickets.pop(0)
            over(alone, one, success=step == "succeed")
            over(crowded, two, success=step == "succeed")
        crowded.failed(noise, 0.0)


def test_old_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many requests are remembered; the one that ended longest ago goes first."""
    monkeypatch.setattr(counters, "MAX_REMEMBERED", 2)
    bodies = [b"1", b"2", b"1", b"3", b"1", b"2"]
    assert one_after_another(Counters(), *map(call, bodies)) == [1, 1, 2, 1, 3, 1]


# In the engine

CUT = "faults: [{truncate: true, first: 1}]"
SECOND = """
routes:
  - match: {attempt: 1}
    faults: [{fail: 503}]
  - match: {attempt: 2}
    faults: [{reset: true}]
"""


def end(to: Engine, plan: Plan, ending: str = "done") -> None:
    """Tell the engine that a plan has been played."""
    events = len(plan.lowered.events)
    outcome = Outcome(ending, events, events, 100)  # type: ignore[arg-type]
    to.ended(to.journal.begin(plan, "").update(outcome))


def test_attempts_of_one_call_name_its_first() -> None:
    """The journal's number of the first attempt stands in all of them, whoever calls meanwhile."""
    clock = Clock()
    to = engine("faults: [{fail: 503, first: 3}]", clock=clock)
    seen = []
    for number, content in enumerate(["a", "b", "a", "a", "a"]):
        clock.now = 1000.0 + number
        record = to.begin(ask(to, user=content), "")
        count = len(record.entry.plan.lowered.events)
        to.ended(record.update(Outcome("done", count, count, 100, 0.0, 0.25)))
        seen.append(record.entry)
    assert [(one.number, one.attempt, one.logical) for one in seen] == [
        (1, 1, 1), (2, 1, 2), (3, 2, 1), (4, 3, 1), (5, 1, 5),
    ]  # fmt: skip
    assert [(one.at, one.ended_at) for one in seen] == [(n, n + 0.25) for n in range(5)]


def test_the_clock_of_the_journal_begins_with_a_reset() -> None:
    """A reset begins at 0 again; another profile does not."""
    clock = Clock()
    to = engine(clock=clock)
    clock.now += 5
    to.use(to.profile)
    assert to.begin(ask(to), "").entry.at == 5
    to.reset()
    clock.now += 2
    assert to.begin(ask(to), "").entry.at == 2


def test_routes_see_the_attempt() -> None:
    """A route can be for the first attempt, and another one for the second."""
    server = engine(SECOND)
    routes = []
    for ending in ("done", "reset", "done", "done"):
        plan = ask(server)
        routes.append((plan.found.name, plan.call.attempt))
        end(server, plan, ending)
    assert routes == [("route 1", 1), ("route 2", 2), ("no route", 3), ("route 1", 1)]


@pytest.mark.parametrize(
    ("text", "ending", "after"),
    [
        ("", "done", 1),
        ("", "peer gone", 2),
        ("faults: [{fail: 503, first: 1}]", "done", 2),
        ("faults: [{reply: {status: 201}, first: 1}]", "done", 1),
        (CUT, "done", 2),
        ("faults: [{edit: drop, at: content 3}]", "done", 1),
    ],
)
def test_what_ends_a_call(text: str, ending: str, after: int) -> None:
    """A success is a status below 400 whose answer was sent whole, not cut by a fault."""
    server = engine(text)
    end(server, ask(server, stream=True), ending)
    assert ask(server, stream=True).call.attempt == after


def test_the_idle_minute_is_on_the_engines_clock() -> None:
    """The clock that was given decides, whatever the speed."""
    clock = Clock()
    server = engine("faults: [{fail: 503}]", clock=clock, speed=10.0)
    for pause, attempt in ((0.0, 1), (59.0, 2), (61.0, 1)):
        clock.now += pause
        plan = ask(server)
        assert (status(plan), plan.call.attempt) == (503, attempt)
        end(server, plan)
