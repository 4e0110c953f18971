"""Which limit of which client ends which wait (docs/stories): the kind of each outcome, no times."""

from __future__ import annotations

import pytest

from tests.stories.timeouts import BEHIND, SITUATIONS, Run, run

CONNECT, READ, WAITS, WHOLE = "ConnectionTimeoutError", "SocketTimeoutError", "waits", "whole"
"""aiohttp's two kinds of timeouts, and what is none; `TimeoutError` is that of a total limit."""
LATE = "APITimeoutError"

OLD: dict[str, tuple[str | None, ...]] = {
    "aiohttp, total": ("TimeoutError",) * 5,
    "aiohttp, connect": (CONNECT, CONNECT, WAITS, WAITS, WHOLE),
    "aiohttp, sock_connect": (CONNECT, WAITS, WAITS, WAITS, WHOLE),
    "aiohttp, sock_read": (WAITS, WAITS, READ, READ, WHOLE),
    "openai 0.27.6, defaults": (WAITS, None, WAITS, WAITS, WHOLE),
    "openai 0.27.6, timeout": (WAITS, None, WAITS, WAITS, WHOLE),
    "openai 0.27.6, request_timeout": ("Timeout", None, "Timeout", "TimeoutError", "TimeoutError"),
    "openai 0.27.6, session with sock_read": (WAITS, None, "Timeout", READ, WHOLE),
}
NEW: dict[str, tuple[str | None, ...]] = {
    f"openai {kind}, {limit}": row
    for kind in ("sync", "async")
    for limit, row in {
        "connect": (LATE, WAITS, WAITS, WAITS, WHOLE),
        "read": (WAITS, WAITS, LATE, LATE, WHOLE),
        "pool": (WAITS, LATE, WAITS, WAITS, WHOLE),
        "timeout=seconds": (LATE, LATE, LATE, LATE, WHOLE),
    }.items()
}
NODE: dict[str, tuple[str | None, ...]] = {
    "openai-node, timeout": (
        "APIConnectionTimeoutError",
        None,
        "APIConnectionTimeoutError",
        WAITS,
        WHOLE,
    )
}
"""Each row stands for the situations in their order; None is a situation that a client cannot meet."""

GATEWAY = {
    "aiohttp": ("502", "504", "ClientPayloadError"),
    "openai 0.27.6": ("APIError", "APIError", "ClientPayloadError"),
    "openai sync": ("502", "504", "APIConnectionError"),
    "openai async": ("502", "504", "APIConnectionError"),
    "openai-node": ("502", "504", "TypeError"),
}
"""What comes of nginx, by client: its limit is the shortest, so nobody's own matters."""


def check(happened: Run, expected: dict[str, tuple[str | None, ...]]) -> None:
    """Every cell of the table, and no row more."""
    said = {cell: outcome.said for cell, outcome in happened.outcomes.items()}
    assert dict.fromkeys(who for who, _ in said).keys() == expected.keys()
    assert {who: tuple(said.get((who, one)) for one in SITUATIONS) for who in expected} == expected
    assert {who: tuple(said[who, one] for one in BEHIND) for who in expected} == {
        who: GATEWAY[who.partition(",")[0]] for who in expected
    }


def check_upstream(happened: Run) -> None:
    """nginx left every call that reached the server behind it, which had nothing to say."""
    assert happened.behind_nginx
    assert {call.outcome.ending for call in happened.behind_nginx} == {"peer gone"}


@pytest.mark.parts("openai-0.27", "nginx")
def test_openai_0_27_and_aiohttp() -> None:
    """Only `sock_read` sees silence without ending a slow stream, and the SDK cannot set it."""
    happened = run(("openai-0.27",))
    check(happened, OLD)
    check_upstream(happened)


@pytest.mark.parts("openai", "nginx")
def test_the_newest_sdk_for_python() -> None:
    """`read` is the limit of silence, and one number sets all four."""
    happened = run(("openai",))
    check(happened, NEW)
    check_upstream(happened)


@pytest.mark.parts("openai-node", "nginx")
def test_the_newest_sdk_for_node() -> None:
    """Its limit is over when the head has come: silence between frames is for ever."""
    happened = run(("openai-node",))
    check(happened, NODE)
    check_upstream(happened)
