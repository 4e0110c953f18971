"""Heads answer what their headers say."""

from __future__ import annotations

import pytest

from mockllm.timeline.events import Head

HEAD = Head(
    200, (("Content-Type", "a"), ("connection", "Keep-Alive, Close"), ("X", "1"), ("x", "2"))
)


@pytest.mark.parametrize(
    ("name", "value"), [("content-type", "a"), ("X", "1"), ("x", "1"), ("date", None)]
)
def test_first_header_whatever_its_case(name: str, value: str | None) -> None:
    """`get` gives the first header of a name, in any case, or None."""
    assert HEAD.get(name) == value


@pytest.mark.parametrize(
    ("name", "token", "there"),
    [
        ("connection", "close", True),
        ("connection", "keep-alive", True),
        ("connection", "keep", False),
        ("date", "close", False),
    ],
)
def test_token_in_a_list(name: str, token: str, there: bool) -> None:
    """`has` finds a whole token of a comma-separated list, whatever its case."""
    assert HEAD.has(name, token) is there
