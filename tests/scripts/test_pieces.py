"""Text in pieces, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.scripts.pieces import LONGEST, pieces, split_evenly


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("", ()),
        ("one", ("one",)),
        ("one two", ("one", " two")),
        (" one\n\ntwo ", (" one", "\n\ntwo", " ")),
        ("   ", ("   ",)),
        ("天地,玄", ("天", "地", ",", "玄")),
        ("a天 b", ("a", "天", " b")),
        ("x" * 50, ("x" * 24, "x" * 24, "xx")),
        ("한글 カナ", ("한", "글", " カ", "ナ")),
    ],
)
def test_pieces(text: str, cut: tuple[str, ...]) -> None:
    """A word with the space before it is a piece, and so is a character of a wide script."""
    assert pieces(text) == cut


@given(st.text())
def test_pieces_join_to_the_text(text: str) -> None:
    """No text loses a character by being cut, and no piece is empty or too long."""
    cut = pieces(text)
    assert "".join(cut) == text
    assert all(cut)
    assert all(len(piece.strip()) <= LONGEST for piece in cut)


@pytest.mark.parametrize(
    ("text", "count", "cut"),
    [
        ("abcdef", 3, ("ab", "cd", "ef")),
        ("abcdefg", 3, ("ab", "cd", "efg")),
        ("ab", 3, ("a", "b")),
        ("a", 3, ("a",)),
        ("", 3, ("",)),
    ],
)
def test_split_evenly(text: str, count: int, cut: tuple[str, ...]) -> None:
    """Parts are of nearly equal length; a short text has fewer, an empty one has one."""
    assert split_evenly(text, count) == cut


@given(st.text(min_size=1), st.integers(1, 9))
def test_split_evenly_keeps_the_text(text: str, count: int) -> None:
    """The parts join to the text and differ in length by at most one."""
    parts = split_evenly(text, count)
    assert "".join(parts) == text
    assert len(parts) == min(count, len(text))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
