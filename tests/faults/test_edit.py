"""Each edit: what becomes of the frame or the head."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.faults.paths import put, without
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import AUTO, End, Frame, Head, Message
from tests.faults.exchange import applied, fault, played, reasons
from tests.timeline.samples import DONE, ROLE, STREAM, content, script, tool

TREE = {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}], "e": "x"}, "f": None}


def only(edit: Any, document: Any = TREE, tokens: int = 0) -> Any:
    """A document after one edit."""
    frame = Frame(("content",), json.dumps(document).encode(), tokens=tokens)
    (made,) = played((frame,), fault(edit=edit, at="content 1"))
    assert isinstance(made, Frame)
    return json.loads(made.data)


@pytest.mark.parametrize(
    ("path", "result"),
    [
        ("f", {"a": TREE["a"]}),
        ("a.e", {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}]}, "f": None}),
        ("a.b.0", {"a": {"b": [{"c": 2, "d": 3}], "e": "x"}, "f": None}),
        ("a.b.-1.c", {"a": {"b": [{"c": 1}, {"d": 3}], "e": "x"}, "f": None}),
        ("a.b.*.c", {"a": {"b": [{}, {"d": 3}], "e": "x"}, "f": None}),
        ("*", {}),
        ("a.*", {"a": {}, "f": None}),
        ("a.b.*", {"a": {"b": [], "e": "x"}, "f": None}),
        ("a.b.2", TREE),
        ("a.b.--1", TREE),
        ("a.b.x", TREE),
        ("a.e.x", TREE),
        ("z", TREE),
        ("", TREE),
    ],
)
def test_remove(path: str, result: Any) -> None:
    """A path leads through keys and indexes, * is any of them, and one that leads nowhere is none."""
    assert only({"remove": path}) == result
    assert without(TREE, path.split(".")) == result


@pytest.mark.parametrize(
    ("path", "value", "result"),
    [
        ("f", 1, {"a": TREE["a"], "f": 1}),
        ("g.h", [1], {**TREE, "g": {"h": [1]}}),
        ("a.e", None, {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}], "e": None}, "f": None}),
        ("a.b.*.c", 9, {"a": {"b": [{"c": 9}, {"c": 9, "d": 3}], "e": "x"}, "f": None}),
        ("a.b.-1", 9, {"a": {"b": [{"c": 1}, 9], "e": "x"}, "f": None}),
        ("a.b.5.c", 9, TREE),
        ("a.e.x", 9, TREE),
        ("a.b.0.z", {"y": 1}, {"a": {"b": [{"c": 1, "z": {"y": 1}}, {"c": 2, "d": 3}], "e": "x"}, "f": None}),
    ],
)  # fmt: skip
def test_set(path: str, value: Any, result: Any) -> None:
    """A value stands where the path leads; mappings on the way are made, lists are not."""
    assert only({"set": {path: value}}) == result
    assert put(TREE, path.split("."), value) == result


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(JSON, st.lists(st.sampled_from(["a", "0", "-1", "*", "", "--1", "1.5", "٣"]), min_size=1))
def test_any_path_through_anything(document: Any, path: list[str]) -> None:
    """No path makes a document fail, and what was taken away is not found again."""
    put(document, path, 1)
    gone = without(document, path)
    if len(path) == 1 and path[0] not in ("0", "-1"):
        assert without(gone, path) == gone


def test_several_paths() -> None:
    """Several parts are removed, or set, in one edit."""
    assert only({"remove": ["a", "f"]}) == {}
    assert only({"set": {"a": 1, "f": "x", "g": False}}) == {"a": 1, "f": "x", "g": False}


def test_padding() -> None:
    """A size stands for so many letters; other mappings are values."""
    assert only({"set": {"f": {"size": "2KiB"}}})["f"] == "x" * 2048
    assert only({"set": {"f": {"size": "2KiB", "a": 1}}})["f"] == {"size": "2KiB", "a": 1}


def test_numbers_of_tokens() -> None:
    """{{n}} is the tokens sent so far, alone as a number, beside text as text."""
    patch = {"n": "{{n}}", "m": "{{n+21}}", "t": "{{n}} of {{n+1}}", "l": ["{{n}}"]}
    one = fault(edit={"patch": patch}, at="content 2..3")
    frames = [step for step in played(script(3), one) if isinstance(step, Frame)]
    assert [json.loads(frame.data) for frame in frames[1:4]] == [
        {"n": 1},
        {"n": 2, "m": 23, "t": "2 of 3", "l": [2]},
        {"n": 3, "m": 24, "t": "3 of 4", "l": [3]},
    ]


def test_numbers_of_tokens_count_the_script() -> None:
    """Frames that other faults drop or double count as the script has them."""
    faults = [
        fault(edit="drop", at="content 1"),
        fault(edit={"duplicate": 2}, at="content 2"),
        fault(edit={"set": {"n": "{{n}}"}}, at="content 3"),
    ]
    made = [event for event in played(script(3), *faults) if isinstance(event, Frame)]
    assert [frame.data for frame in made[1:4]] == [b'{"n":2}', b'{"n":2}', b'{"n":3}']


@pytest.mark.parametrize(
    ("edit", "data"),
    [
        ({"replace": "{{self}}/{{n+1}}"}, b"http://self/2"),
        ({"set": {"u": "{{self}}"}}, b'{"n":1,"u":"http://self"}'),
        ({"patch": {"u": ["{{self}}"]}}, b'{"n":1,"u":["http://self"]}'),
        ({"patch": {"u": "{{other}}"}}, b'{"n":1,"u":"{{other}}"}'),
    ],
)
def test_placeholders(edit: Any, data: bytes) -> None:
    """Placeholders are filled in wherever an edit writes text."""
    made = played(script(1), fault(edit=edit, at="content 1"))[2]
    assert isinstance(made, Frame)
    assert made.data == data


def test_headers() -> None:
    """Headers are set where they stand, whatever their case, joined at the end, or removed."""
    head = Head(200, (("Content-Type", "text/event-stream"), ("a", "1"), ("date", AUTO)))
    faults = [
        fault(edit={"set": {"content-type": "text/plain", "Retry-After": 7, "u": "{{self}}"}}, at="head"),
        fault(edit={"remove": ["A", "zzz"]}, at="head"),
        fault(edit={"set": {"pad": {"size": "3B"}}}, at="head"),
    ]  # fmt: skip
    (made, _) = played((head, End()), *faults)
    assert made == Head(
        200,
        (("content-type", "text/plain"), ("date", AUTO), ("Retry-After", "7"), ("u", "http://self"), ("pad", "xxx")),
        dressed=True,
    )  # fmt: skip


TOOLS: tuple[Message, ...] = (
    STREAM, ROLE, tool(1, 1), tool(1, 2), tool(1, 3), tool(2, 1), tool(2, 2), DONE, End(),
)  # fmt: skip


def test_interleave() -> None:
    """The calls take turns, and what is left of the longer one follows."""
    assert played(TOOLS, fault(edit={"interleave": "tool"})) == (
        STREAM, ROLE, tool(1, 1), tool(2, 1), tool(1, 2), tool(2, 2), tool(1, 3), DONE, End(),
    )  # fmt: skip
    assert fault(edit={"interleave": "tool"}).anchor.text == "tool *"
    assert reasons(script(1), fault(edit={"interleave": "tool"})) == [
        "the answer has 0 tool frames"
    ]


def test_interleave_after_a_drop() -> None:
    """A frame that is gone takes no turn."""
    faults = [fault(edit="drop", at="tool 1"), fault(edit={"interleave": "tool"})]
    made = [event for event in played(TOOLS, *faults) if event is not None]
    assert made == [STREAM, ROLE, tool(2, 1), tool(2, 2), DONE, End()]


def test_what_is_no_json_stays() -> None:
    """An edit of JSON leaves [DONE] as it is, and is still reported as acting."""
    for edit in ({"set": {"a": 1}}, {"remove": "a"}, {"patch": {"a": 1}}):
        one = fault(edit=edit, at="done")
        assert played(script(1), one) == script(1)
        assert reasons(script(1), one) == [None]


@pytest.mark.parametrize(
    ("edit", "at", "message"),
    [
        ("drop", "head", "a head has headers only: set or remove them"),
        ({"duplicate": 2}, "head", "a head has headers only: set or remove them"),
        ({"truncate": 1}, "head", "a head has headers only: set or remove them"),
        ({"set": {"a": None}}, "head", "the value of a header is a text, and a is none"),
        ({"set": {"a": [1], "b": {}}}, "head", "the value of a header is a text, and a and b is none"),
        ({"interleave": "tool"}, "content *", "only the frames of tool calls take turns; say tool \\*"),
        ({"interleave": "content"}, "tool *", "Input should be 'tool'"),
        ({"set": {}}, "content 1", "expected a mapping of paths or headers to their new values"),
        ({"set": 1}, "content 1", "expected a mapping of paths or headers to their new values"),
        ({"set": {"a": {"size": 5}}}, "content 1", "write the unit, such as 5B or 5KiB"),
        ({"remove": {}}, "content 1", "expected a text"),
    ],
)  # fmt: skip
def test_refusals(edit: Any, at: str, message: str) -> None:
    """An edit that has no meaning there, or a value that it does not have, is refused."""
    with pytest.raises(ValueError, match=message):
        fault(edit=edit, at=at)


def test_an_edit_marks_each_frame() -> None:
    """Every frame that an edit touches names it, in the order of the edits."""
    faults = [fault(edit={"set": {"a": 1}}, at="content *"), fault(edit={"remove": "n"}, at="content 2")]  # fmt: skip
    sequence, _ = applied(script(2), *faults)
    assert [step.faults for step in sequence[2:4]] == [(0,), (0, 1)]
    assert sequence[3].event == Frame(("content",), b'{"a":1}', tokens=1)
    assert sequence[1].event == ROLE
    assert content(1) not in [step.event for step in sequence]


def test_another_content_type_is_a_label() -> None:
    """Events stay events, whatever the head calls them."""
    edit = fault(edit={"set": {"content-type": "application/x-ndjson"}}, at="head")
    (head, _) = played((STREAM, End()), edit)
    assert isinstance(head, Head)
    assert is_event_stream(head)
    assert head.get("content-type") == "application/x-ndjson"
