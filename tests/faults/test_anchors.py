"""Anchors: what is accepted, what it selects, and what is refused with a reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from mockllm.faults.anchors import Anchor, Selector, parse_anchor, parse_selector
from mockllm.timeline.events import End, Frame, Message
from tests.timeline.samples import DONE, FINISH, ROLE, STREAM, USAGE, content, script, tool

# 0 head, 1 role, 2..6 content 1..5, 7..8 tool 1, 9..11 tool 2, 12 finish, 13 usage, 14 done, 15 end
SCRIPT: tuple[Message, ...] = (
    STREAM,
    ROLE,
    *map(content, range(1, 6)),
    tool(1, 1),
    tool(1, 2),
    tool(2, 1),
    tool(2, 2),
    tool(2, 3),
    FINISH,
    USAGE,
    DONE,
    End(),
)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("content 1", (2,)),
        ("content 5", (6,)),
        ("content 6", ()),
        ("content -1", (6,)),
        ("content -5", (2,)),
        ("content -6", ()),
        ("content *", (2, 3, 4, 5, 6)),
        ("content 2..4", (3, 4, 5)),
        ("content 4..9", (5, 6)),
        ("content 4..*", (5, 6)),
        ("content -2..-1", (5, 6)),
        ("content -9..2", (2, 3)),
        ("content 9..*", ()),
        ("frame 1", (1,)),
        ("frame -1", (14,)),
        ("frame *", tuple(range(1, 15))),
        ("frame 12..finish", (12,)),
        ("frame 13..finish", ()),
        ("content 4..finish", (5, 6, 7, 8, 9, 10, 11, 12)),
        ("content -1..usage", (6, 7, 8, 9, 10, 11, 12, 13)),
        ("content 9..finish", ()),
        ("content 1..error", ()),
        ("role", (1,)),
        ("role 1", (1,)),
        ("role 2", ()),
        ("finish", (12,)),
        ("usage", (13,)),
        ("done", (14,)),
        ("error", ()),
        ("tool 1", (7, 8)),
        ("tool 2", (9, 10, 11)),
        ("tool 3", ()),
        ("tool -1", (9, 10, 11)),
        ("tool *", (7, 8, 9, 10, 11)),
        ("tool 1..2", (7, 8, 9, 10, 11)),
        ("tool 2..finish", (9, 10, 11, 12)),
        ("tool 2 last", (11,)),
        ("tool 1 last", (8,)),
        ("tool -1 last", (11,)),
        ("tool * last", (8, 11)),
        ("tool 1..2 last", (8, 11)),
        ("tool 3 last", ()),
        ("frame 5..finish", (5, 6, 7, 8, 9, 10, 11, 12)),
        ("frame 1..content", (1, 2, 3, 4, 5, 6)),
        ("reasoning 1", ()),
        ("refusal *", ()),
    ],
)
def test_selectors(text: str, places: tuple[int, ...]) -> None:
    """Numbers count from 1, ranges include both ends, a tool call is all of its frames."""
    assert parse_selector(text, text).pick(SCRIPT) == places


def test_a_frame_of_two_kinds_is_found_by_both() -> None:
    """The first chunk of a tool call carries the role too, and is found as either."""
    events = (STREAM, Frame(("role", "tool"), b"{}", part=1), DONE, End())
    assert parse_selector("role", "").pick(events) == (1,)
    assert parse_selector("tool 1", "").pick(events) == (1,)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 12))
def test_ranges_are_slices(first: int, last: int, count: int) -> None:
    """A range from the front or from the end selects what a slice of the frames selects."""
    events = script(count)
    numbers = list(range(2, count + 2))
    first, last = sorted((first, last))
    forward = parse_selector(f"content {first}..{last}", "").pick(events)
    assert forward == tuple(numbers[first - 1 : last])
    back = parse_selector(f"content -{last}..-{first}", "").pick(events)
    assert back == tuple(numbers[max(count - last, 0) : max(count - first + 1, 0)])


@given(st.integers(1, 20), st.integers(0, 20))
def test_one_by_its_number(number: int, count: int) -> None:
    """The nth from the front is the nth, the nth from the end its mirror; beyond there is none."""
    events = script(count)
    there = number <= count
    assert parse_selector(f"content {number}", "").pick(events) == ((number + 1,) if there else ())
    mirror = (count - number + 2,) if there else ()
    assert parse_selector(f"content -{number}", "").pick(events) == mirror


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("request", Anchor("request", "request")),
        ("head", Anchor("head", "head")),
        ("end", Anchor("end", "end")),
        ("t 1m30s", Anchor("t", "t 1m30s", seconds=90.0)),
        ("byte 512", Anchor("byte", "byte 512", size=512)),
        ("byte -1", Anchor("byte", "byte -1", size=-1)),
        ("server 5s", Anchor("server", "server 5s", seconds=5.0)),
        ("upload 64KiB", Anchor("upload", "upload 64KiB", size=65536)),
        ("idle", Anchor("idle", "idle")),
        ("idle  next-byte", Anchor("idle", "idle next-byte", next_byte=True)),
        ("connect", Anchor("connect", "connect")),
        ("tls", Anchor("tls", "tls")),
        ("body", Anchor("body", "body")),
        ("event ping", Anchor("target", "event ping", Selector("event ping", text="event ping"))),
        ("tool 2 last", Anchor("target", "tool 2 last", Selector("tool", 2, None, "tool 2 last", True))),
        (
            "after  content   5",
            Anchor("after", "after content 5", Selector("content", 5, text="content 5")),
        ),
        (
            "before frame 3..finish",
            Anchor("before", "before frame 3..finish", Selector("frame", 3, "finish", "frame 3..finish")),
        ),
        (
            "tool *",
            Anchor("target", "tool *", Selector("tool", text="tool *")),
        ),
        (
            "content 2..*",
            Anchor("target", "content 2..*", Selector("content", 2, -1, "content 2..*")),
        ),
    ],
)  # fmt: skip
def test_parse(text: str, anchor: Anchor) -> None:
    """An anchor is read once, and read again it stays."""
    assert parse_anchor(text) == anchor
    assert parse_anchor(anchor) is anchor


SELECTORS = "a selector such as content 5, content 3..5, frame -1 or finish (frame, role, content, tool, reasoning, refusal, finish, usage, done, error, event NAME)"
ANCHORS = "an anchor (request, head, before SELECTOR, after SELECTOR, byte N, t TIME, end, idle, server TIME, upload SIZE, connect, tls) or a target (SELECTOR, head, body)"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "expected an anchor such as request, after content 5 or t 30s, got 3"),
        ("sometime", f"expected {ANCHORS}, got 'sometime'"),
        ("request 1", f"expected {ANCHORS}, got 'request 1'"),
        ("t", f"expected {ANCHORS}, got 't'"),
        ("heads", f"expected {ANCHORS}, got 'heads'; did you mean 'head'?"),
        ("contents 5", f"expected {ANCHORS}, got 'contents 5'; did you mean 'content'?"),
        ("t 30", "expected a duration such as 300ms, 2s or 1m30s, got '30'"),
        ("t -1s", "expected a duration such as 300ms, 2s or 1m30s, got '-1s'"),
        ("server", f"expected {ANCHORS}, got 'server'"),
        ("upload", f"expected {ANCHORS}, got 'upload'"),
        ("byte", "expected a byte of the body, such as byte 512 or byte -1, got 'byte'"),
        ("byte 5KiB", "expected a byte of the body, such as byte 512 or byte -1, got 'byte 5KiB'"),
        ("reasoning", "expected a number after reasoning, such as reasoning 5 or reasoning *, got 'reasoning'"),
        ("refusal", "expected a number after refusal, such as refusal 5 or refusal *, got 'refusal'"),
        ("event", f"expected {SELECTORS}, got 'event'"),
        ("event a b", f"expected {SELECTORS}, got 'event a b'"),
        ("content 2 last", "expected `last` behind a tool call, such as tool 2 last, got 'content 2 last'"),
        ("tool last", f"expected {SELECTORS}, got 'tool last'"),
        ("after", f"expected {SELECTORS}, got 'after'"),
        ("after contents 5", f"expected {SELECTORS}, got 'after contents 5'; did you mean 'content'?"),
        ("after content 0", f"expected {SELECTORS}, got 'after content 0'"),
        ("after content *..5", f"expected {SELECTORS}, got 'after content *..5'"),
        ("content 1..", f"expected {SELECTORS}, got 'content 1..'"),
        ("after content", "expected a number after content, such as content 5 or content *, got 'after content'"),
        ("frame", "expected a number after frame, such as frame 5 or frame *, got 'frame'"),
        ("tool", "expected a number after tool, such as tool 5 or tool *, got 'tool'"),
        ("upload 1", "expected a size such as 512B, 64KiB or 1MiB, got '1'"),
        ("server 1", "expected a duration such as 300ms, 2s or 1m30s, got '1'"),
        *((f"{word} 1", f"expected {ANCHORS}, got '{word} 1'") for word in ("connect", "tls", "idle", "body")),
    ],
)  # fmt: skip
def test_refusals(value: object, message: str) -> None:
    """What is no anchor is refused with what would be one."""
    with pytest.raises(PydanticCustomError) as refused:
        parse_anchor(value)
    assert refused.value.message() == message


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("request", ((0, "before"),)),
        ("head", ((0, "after"),)),
        ("end", ((15, "before"),)),
        ("before finish", ((12, "before"),)),
        ("after content 4..5", ((5, "after"), (6, "after"))),
        ("after content 9", ()),
        ("content 5", ()),
        ("t 3s", ()),
    ],
)
def test_places(text: str, places: tuple[tuple[int, str], ...]) -> None:
    """A point is before or after an event; a target and a time are no place."""
    assert parse_anchor(text).places(SCRIPT) == places


def test_targets() -> None:
    """A selector, the head and the body select; a point selects nothing."""
    assert parse_anchor("request").targets(SCRIPT) == ()
    assert parse_anchor("finish").targets(SCRIPT) == (12,)
    assert parse_anchor("head").targets(SCRIPT) == (0,)
    assert parse_anchor("body").targets(SCRIPT) == tuple(range(1, 15))


def test_frames_by_the_name_of_their_event() -> None:
    """`event NAME` finds the frames whose event is called so, by number too."""
    events = (STREAM, Frame(("a",), b"", "x"), Frame(("b",), b"", "y.z"), Frame(("a",), b"", "x"))
    assert parse_anchor("event x").targets(events) == (1, 3)
    assert parse_anchor("event x 2").targets(events) == (3,)
    assert parse_anchor("event y.z").targets(events) == (2,)
    assert parse_anchor("after event x *").places(events) == ((1, "after"), (3, "after"))
    assert parse_anchor("event X").targets(events) == ()


@pytest.mark.parametrize(
    ("text", "events", "why"),
    [
        ("t 1500ms", SCRIPT, "the exchange is over before 1.5s"),
        ("t 20ms", SCRIPT, "the exchange is over before 20ms"),
        ("end", (STREAM,), "the answer has no end"),
        ("server 5s", SCRIPT, "the exchange is over before 5s"),
        ("byte 512", SCRIPT, "the body is shorter than 512 bytes"),
        ("byte -512", SCRIPT, "the body is shorter than 512 bytes"),
        ("event ping", SCRIPT, "the answer has 0 event ping frames"),
        ("body", (STREAM,), "the answer has no body"),
        ("after content 9", SCRIPT, "the answer has 5 content frames"),
        ("after role 2", SCRIPT, "the answer has 1 role frame"),
        ("error", SCRIPT, "the answer has 0 error frames"),
    ],
)
def test_missing(text: str, events: tuple[Message, ...], why: str) -> None:
    """An anchor that the script does not have says what the script has."""
    assert parse_anchor(text).missing(events) == why
