"""LiteLLM reports a call to Langfuse only when its stream was read to the end (docs/stories)."""

from __future__ import annotations

import pytest

from tests.stories.langfuse import CALLBACKS, INCIDENT, WAYS, run


@pytest.mark.parametrize(
    "part", [pytest.param(part, marks=pytest.mark.parts(part)) for part in CALLBACKS]
)
def test_who_breaks_off_loses_the_log(part: str) -> None:
    """All three read the whole text and were answered to the end; one is in the log."""
    happened = run(part)
    assert [one.text == happened.whole for one in happened.read.values()] == [True, True, True]
    answered = happened.calls.where(wire="openai.chat", stream=True)
    assert [call.succeeded for call in answered] == [True, True, True]
    assert all(len(call.fired) == 2 for call in answered), f"{INCIDENT} did not act"
    assert [way for way in WAYS if happened.reports(way)] == ["drain"]
