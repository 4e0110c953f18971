"""Faults on a kept connection between two requests."""

from __future__ import annotations

import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL
from tests.server.raw import chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"


@pytest.mark.parametrize(("how", "end"), [("fin", "fin"), ("rst", "rst"), ("half", "fin")])
def test_at_once(server: MockLLM, how: str, end: str) -> None:
    """The answer is whole, then the connection ends without an announcement."""
    server.add({"close": how, "at": "idle", "first": 1})
    with connected(server.url) as raw:
        raw.send(chat())
        data = raw.read_until(LAST_CHUNK)
        assert text_of(data) == CANONICAL
        assert b"connection: close" not in data
        assert raw.read_all() == (b"", end)
    assert server.calls[0].outcome.ending == "done"


def test_just_as_it_is_reused(server: MockLLM) -> None:
    """The next request is lost without a byte; it is no call, and the fault has acted."""
    server.add({"close": "rst", "at": "idle next-byte", "first": 1})
    with connected(server.url) as raw:
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        assert raw.silent_for(0.1)
        assert server.calls[0].not_fired == {
            "close: rst": "the kept connection is in use again, or still idle"
        }
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
    server.assert_attempts(1)
    assert server.calls[0].fired == ("close: rst",)
    assert server.calls[0].outcome.idle == "reset"


def test_a_request_in_time_keeps_the_connection(server: MockLLM) -> None:
    """What would come later does not come when the connection is used before."""
    server.use("mockllm: 1\nfaults: [{wait: 1h, at: idle}, {close: fin, at: idle}]\n")
    with connected(server.url) as raw:
        for _ in range(3):
            raw.send(chat())
            assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
    server.assert_attempts(3)


def test_clearing_ends_the_wait_of_a_kept_connection(server: MockLLM) -> None:
    """Who waits on an idle connection is let go of, too: it is closed, and the fault does not act."""
    server.use("mockllm: 1\nfaults: [{wait: 1h, at: idle}, {close: rst, at: idle}]\n")
    with connected(server.url) as raw:
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        assert raw.silent_for(0.05)
        server.clear()
        assert raw.read_all() == (b"", "fin")


def test_pipelined_requests_leave_no_idle_time(server: MockLLM) -> None:
    """A request that is there already is answered: the connection was never idle."""
    server.add({"close": "fin", "at": "idle next-byte", "first": 1})
    with connected(server.url) as raw:
        raw.send(chat() + chat(close=True))
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        assert text_of(raw.read_all()[0]) == CANONICAL


def test_a_connection_that_is_not_kept_is_not_idle(server: MockLLM) -> None:
    """A client that closes meets no fault of the idle connection."""
    server.add({"close": "rst", "at": "idle"})
    with connected(server.url) as raw:
        raw.send(chat(close=True))
        data, end = raw.read_all()
    assert (text_of(data), end) == (CANONICAL, "fin")
    assert server.calls[0].fired == ()
