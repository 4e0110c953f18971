"""How servers write keys, spans and headers."""

from __future__ import annotations

from math import inf

import pytest

from mockllm.engine.account_words import (
    duration,
    masked,
    milliseconds,
    whole_seconds,
    with_headers,
)
from mockllm.timeline.events import Head


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0s"),
        (2, "2ms"),
        (999, "999ms"),
        (1000, "1s"),
        (1200, "1.2s"),
        (4128, "4.128s"),
        (8640, "8.64s"),
        (59_999, "59.999s"),
        (60_000, "1m0s"),
        (360_000, "6m0s"),
        (5_011_000, "1h23m31s"),
        (3_600_000, "1h0m0s"),
    ],
)
def test_spans_as_go_writes_them(ms: int, text: str) -> None:
    """The spans of captures, and the ends of each unit."""
    assert duration(ms) == text


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("fake", "fake"),
        ("YOUR_API_KEY", "YOUR_API_KEY"),
        ("your_key_here", "your_key*here"),
        ("your-openai-api-key-here", "your-ope************here"),
    ],
)
def test_keys_as_openai_shows_them(key: str, shown: str) -> None:
    """Those of public captures."""
    assert masked(key) == shown


@pytest.mark.parametrize(
    ("seconds", "ms", "whole"), [(0.0001, 1, 1), (1.0, 1000, 1), (19.5, 19500, 20), (20.0000000001, 20000, 20)]
)  # fmt: skip
def test_waits_are_never_too_short(seconds: float, ms: int, whole: int) -> None:
    """They are rounded up, but not for the dust of floats."""
    assert (milliseconds(seconds), whole_seconds(seconds)) == (ms, whole)


def test_no_wait_is_enough() -> None:
    """What never comes has no number of seconds."""
    assert whole_seconds(inf) is None


def test_headers_take_the_place_of_their_own() -> None:
    """Whatever their case; the others come behind."""
    made = with_headers(Head(200, (("A", "1"), ("b", "2"))), (("a", "3"), ("c", "4")))
    assert made.headers == (("A", "3"), ("b", "2"), ("c", "4"))
