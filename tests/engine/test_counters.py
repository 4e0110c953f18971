"""What is counted, and for how long."""

from __future__ import annotations

import pytest

from mockllm.engine import counters
from mockllm.engine.counters import Asked, Counters, asked_of
from mockllm.matchers.call import Call


def call(number: int, *, session: str = "", retry: str | None = None) -> Asked:
    """A call told apart by its body."""
    headers = () if retry is None else (("x-stainless-retry-count", retry),)
    body = b"%d" % number
    return asked_of(Call("POST", "/", body=body, session=session, headers=headers))


def test_attempts_are_counted_by_request_and_session() -> None:
    """An attempt is named by the client's own count and by ours."""
    made = Counters()
    calls = [
        call(1),
        call(1),
        call(2),
        call(1, session="s"),
        call(1, retry="1"),
        call(1, retry="1"),
    ]
    assert [made.begin(one, 0.0)[-1] for one in calls] == [".1", ".2", ".1", ".1", "1.1", "1.2"]
    made.reset()
    assert made.begin(call(1), 0.0)[-1] == ".1"


def test_old_requests_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only so many requests are remembered; the one that came longest ago goes first."""
    monkeypatch.setattr(counters, "MAX_REMEMBERED", 2)
    made = Counters()
    order = [1, 2, 1, 3, 1, 2]
    assert [made.begin(call(one), 0.0)[-1] for one in order] == [
        ".1",
        ".1",
        ".2",
        ".1",
        ".3",
        ".1",
    ]
