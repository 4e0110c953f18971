"""The line of a call in the log."""

from __future__ import annotations

import pytest

from mockllm.engine.journal import Outcome
from mockllm.server.log import call_line
from tests.engine.build import ask, engine


@pytest.mark.parametrize(("late", "said"), [(0.0381, True), (0.010, False), (0.0, False)])
def test_a_late_call_says_so(late: float, said: bool) -> None:
    """From more than 10 ms on, by how much the latest of its events was."""
    to = engine("script: {text: a}")
    record = to.begin(ask(to, stream=True), "")
    events = len(record.plan.lowered.events)
    entry = record.update(Outcome("done", events, events, 9, 0.0, 0.1, late=late))
    assert ("after=0.100s late=0.038s" in call_line(entry)) == said
    assert ("late=" in call_line(entry)) == said
