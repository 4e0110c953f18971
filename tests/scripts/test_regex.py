"""Texts that match a pattern."""

from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.scripts.regex import matching


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "abc",
        "^abc$",
        "a|b|",
        "(a|bc)+",
        "(?:x[yz]){2,3}",
        "^[A-Z]{2}[0-9]{6}$",
        "[^a-z]",
        "[^\\w]",
        "[]a]",
        "[a-]",
        "[\\d.]+",
        "\\d{3}-\\d{3,}",
        "\\.\\*\\+",
        "a.c",
        "\\S+\\s\\D",
        "x{3}",
        "colou?r",
        "a+?b*?",
        "[\\-+]",
        "^\\t\\n$",
        "[à-é]",
    ],
)
def test_texts_match(pattern: str) -> None:
    """Each of many texts matches, as Python's own engine judges it."""
    for seed in range(30):
        text = matching(pattern, Random(seed))
        assert text is not None
        assert re.search(pattern, text)


@pytest.mark.parametrize(
    "pattern",
    ["(", ")", "[a", "a)", "*a", "\\b", "\\1", "\\p{L}", "(?=a)", "(?P<x>a)", "a{2,1}", "a{", "[z-a]", "a{9999}", "\\", "[^ -~]"],
)  # fmt: skip
def test_what_is_not_supported(pattern: str) -> None:
    """A pattern outside the subset has no text."""
    assert matching(pattern, Random(0)) is None


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("a+", 50, 50),
        ("\\w*", 0, 0),
        ("(ab)+", 7, 8),
        ("[0-9]+(,[0-9]+)*", 90, 100),
        ("x", 0, None),
    ],
)
def test_lengths(pattern: str, least: int, most: int | None) -> None:
    """A text is as long as it must be."""
    for seed in range(10):
        text = matching(pattern, Random(seed), least, most)
        assert text is not None
        assert re.fullmatch(pattern, text)
        assert least <= len(text) <= (most or 1)


def test_possessive_quantifiers_are_not_of_the_subset() -> None:
    """They match other texts, and the patterns of schemas do not have them."""
    assert matching("1?+1", Random(0)) is None


def test_lengths_that_cannot_be() -> None:
    """Where no text has the length, there is none."""
    assert matching("abc", Random(0), 4) is None
    assert matching("abc", Random(0), 0, 2) is None


@given(st.text(alphabet="ab(|)]^-?*+{},1\\d.", max_size=12))
def test_any_pattern_of_the_subset_is_right(pattern: str) -> None:
    """Whatever the parser takes, Python takes too, and the text matches."""
    text = matching(pattern, Random(0))
    if text is None:
        return
    try:
        compiled = re.compile(pattern)
    except re.error:  # Python is stricter about {…} and ranges
        return
    inner_anchor = re.search(r"(?<!^)(?<!\[)\^", pattern)
    assert inner_anchor or compiled.search(text)
