"""KServe's wires against the capture of a real model server, answer by answer."""

from __future__ import annotations

import pytest

from mockllm.engine.plan import Plan
from mockllm.timeline.events import Frame
from tests.engine.build import ask, engine
from tests.wires.kserve_requests import PROFILE, REQUESTS, Answer, answer_of, captured

KNOWN = captured()
FRAMING = ("content-length", "transfer-encoding")


def said(plan: Plan) -> Answer:
    """The answer of a plan."""
    head = plan.head
    assert head is not None
    frames = (step.event for step in plan.steps)
    body = b"".join(frame.data for frame in frames if isinstance(frame, Frame))
    return answer_of(head.status, list(head.headers), body)


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    """What a server says to all requests, one after the other."""
    server = engine(PROFILE.partition("\n")[2])
    return {
        name: said(
            ask(
                server,
                request.path,
                method=request.method,
                headers=tuple({"host": "h", **request.headers}.items()),
                body=request.body,
            )
        )
        for name, request in REQUESTS.items()
    }


def test_every_request_was_captured() -> None:
    """Requests and capture belong together."""
    assert list(KNOWN) == list(REQUESTS)


@pytest.mark.parametrize("name", REQUESTS)
def test_answer(answers: dict[str, Answer], name: str) -> None:
    """Status, body, and every header in its place are KServe's; the player writes the length."""
    expected, answer = KNOWN[name], answers[name]
    assert answer.body == expected.body
    assert answer.status == expected.status
    lengths = [pair for pair in answer.headers if pair[0] in FRAMING]
    assert [name for name, _ in lengths] == [
        name for name, _ in expected.headers if name in FRAMING
    ]
    assert [key for key, _ in answer.headers] == [key for key, _ in expected.headers]
    assert [pair for pair in answer.headers if pair not in lengths] == [
        pair for pair in expected.headers if pair[0] not in FRAMING
    ]
