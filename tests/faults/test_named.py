"""The eight named faults: what they stand for, and what they make of a script."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from mockllm.faults.apply import AnyFault
from mockllm.faults.named import NAMED
from mockllm.timeline.events import AUTO, FOREVER, Close, End, Frame, Head, Message, Wait
from tests.faults.exchange import applied, fault, played
from tests.timeline.samples import DONE, ROLE, STREAM, content, script

SCRIPT = script(7)
FIVE = SCRIPT[:7]
"""Up to content 5."""
HEADERS = (("Content-Type", "application/json"), ("content-length", AUTO))


def error(text: bytes) -> Frame:
    """The frame of the fake exchange's errors."""
    return Frame(("error",), text)


@pytest.mark.parametrize(
    ("keys", "text", "at", "expansion", "events"),
    [
        (
            {"fail": 503}, "fail: 503", "request", ("reply: {status: 503} at request",),
            (Head(503, HEADERS), error(b"{'status': 503}"), End()),
        ),
        (
            {"fail": {"status": 429, "code": "a", "headers": {"x": 1}}},
            "fail: {status: 429, code: a, headers: {x: \"1\"}}",
            "request",
            ("reply: {status: 429, code: a, headers: {x: \"1\"}} at request",),
            (Head(429, (*HEADERS, ("x", "1"))), error(b"{'status': 429, 'code': 'a', 'headers': {'x': '1'}}"), End()),
        ),
        ({"hang": "forever"}, "hang: forever", "request", ("wait: forever at request",), (Wait(FOREVER),)),
        ({"hang": "30s"}, "hang: 30s", "request", ("wait: 30s at request",), (Wait(30.0), *SCRIPT)),
        (
            {"stall": "forever"}, "stall: forever", "after content 5",
            ("wait: forever at after content 5",), (*FIVE, Wait(FOREVER)),
        ),
        (
            {"stall": "250ms", "at": "head"}, "stall: 250ms", "head",
            ("wait: 250ms at head",), (STREAM, Wait(0.25), *SCRIPT[1:]),
        ),
        ({"reset": None}, "reset", "after content 5", ("close: rst at after content 5",), (*FIVE, Close("rst"))),
        ({"reset": True, "at": "after role"}, "reset", "after role", ("close: rst at after role",), (STREAM, ROLE, Close("rst"))),
        ({"cut": None}, "cut", "after content 5", ("close: fin at after content 5",), (*FIVE, Close("fin"))),
        ({"truncate": None}, "truncate", "after content 5", ("close: clean at after content 5",), (*FIVE, End())),
        (
            {"garble": None}, "garble", "content 6", ("edit: {truncate: -2} at content 6",),
            (*FIVE, Frame(("content",), b'{"n":', tokens=1), *SCRIPT[8:]),
        ),
        (
            {"error": None}, "error", "after content 5",
            ("send: {error: {}, done: server} at after content 5", "close: clean at after content 5"),
            (*FIVE, error(b"{}"), DONE, End()),
        ),
        (
            {"error": "envoy"}, "error: {shape: envoy}", "after content 5",
            ("send: {error: {shape: envoy}, done: server} at after content 5", "close: clean at after content 5"),
            (*FIVE, error(b"{'shape': 'envoy'}"), DONE, End()),
        ),
        (
            {"error": {"status": 503}}, "error: 503", "after content 5",
            ("send: {error: {status: 503}, done: server} at after content 5", "close: clean at after content 5"),
            (*FIVE, error(b"{'status': 503}"), DONE, End()),
        ),
    ],
)  # fmt: skip
def test_what_it_stands_for(
    keys: dict[str, Any],
    text: str,
    at: str,
    expansion: tuple[str, ...],
    events: tuple[Message, ...],
) -> None:
    """The report spells the fault and its expansion, and the timeline is that of the verbs."""
    one = fault(**keys)
    (report,) = applied(SCRIPT, one)[1]
    assert (report.text, report.at, report.expansion, report.skipped) == (text, at, expansion, None)
    assert report.name == one.name
    assert played(SCRIPT, one) == events
    verbs: tuple[AnyFault, ...] = one.verbs
    assert played(SCRIPT, *verbs) == events


def test_there_are_eight() -> None:
    """These are the named faults, in the order in which messages list them."""
    assert list(NAMED) == ["fail", "hang", "stall", "reset", "cut", "truncate", "garble", "error"]


def test_each_says_what_it_does() -> None:
    """The model of a named fault is documented by the shorthand's sentence."""
    for model in NAMED.values():
        assert model.__doc__ == model.shorthand.about


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"fail": None}, "expected an HTTP status such as 503, or a mapping with status, message, …, got nothing"),
        ({"fail": "503"}, "expected an HTTP status such as 503, or a mapping with status, message, …, got '503'"),
        ({"fail": True}, "expected an HTTP status such as 503, or a mapping with status, message, …, got true"),
        ({"hang": None}, "expected a duration such as 300ms, 2s or 1m30s, got nothing"),
        ({"stall": 30}, "expected a duration, got 30; write the unit, such as 30s or 30ms"),
        ({"reset": "2s"}, "expected no value (or true), got '2s'"),
        ({"garble": None, "at": "after content 5"}, "expected an anchor for edit: SELECTOR, head, got 'after content 5'; edit changes a frame or the head, so name it: content 6, head"),
        ({"fail": 503, "at": "after content 5"}, "expected an anchor for reply: request, upload SIZE, got 'after content 5'; once the head is sent there is no other answer"),
        ({"error": None, "at": "request"}, "expected another anchor for send: {error: {}, done: server}, got 'request'; body bytes need a head before them; to answer otherwise use reply"),
        ({"stall": "1s", "at": "content 5"}, "expected an anchor for wait: request, head, before SELECTOR, after SELECTOR, byte N, t TIME, server TIME, end, upload SIZE, idle [next-byte], connect, tls, got 'content 5'; say before content 5 or after content 5"),
    ],
)  # fmt: skip
def test_refusals(keys: dict[str, Any], message: str) -> None:
    """A named fault refuses what its verbs refuse, and a value that it does not take."""
    with pytest.raises(ValidationError) as refused:
        fault(**keys)
    assert refused.value.errors()[0]["msg"] == message


def test_it_acts_as_often_as_a_verb() -> None:
    """The keys of frequency stand beside a named fault as beside a verb."""
    one = fault(reset=None, first=2, nth=[1], during=["0s", "1s"], chance="10%")
    assert (one.first, one.nth, one.during, one.chance) == (2, (1,), (0.0, 1.0), 0.1)


def test_a_fault_without_content_frames_says_so() -> None:
    """Mid-stream faults do not act on an answer with fewer frames, and say how many there are."""
    (report,) = applied(script(3), fault(reset=None))[1]
    assert report.skipped == "the answer has 3 content frames"
    assert played(script(3), fault(reset=None)) == (
        STREAM,
        ROLE,
        *map(content, (1, 2, 3)),
        *script(3)[5:],
    )
