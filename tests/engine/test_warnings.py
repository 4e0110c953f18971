"""What `mockllm check` warns of: faults and routes that can never act, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm.engine.warnings import warnings
from mockllm.profile.library import Library, shipped
from mockllm.profile.loader import load
from mockllm.profile.starter import starter

PROFILES = sorted(shipped().rglob("*.y*ml"))
ENDED = "warning: never acts: the exchange has ended before it"
NO_CALL = "warning: never acts: how often it may act leaves no call"


def warned(*lines: str) -> list[str]:
    """The warnings for a profile with these lines behind the first."""
    loaded = load("\n".join(("mockllm: 1", *lines)), name="p")
    return [problem.render("p") for problem in warnings(loaded)]


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_shipped_profiles(path: Path) -> None:
    """No profile that ships has a fault that can never act."""
    assert warnings(Library().load_path(path)) == []


def test_the_first_profile() -> None:
    """The profile that `mockllm new` writes has none either."""
    assert warnings(load(starter("x"), name="x")) == []


@pytest.mark.parametrize(
    ("faults", "problems"),
    [
        ("{fail: 503}, {fail: 500}", [f"p:2:23: faults[1]: {ENDED}"]),
        ("{fail: 503, first: 2}, {fail: 500, nth: [1, 2]}", [f"p:2:33: faults[1]: {ENDED}"]),
        ("{hang: forever}, reset", [f"p:2:27: faults[1]: {ENDED}"]),
        ("{close: rst, at: after content 2}, {cut: , at: after content 3}", [f"p:2:45: faults[1]: {ENDED}"]),
        ("reset, {send: {comment: x}, at: after usage}", [f"p:2:17: faults[1]: {ENDED}"]),
        ("{wait: 1s, first: 2, skip: 5}", [f"p:2:10: faults[0]: {NO_CALL}"]),
        ("{wait: 1s, chance: 0%}", [f"p:2:10: faults[0]: {NO_CALL}"]),
        ("{wait: 1s, every: 2, nth: [1, 3]}", [f"p:2:10: faults[0]: {NO_CALL}"]),
        ("{wait: 1s, at: after content 61}", ["p:2:10: faults[0]: warning: never acts: in a stream the answer has 60 content frames, otherwise the answer has 0 content frames"]),
        ("{close: rst, at: t 30s}", ["p:2:10: faults[0]: warning: never acts: the exchange is over before 30s"]),
        ("{close: rst, at: byte 1000000}", ["p:2:10: faults[0]: warning: never acts: the body is shorter than 1000000 bytes"]),
    ],
)  # fmt: skip
def test_faults_that_never_act(faults: str, problems: list[str]) -> None:
    """A fault that acts in no plan is named with its place and the reason."""
    assert warned(f"faults: [{faults}]") == problems


@pytest.mark.parametrize(
    "faults",
    [
        "{fail: 503, first: 2}, {fail: 500}",
        "{fail: 503, first: 2}, {fail: 500, nth: [2, 3]}",
        "{fail: 503, every: 2}, {fail: 500, every: 3}",
        "{fail: 503, skip: 150}, {fail: 500, first: 150}",
        "{fail: 503, during: [0s, 10s]}, {fail: 500, during: [5s, 11s]}",
        "{fail: 503, chance: 50%}, {fail: 500}",
        "{fail: 503, first: 1}, {fail: 500, first: 1, by: key}",
        "{fail: 503, over: {limit: 5, per: 10s}}, {fail: 500, first: 2}",
        "{fail: 503, over: {inflight: 4}}, reset",
        "{stall: 1s}, {reset: , at: after content 5}",
        "{edit: drop, at: usage}",
        "{edit: {set: {error.message: x}}, at: error}",
        "{send: {comment: x}, at: after done}",
        "{close: rst, at: server 5s}",
        "{wait: 1s, at: upload 64KiB}",
        "{close: fin, at: idle}",
        "{encode: {gzip: flushed}}",
    ],
)
def test_faults_that_may_act(faults: str) -> None:
    """A fault that acts in some call, at some time or for some request is not named."""
    assert warned(f"faults: [{faults}]") == []


def test_a_script_that_is_too_short() -> None:
    """An anchor beyond the script's end is named."""
    assert warned("script: {text: one two three}", "faults: [{stall: 1s}]") == [
        "p:3:10: faults[0]: warning: never acts: in a stream the answer has 3 content frames, "
        "otherwise the answer has 0 content frames"
    ]


def test_a_tool_call_has_no_content() -> None:
    """A fault at a piece of text never acts where the model calls tools."""
    problems = warned("script: tools2", "faults: [reset, {reset: , at: after tool 2}]")
    assert len(problems) == 1
    assert problems[0].startswith("p:3:10: faults[0]: warning: never acts: ")


@pytest.mark.parametrize("fault", ["reset", "cut", "truncate", "garble", "error", "{stall: 1s}"])
def test_named_faults_of_a_stream_where_none_is(fault: str) -> None:
    """What acts in the middle of a stream never acts where only whole answers are matched."""
    (problem,) = warned("match: {stream: false}", f"faults: [{fault}]")
    assert problem.endswith("warning: never acts: the answer has 0 content frames")
    assert warned("match: {stream: true}", f"faults: [{fault}]") == []


def test_routes_that_are_never_reached() -> None:
    """A route is named if one before it takes every call that it would."""
    assert warned(
        "routes:",
        "  - {name: a, match: {stream: true}}",
        "  - {name: b, match: {stream: true, model: x}}",
        "  - {name: c, match: {stream: false}}",
        "  - {name: d}",
        "  - {name: e, faults: [{fail: 503}, {fail: 500}]}",
    ) == [
        "p:4:5: routes[1]: warning: never reached: the route 'a' before it takes every such call",
        "p:7:5: routes[4]: warning: never reached: the route 'd' before it takes every such call",
    ]


def test_a_path_of_ones_own_is_reached() -> None:
    """A path that no API serves reaches only routes that name a path, so one behind a route
    without match is reached; what acts on it nobody can tell."""
    assert (
        warned(
            "routes:",
            "  - {name: a}",
            "  - {name: b, match: {path: /custom}, faults: [{edit: drop, at: usage}]}",
        )
        == []
    )


def test_conditions_that_no_request_here_meets() -> None:
    """Conditions on headers, messages and attempts are taken to hold."""
    match = "match: {header: {x: y}, message: hello, attempt: 3, key: k, tools: true}"
    assert warned(match, "faults: [reset, {stall: 1s, at: after content 2}]") == []


def test_listeners() -> None:
    """The routes of a listener are checked as well; faults of its connection are not."""
    assert warned(
        "listeners:",
        "  - name: a",
        "    faults: [{close: rst, at: connect}, {fail: 503}, {fail: 500}]",
    ) == [f"p:4:54: listeners[0].faults[2]: {ENDED}"]


def test_faults_of_other_wires() -> None:
    """A request of each API is tried, also where it demands what others do not."""
    route = "{match: {wire: anthropic.messages}, faults: [{cut: , at: after event ping}]}"
    assert warned(f"routes: [{route}]") == []
    assert len(warned(f"routes: [{route.replace('anthropic.messages', 'openai.chat')}]")) == 1
