"""What an anchor picks of a script that grows is what it picks of the whole one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.faults.anchors import parse_anchor
from mockllm.faults.picking import picker_of
from mockllm.timeline.events import End, Frame, Head, Message

KINDS = ("role", "content", "tool", "finish", "usage", "done")


def anchors() -> st.SearchStrategy[str]:
    """Anchors of all forms."""
    number = st.integers(-4, 4).filter(bool)
    kind = st.sampled_from(("frame", "content", "tool"))
    pairs = st.tuples(number, number).filter(lambda p: p[0] <= p[1] or (p[0] > 0) != (p[1] > 0))
    selectors = st.one_of(
        st.builds("{} {}".format, kind, number),
        st.builds("{} *".format, kind),
        st.builds("{} {}..*".format, kind, number),
        st.builds(lambda k, p: f"{k} {p[0]}..{p[1]}", kind, pairs),
        st.builds("{} {}..{}".format, kind, number, st.sampled_from(("finish", "content"))),
        st.builds("tool {} last".format, number),
        st.just("tool * last"),
        st.sampled_from(("role", "finish", "done", "event delta")),
    )
    points = st.sampled_from(("head", "end", "body"))
    sided = st.builds("{} {}".format, st.sampled_from(("before", "after")), selectors)
    return st.one_of(selectors, points, sided)


@st.composite
def scripts(draw: st.DrawFn) -> tuple[Message, ...]:
    """A head, frames of any kinds, an end; tool calls are numbered as they come."""
    kinds = draw(st.lists(st.sampled_from(KINDS), max_size=12))
    parts = 0
    frames = []
    for kind in kinds:
        part = 0
        if kind == "tool":
            part = draw(st.integers(1, parts + 1))
            parts = max(parts, part)
        name = draw(st.sampled_from((None, "delta")))
        frames.append(Frame((kind,), b"{}", name, part))
    return (Head(200, ()), *frames, End())


@given(anchors(), scripts(), st.booleans())
def test_growing_is_whole(text: str, script: tuple[Message, ...], together: bool) -> None:
    """Picks are those of the anchor, and what was called certain has not changed."""
    anchor = parse_anchor(text)
    whole = set(anchor.targets(script)) | {place for place, _ in anchor.places(script)}
    picker = picker_of(anchor, together=together)
    for place, event in enumerate(script):
        picker.feed(place, event)
        assert picker.certain <= place + 1
        assert {p for p in picker.picked if p < picker.certain} == {
            p for p in whole if p < picker.certain
        }
    picker.end(script)
    assert picker.picked == whole
    assert picker.certain == len(script)


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("content 2", 0),
        ("content 2..*", 0),
        ("tool 1", 0),
        ("content -1", 1),
        ("content -3", 3),
        ("content 1..-2", 1),
        ("frame 2..finish", 3),
        ("tool 1 last", 0),
        ("end", 0),
    ],
)
def test_what_is_held_back(text: str, held: int) -> None:
    """Only what may still be meant is not certain."""
    frames = tuple(Frame(("content",), b"{}") for _ in range(4))
    script: tuple[Message, ...] = (Head(200, ()), *frames)
    picker = picker_of(parse_anchor(text if text == "end" else f"before {text}"))
    for place, event in enumerate(script):
        picker.feed(place, event)
    assert len(script) - picker.certain == held
