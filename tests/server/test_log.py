"""The line of a call in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mockllm.engine.journal import Ending, Entry, Outcome
from mockllm.server.log import TextLines, call_line
from tests.engine.build import ask, engine


def entry(ending: Ending = "done", events: int | None = None, **said: Any) -> Entry:
    """The only call of a server, which got so many events of its answer; None for all."""
    to = engine("script: {text: a}")
    record = to.begin(ask(to, **said), "")
    count = len(record.plan.lowered.events) if events is None else events
    return record.update(Outcome(ending, count, count, 9 if count else 0, 0.0, 0.1))


LINES = [
    (entry(), "gpt-4o profile=p status=200 frames=1 ended=done"),
    (entry(model="other"), "other profile=p status=200 frames=1 ended=done"),
    (entry(stream=True), "gpt-4o stream profile=p status=200 frames=4 ended=done"),
    (entry("reset", 2, stream=True), "gpt-4o stream profile=p status=200 frames=1 ended=reset"),
    (entry("held", 2, stream=True), "gpt-4o stream profile=p status=200 frames=1 ended=held"),
    (entry("held", 3, stream=True), "gpt-4o stream profile=p status=200 frames=2 ended=held"),
    (entry("peer gone", 0), "gpt-4o profile=p status=- frames=0 ended=peer-gone"),
]


def test_a_line_tells_of_its_own_call() -> None:
    """Whatever differs between two calls, each has its own words, also when they come again."""
    for call, words in LINES * 2:
        line = f"#1 POST /v1/chat/completions model={words} after=0.100s"
        assert call_line(call) == line


MOMENTS = [0.0, 1.7e9, 1.7e9 + 0.0625, 1.7e9 + 0.99999, 1.7e9 + 1, 1.7e9 + 7.5, 1.7e9 + 0.5]


def test_a_line_begins_as_those_of_logging_do() -> None:
    """With the time in local seconds and milliseconds, also where the clock is set back."""
    lines, call = TextLines(), entry()
    for moment in MOMENTS:
        record = logging.LogRecord("mockllm", logging.INFO, "", 1, call_line(call), None, None)
        record.created, record.msecs = moment, int(moment % 1 * 1000)
        assert lines.call(moment, call) == lines.format(record)


@pytest.mark.parametrize(("late", "said"), [(0.0381, True), (0.010, False), (0.0, False)])
def test_a_late_call_says_so(late: float, said: bool) -> None:
    """From more than 10 ms on, by how much the latest of its events was."""
    to = engine("script: {text: a}")
    record = to.begin(ask(to, stream=True), "")
    events = len(record.plan.lowered.events)
    entry = record.update(Outcome("done", events, events, 9, 0.0, 0.1, late=late))
    assert ("after=0.100s late=0.038s" in call_line(entry)) == said
    assert ("late=" in call_line(entry)) == said
