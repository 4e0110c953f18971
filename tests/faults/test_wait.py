"""Waits: other paces, draws, and heartbeats."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.faults.fault import flow_of
from mockllm.timeline.encoding import Bandwidth
from mockllm.timeline.events import FOREVER, Beat, Close, End, Extra, Frame, Message, Onward, Wait
from tests.faults.exchange import applied, fault, played, reasons
from tests.timeline.samples import DONE, FINISH, ROLE, STREAM, content, script

C1, C2, C3 = content(1), content(2), content(3)
SCRIPT = script(3)
PING = Extra(b": ping\n\n")
EXTRA = Extra(b": c\n\n")


@pytest.mark.parametrize(
    ("keys", "events"),
    [
        ({"wait": {"ping": "5s"}, "at": "head"}, (STREAM, Wait(FOREVER, beat=Beat(5.0, PING)))),
        (
            {"wait": {"ping": "5s", "for": "60s"}, "at": "after content 2"},
            (*SCRIPT[:4], Wait(60.0, beat=Beat(5.0, PING)), *SCRIPT[4:]),
        ),
        (
            {"wait": {"drip": "1s"}, "at": "after content 1"},
            (*SCRIPT[:3], Onward(drip=1.0), Wait(1.0), C2, Wait(1.0), C3, Wait(1.0), FINISH, Wait(1.0), DONE, End()),
        ),
        (
            {"send": {"comment": "c", "every": "1s", "for": "3s"}, "at": "after role"},
            (STREAM, ROLE, EXTRA, Wait(3.0, beat=Beat(1.0, EXTRA)), *SCRIPT[2:]),
        ),
        (
            {"send": {"raw": " ", "every": "1s"}, "at": "head"},
            (STREAM, Extra(b" "), Wait(FOREVER, beat=Beat(1.0, Extra(b" ")))),
        ),
        (
            {"send": {"frame": {"event": "ping", "json": {"a": 1}}}, "at": "head"},
            (STREAM, Frame(("extra",), b'{"a":1}', "ping"), *SCRIPT[1:]),
        ),
        ({"send": {"frame": {"json": [1]}}, "at": "head"}, (STREAM, Frame(("extra",), b"[1]"), *SCRIPT[1:])),
        ({"send": {"comment": "{{self}}"}, "at": "head"}, (STREAM, Extra(b": http://self\n\n"), *SCRIPT[1:])),
        ({"send": {"interim": 103}}, (Extra(b"HTTP/1.1 103 Early Hints\r\n\r\n"), *SCRIPT)),
        ({"send": {"interim": 100}}, (Extra(b"HTTP/1.1 100 Continue\r\n\r\n"), *SCRIPT)),
        ({"send": {"interim": 199}}, (Extra(b"HTTP/1.1 199\r\n\r\n"), *SCRIPT)),
        ({"send": {"raw": "junk"}, "at": "request"}, (Extra(b"junk"), *SCRIPT)),
        ({"close": "half", "at": "after role"}, (STREAM, ROLE, Close("half"))),
    ],
)  # fmt: skip
def test_values(keys: dict[str, Any], events: tuple[Message, ...]) -> None:
    """The verb makes just this of the script, and is reported as acting."""
    assert played(SCRIPT, fault(**keys)) == events
    assert reasons(SCRIPT, fault(**keys)) == [None]


def test_bandwidth_is_of_what_follows() -> None:
    """Only what comes behind it is written in bits."""
    sequence, _ = applied(SCRIPT, fault(wait={"bandwidth": "1KiB/s"}, at="after content 2"))
    slow = [step.event for step in sequence if step.encoders == (Bandwidth(1024.0),)]
    assert slow == [C3, FINISH, DONE]


@pytest.mark.parametrize(
    ("how", "low", "high", "mean"),
    [
        ({"uniform": ["1s", "3s"]}, 1.0, 3.0, 2.0),
        ({"normal": {"mean": "2s", "deviation": "100ms"}}, 1.0, 3.0, 2.0),
        ({"normal": {"mean": "0s", "deviation": "1s"}}, 0.0, 9.0, 0.4),
        ({"lognormal": {"median": "1s", "sigma": 0.5}}, 0.0, 99.0, 1.13),
        ({"lognormal": {"median": "1s", "sigma": 1}}, 0.0, 999.0, 1.65),
    ],
)
def test_draws(how: dict[str, Any], low: float, high: float, mean: float) -> None:
    """Each place has a draw of its own, all of them within bounds and around the mean."""
    made = played(script(2000), fault(wait=how, at="after content *"))
    drawn = [event.seconds for event in made if isinstance(event, Wait)]
    assert len(drawn) == 2000
    assert len(set(drawn)) > 900
    assert all(low <= seconds <= high for seconds in drawn)
    assert sum(drawn) / len(drawn) == pytest.approx(mean, rel=0.15)


def test_draws_repeat() -> None:
    """The same call draws the same, and two faults draw each their own."""
    one = fault(wait={"uniform": ["1s", "3s"]}, at="head")
    made = played(SCRIPT, one, one)
    assert made == played(SCRIPT, one, one)
    assert made[1] != made[2]


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"wait": {"ping": "5s"}, "at": "head"}, "wait: {ping: 5s}"),
        ({"wait": {"ping": "500ms", "for": "forever"}, "at": "head"}, "wait: {ping: 500ms, for: forever}"),
        ({"wait": {"drip": "1s"}}, "wait: {drip: 1s}"),
        ({"wait": {"bandwidth": "1KiB/s"}}, "wait: {bandwidth: 1KiB/s}"),
        ({"wait": {"uniform": ["1s", "3s"]}}, "wait: {uniform: [1s, 3s]}"),
        ({"wait": {"normal": {"mean": "2s", "deviation": "100ms"}}}, "wait: {normal: {mean: 2s, deviation: 100ms}}"),
        ({"wait": {"lognormal": {"median": "1s", "sigma": 0.5}}}, "wait: {lognormal: {median: 1s, sigma: 0.5}}"),
        ({"send": {"comment": "c", "every": "1s", "for": "3s"}}, "send: {comment: c, every: 1s, for: 3s}"),
        ({"send": {"interim": 103}}, "send: {interim: 103}"),
        ({"edit": {"set": {"a": {"size": "1KiB"}}}}, "edit: {set: {a: {size: 1KiB}}}"),
        ({"edit": {"remove": "a.b"}}, "edit: {remove: [a.b]}"),
        ({"encode": {"split": {"bytes": 2, "gap": "1ms"}}}, "encode: {split: {bytes: 2, gap: 1ms}}"),
        ({"encode": {"bandwidth": "1KiB/s"}}, "encode: {bandwidth: 1KiB/s}"),
        ({"encode": {"content-length": 5}}, "encode: {content-length: 5}"),
        ({"encode": {"terminator": False}}, "encode: {terminator: false}"),
        ({"close": "fin", "announce": True}, "close: fin, announce: true"),
    ],
)  # fmt: skip
def test_spelling(keys: dict[str, Any], text: str) -> None:
    """A fault is named as a profile would spell it."""
    assert flow_of(fault(**keys)) == text


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"wait": {"ping": "0s"}, "at": "head"}, "greater than 0"),
        ({"wait": {"ping": "1s"}, "at": "request"}, "a comment needs the head before it; say head"),
        ({"wait": {"ping": "1s"}, "at": "connect"}, "there is no body yet"),
        ({"wait": {"drip": "1s"}, "at": "idle"}, "there is no body yet"),
        ({"wait": {"bandwidth": 5}}, "expected a bandwidth such as 1KiB/s, got 5"),
        ({"wait": {"uniform": ["1s"]}}, "uniform"),
        ({"wait": {"normal": {"mean": "1s"}}}, "deviation"),
        ({"wait": {"lognormal": {"median": "1s", "sigma": 11}}}, "less than or equal to 10"),
        ({"wait": {"lognormal": {"median": "0s", "sigma": 1}}}, "greater than 0"),
        ({"wait": {"pong": "1s"}}, "did you mean 'ping'"),
        ({"send": {"comment": "c", "for": "3s"}}, "expected every beside for"),
        ({"send": {"interim": 101}}, "expected an interim status such as 103, got 101; 101 would end HTTP here"),
        ({"send": {"interim": 200}}, "expected an interim status such as 103, got 200"),
        ({"send": {"interim": "103"}}, "expected an interim status such as 103, got '103'"),
        ({"send": {"interim": 103}, "at": "head"}, "an interim response comes before the head; say request"),
        ({"close": "refuse"}, "refuse keeps a connection from being made; say connect"),
        ({"close": "never-accept", "at": "request"}, "never-accept keeps a connection from being made; say connect"),
        ({"close": "clean", "at": "idle"}, "there is no body to end; say fin or rst"),
        ({"close": "half", "at": "tls"}, "TLS has no half close; say fin or rst"),
        ({"close": "rst", "announce": True}, "only an orderly end of an exchange is announced"),
        ({"close": "fin", "announce": True, "at": "idle"}, "only an orderly end of an exchange is announced"),
        ({"close": "fin", "announce": "yes"}, "boolean"),
    ],
)  # fmt: skip
def test_refusals(keys: dict[str, Any], message: str) -> None:
    """A value that the verb does not have, or has no meaning there, is refused."""
    with pytest.raises(ValueError, match=message):
        fault(**keys)


def test_pings_come_behind_the_head() -> None:
    """A heartbeat of comments needs no anchor: its default is the head."""
    assert fault(wait={"ping": "5s"}).anchor.text == "head"
    assert fault(wait="5s").anchor.text == "request"
