"""A plan for people and for programs."""

from __future__ import annotations

from mockllm.engine.report import as_json, as_text
from tests.engine.build import ask, engine

TEXT = """
script: {text: a b c d e f g h}
pacing: {ttft: 200ms, itl: 100ms}
faults:
  - {stall: 2s, at: after content 7}
  - {error: , at: after content 8}
  - {reset: , nth: 2}
"""


def test_text() -> None:
    """The timeline with its faults; long runs of content are folded, and each fault is told."""
    plan = ask(engine(TEXT, paced=True), stream=True)
    assert (
        as_text(plan)
        == """\
profile p, only route, call 1: POST /v1/chat/completions stream
    0.200  head        200 text/event-stream; charset=utf-8
    0.200  role        {"role": "assistant", "content": "", "refusal":…
    0.200  content 1   "a"
    0.300  content 2..6 … 5 frames until 0.700
    0.800  content 7   " g"
    0.800  wait        2.000s   <- fault 1 stall
    2.900  content 8   " h"
    2.900  error       {"error": {"message": "The server had an error …   <- fault 2 error
    2.900  done        [DONE]   <- fault 2 error
    2.900  end         of the body   <- fault 2 error
fault 1: stall: 2s at after content 7: acts
         = wait: 2s at after content 7
fault 2: error at after content 8: acts
         = send: {error: {}, done: server} at after content 8
         = close: clean at after content 8
fault 3: reset at after content 5: does not act: call 1 of the session, nth: [2]
         = close: rst at after content 5
"""
    )


def test_refusals_and_misses_are_told() -> None:
    """Why the request is refused and why routes were not taken stand above the timeline."""
    text = "routes: [{name: x, match: {model: x, stream: true}}]"
    lines = as_text(ask(engine(text), messages=[])).splitlines()
    assert lines[:3] == [
        "profile p, no route, call 1: POST /v1/chat/completions",
        "the request is refused: Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        "not x: model is 'gpt-4o', wanted x; no stream was asked for",
    ]  # fmt: skip


def test_short_runs_are_not_folded() -> None:
    """Up to four frames stand as they are, five become three lines."""
    four = as_text(ask(engine("script: {text: a b c d}"), stream=True))
    five = as_text(ask(engine("script: {text: a b c d e}"), stream=True))
    assert [line.split()[1:3] for line in four.splitlines() if "content " in line] == [
        ["content", "1"], ["content", "2"], ["content", "3"], ["content", "4"],
    ]  # fmt: skip
    assert [line.split()[1:3] for line in five.splitlines() if "content " in line] == [
        ["content", "1"], ["content", "2..4"], ["content", "5"],
    ]  # fmt: skip


def test_json() -> None:
    """The plan as data: every event with its time, every fault with what becomes of it."""
    shown = as_json(ask(engine("script: {text: a}\nfaults: [{reset: , at: after content 1}, {fail: 503, nth: 2}]"), stream=True))  # fmt: skip
    role = shown["timeline"].pop(1)
    assert (role["what"], role["faults"]) == ("role", [])
    assert shown == {
        "profile": "p",
        "route": "only route",
        "call": 1,
        "request": {
            "method": "POST",
            "path": "/v1/chat/completions",
            "wire": "openai.chat",
            "model": "gpt-4o",
            "stream": True,
        },
        "refused": None,
        "misses": {},
        "timeline": [
            {"time": 0.0, "what": "head", "text": "200 text/event-stream; charset=utf-8", "faults": []},
            {"time": 0.0, "what": "content 1", "text": '"a"', "faults": []},
            {"time": 0.0, "what": "close", "text": "rst", "faults": [1]},
        ],
        "faults": [
            {
                "fault": "reset",
                "at": "after content 1",
                "expansion": ["close: rst at after content 1"],
                "acts": True,
                "reason": None,
            },
            {
                "fault": "fail: 503",
                "at": "request",
                "expansion": ["reply: {status: 503} at request"],
                "acts": False,
                "reason": "call 1 of the session, nth: [2]",
            },
        ],
    }  # fmt: skip
