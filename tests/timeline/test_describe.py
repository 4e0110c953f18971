"""A timeline in words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockllm.timeline.describe import Line, describe, payload
from mockllm.timeline.events import FOREVER, Close, End, Extra, Frame, Head, Wait
from mockllm.timeline.slots import Step
from tests.timeline.samples import DONE, ROLE, STREAM, content, tool

SEQUENCE = (
    Step(Wait(0.5, paced=True)),
    Step(STREAM),
    Step(ROLE),
    Step(content(1)),
    Step(Wait(0.25, paced=True)),
    Step(None, (1,)),
    Step(tool(2, 1)),
    Step(Extra(b": ping\r\n\xff\n"), (2,)),
    Step(Wait(2.0), (0,)),
    Step(content(2)),
    Step(End()),
)


def test_every_event_has_a_line() -> None:
    """Each line has its time, its selector and its faults; only a fault's waits have a line."""
    assert list(describe(SEQUENCE)) == [
        Line(0.5, "head", "200 text/event-stream"),
        Line(0.5, "role", '{"role": "assistant"}'),
        Line(0.5, "content 1", '{"n": 1}'),
        Line(0.75, "dropped", "a frame was taken away", (1,)),
        Line(0.75, "tool 2", '{"tool": 2, "n": 1}'),
        Line(0.75, "extra", ": ping\\r\\n\ufffd\\n", (2,)),
        Line(0.75, "wait", "2.000s", (0,)),
        Line(2.75, "content 2", '{"n": 2}'),
        Line(2.75, "end", "of the body"),
    ]


def test_speed_divides_times() -> None:
    """At double speed all times and waits are half as long."""
    found = [(line.time, line.text) for line in describe(SEQUENCE, speed=2.0)]
    assert found[0] == (0.25, "200 text/event-stream")
    assert found[6:8] == [(0.375, "1.000s"), (1.375, '{"n": 2}')]


def test_ends_have_their_names() -> None:
    """A wait without end and an ending say what they are; so does a head without a type."""
    sequence = (Step(Head(204, ())), Step(Wait(FOREVER), (0,)), Step(Close("rst"), (1,)))
    assert list(describe(sequence)) == [
        Line(0.0, "head", "204 no content type"),
        Line(0.0, "wait", "forever", (0,)),
        Line(FOREVER, "close", "rst", (1,)),
    ]


def choice(**fields: Any) -> dict[str, Any]:
    """A document with one choice."""
    return {"id": "x", "choices": [fields]}


CALL = {"index": 0, "function": {"name": "get", "arguments": ""}}


@pytest.mark.parametrize(
    ("kind", "document", "text"),
    [
        ("content", {"index": 0, "delta": {"type": "text_delta", "text": "a “b”"}}, '"a “b”"'),
        ("reasoning", {"index": 0, "delta": {"thinking": "a"}}, '"a"'),
        ("tool", {"index": 0, "delta": {"partial_json": '{"a'}}, '{"a'),
        ("finish", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}}, "end_turn"),
        ("content", choice(delta={"content": "a “b”"}), '"a “b”"'),
        ("reasoning", choice(delta={"reasoning_content": "hm"}), '"hm"'),
        ("refusal", choice(delta={"refusal": "no"}), '"no"'),
        ("tool", choice(delta={"tool_calls": [CALL]}), "get"),
        ("tool", choice(delta={"tool_calls": [{"function": {"arguments": "{}"}}]}), "{}"),
        ("finish", choice(delta={}, finish_reason="stop"), "stop"),
        ("usage", {"choices": [], "usage": {"completion_tokens": 3}}, "3 completion tokens"),
        ("body", choice(message={"content": "all"}), '"all"'),
        ("body", choice(message={"content": None, "refusal": "no"}), '"no"'),
        ("role", choice(delta={"role": "assistant", "content": ""}), '{"role": "assistant", "content": ""}'),
        ("error", {"error": {"message": "no"}}, '{"error": {"message": "no"}}'),
    ],
)  # fmt: skip
def test_the_telling_part(kind: str, document: dict[str, Any], text: str) -> None:
    """Of a known document only the part that tells is shown."""
    assert payload(Frame((kind,), json.dumps(document).encode())) == text


def test_text_is_kept_short() -> None:
    """What is no JSON is shown as it is, and no text is longer than 48 characters."""
    assert payload(DONE) == "[DONE]"
    assert payload(Frame(("error",), b"x" * 48)) == "x" * 48
    assert payload(Frame(("error",), b"x" * 49)) == "x" * 47 + "…"
