"""Sums of calls that are over."""

from __future__ import annotations

from typing import Any

from mockllm.engine.engine import Engine
from mockllm.engine.journal import Ending, Outcome
from mockllm.engine.totals import Fired, Kind
from tests.engine.build import ask, engine, written

ROUTE = "only route"


def call(to: Engine, ending: Ending = "done", part: float = 1.0, **data: Any) -> None:
    """A call that is over when a part of its events has been played."""
    record = to.begin(ask(to, **data), "")
    events = int(len(record.entry.plan.lowered.events) * part)
    size = len(written(record.entry.plan)) if part == 1 else 7 * events
    to.ended(record.update(Outcome(ending, events, events, size, 0.0, 0.1)))


def test_calls_of_a_kind_are_summed_up() -> None:
    """Frames and bytes with them."""
    to = engine("script: {text: a b c}")
    call(to, stream=True)
    call(to, stream=True)
    call(to)
    (kind,) = to.totals.calls
    assert kind == Kind("p", ROUTE, "openai.chat", 200, "done")
    total = to.totals.calls[kind]
    entries = to.journal.entries()
    assert total.calls == 3
    assert total.frames == sum(entry.frames_sent for entry in entries) > 10
    assert total.bytes == sum(entry.outcome.bytes_sent for entry in entries)


def test_what_differs_is_another_kind() -> None:
    """By status, ending and wire; no head is no status."""
    to = engine("faults: [{fail: 503, first: 1}]")
    call(to)
    call(to)
    call(to, "peer gone", 0.0)
    statuses = [(kind.status, kind.ending) for kind in to.totals.calls]
    assert statuses == [(503, "done"), (200, "done"), (0, "peer gone")]


def test_faults_count_where_they_acted() -> None:
    """Not where they were only planned."""
    to = engine("faults: [{fail: 503, first: 2}]")
    for _ in range(3):
        call(to)
    assert to.totals.fired == {Fired("p", ROUTE, "fail: 503"): 2}


def test_a_reset_forgets_them() -> None:
    """The journal may forget; only a reset makes these forget."""
    to = engine("faults: [{fail: 503, first: 1}]")
    call(to)
    assert to.totals.calls
    assert to.totals.fired
    to.reset()
    assert (to.totals.calls, to.totals.fired) == ({}, {})


def test_they_outlive_the_journal() -> None:
    """Sums go on when the oldest calls are forgotten."""
    to = engine("script: {text: a}")
    for _ in range(1_005):
        call(to)
    assert to.journal.forgotten == 5
    assert [total.calls for total in to.totals.calls.values()] == [1_005]
