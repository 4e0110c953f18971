"""A route that slows down with the requests it answers at a time."""

from __future__ import annotations

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.plan import Conditions, Plan
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.timeline.describe import describe

PROFILE = """
mockllm: 1
pacing: {ttft: 1s, itl: 100ms, load: {slots: 2, slowdown: 2.0, queue: 1}, speed: 2}
script: {text: a b c}
"""
BODY = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'


def end_of(plan: Plan) -> float:
    """When the answer is over."""
    return list(describe(plan.steps))[-1].time


def test_load() -> None:
    """The second of two slots doubles the times, the third request waits, the fourth is refused."""
    engine = Engine(Library(), load(PROFILE, name="p"), conditions=Conditions(), now=lambda: 0.0)
    plans = []
    for _ in range(4):
        call, name = engine.read("POST", "/v1/chat/completions", (), BODY)
        plans.append(engine.plan(call, name, Here()))
    assert [plan.head.status for plan in plans if plan.head] == [200, 200, 200, 429]
    # Half of 1 s and twice 100 ms; then doubled; then half an answer of waiting before.
    assert [round(end_of(plan), 6) for plan in plans[:3]] == [0.6, 1.2, 1.8]
    assert plans[3].refused == "The server is at its limit of requests. Please try again later."
