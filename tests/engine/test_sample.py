"""The plan that shows what a profile does."""

from __future__ import annotations

import pytest

from mockllm.engine.sample import sample
from mockllm.profile.loader import load


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("faults: [reset]", "POST /v1/chat/completions True"),
        ("match: {stream: false}\nfaults: [{fail: 503}]", "POST /v1/chat/completions False"),
        ("match: {wire: anthropic.messages}\nfaults: [reset]", "POST /v1/messages True"),
        ("match: {wire: openai.models}\nfaults: [{fail: 503}]", "GET /v1/models False"),
        ("routes: [{match: {model: no}, faults: [reset]}, {script: tools2}]", "POST /v1/chat/completions True"),
    ],
)  # fmt: skip
def test_the_first_request_that_it_is_for(text: str, line: str) -> None:
    """A plain request, of chat where that will do."""
    plan = sample(load(f"mockllm: 1\n{text}\n", name="mine"))
    assert plan is not None
    assert f"{plan.call.method} {plan.call.path} {plan.call.stream}" == line


@pytest.mark.parametrize("text", ["", "match: {header: {x-a: b}}\nfaults: [reset]"])
def test_none(text: str) -> None:
    """A healthy profile has nothing to show, and one for special requests cannot."""
    assert sample(load(f"mockllm: 1\n{text}\n", name="mine")) is None
