"""What a test asks and asserts of what happened: over a real socket, with messages to read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from mockllm import MockLLM
from tests.server.raw import GUARD, Raw, chat, connected, text_of
from tests.test_api import refuses, status

EXPECT = """
mockllm: 1
about: Two failures.
faults: [{fail: 503, first: 1}]
expect:
  client: {text: whole}
  server: {attempts: 2}
"""


@pytest.fixture
def server() -> Iterator[MockLLM]:
    """A server of the test's own."""
    with MockLLM() as server:
        yield server


def raised(action: Callable[[], object]) -> str:
    """The message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        action()
    return str(caught.value)


@contextmanager
def held(server: MockLLM) -> Iterator[Raw]:
    """A client of a stream that is silent after its fifth piece."""
    with connected(server.url) as raw:
        raw.send(chat())
        for _ in range(6):
            raw.read_until(b"\n\n\r\n")
        yield raw


def retried(server: MockLLM, *, tries: int) -> str:
    """A client that asks so often, and gives out the last text."""
    text = ""
    for _ in range(tries):
        with connected(server.url) as raw:
            raw.send(chat(close=True))
            text = text_of(raw.read_all()[0])
    return text


# What the profile expects


def test_assert_expected(server: MockLLM) -> None:
    """Both sides hold: the caller's text and the journal's attempts."""
    server.use(EXPECT)
    with server.outcome() as got:
        got.text = retried(server, tries=2)
    server.assert_expected()
    assert [one.verdict for one in server.expectations] == ["held", "held"]


def test_what_is_broken(server: MockLLM) -> None:
    """Every statement is told with what became of it."""
    server.use(EXPECT)
    with server.outcome() as got:
        got.text = retried(server, tries=1)
    assert raised(server.assert_expected).splitlines() == [
        "the client did not do what the profile expects:",
        f"  broken: client.text: whole (0 of {len(server.calls[0].whole_text)} characters, and "
        "then nothing or more)",
        "  broken: server.attempts: 2 (1 came)",
    ]


def test_what_nobody_could_observe(server: MockLLM) -> None:
    """A part may stay open; if all does, nothing was shown."""
    server.use(EXPECT)
    retried(server, tries=2)
    server.assert_expected()
    server.use("{mockllm: 1, expect: {client: {text: whole}, after: alive}}")
    assert "  not judged: client.text: whole (nobody told what the caller saw)" in raised(
        server.assert_expected
    )


def test_a_profile_that_expects_nothing(server: MockLLM) -> None:
    """There is nothing to judge, so the assertion is a mistake."""
    assert server.expectations == ()
    with pytest.raises(ValueError, match=r"^profile default has no `expect`, so there is nothing"):
        server.assert_expected()


# Conduct


def test_assert_resilient(server: MockLLM) -> None:
    """Conduct that harms fails, with the finding's name and evidence; it may be left out."""
    server.fail(400)
    retried(server, tries=3)
    message = raised(server.assert_resilient)
    assert message.startswith("the client's conduct does harm:\n")
    assert "permanent-error-retried" in message
    assert {one.name for one in server.verdict.failures} >= {"permanent-error-retried"}
    names = {one.name for one in server.verdict.failures}
    server.assert_resilient(ignore=names)
    with pytest.raises(ValueError, match="permanent-error"):
        server.assert_resilient(ignore=["permanent-eror-retried"])


def test_good_conduct(server: MockLLM) -> None:
    """One call that is answered shows nothing wrong."""
    retried(server, tries=1)
    server.assert_resilient()


# Faults and answers that were asked for


def test_assert_fired(server: MockLLM) -> None:
    """What never acted is told with what was written, until it acts."""
    server.assert_fired()
    server.fail(503, nth=2)
    server.on(model="other").cut()
    assert raised(server.assert_fired).splitlines() == [
        "a fault was asked for and never fired, so this test proves nothing about it:",
        "  mockllm.fail(503, nth=2) never fired: no call reached a route that has it",
        "  mockllm.on(model='other').cut() never fired: no call reached a route that has it",
        "Send a call that reaches it, remove it, or say may_not_fire=True.",
    ]
    assert [status(server) for _ in range(2)] == [200, 503]
    assert "fail(503" not in raised(server.assert_fired)
    status(server, model="other")
    server.assert_fired()


def test_assert_used(server: MockLLM) -> None:
    """Calls that nobody took come first, then answers that nobody asked for."""
    server.assert_used()
    server.on(model="other").says("x")
    assert raised(server.assert_used).splitlines() == [
        "answers were never asked for:",
        "  on(model='other').says: no call got it",
        "Remove them, or leave strict out.",
    ]
    status(server, path="/v1/nothing")
    lines = raised(server.assert_used).splitlines()
    assert lines[0] == "calls came that nothing was said about:"
    assert lines[1].startswith("  #1 POST /v1/nothing: Invalid URL (POST /v1/nothing)")


# Attempts and their times


def test_assert_gap(server: MockLLM) -> None:
    """The silence between two calls, on the server's clock, which a test can move."""
    status(server)
    server.settle()
    server.server.clock.advance(10)
    status(server)
    server.settle()
    server.assert_gap(1, at_least=10.0, at_most=10.0 + GUARD)
    few = raised(lambda: server.assert_gap(1, at_least=100.0))
    assert few.startswith("expected at least 100s between #1 and #2, got 10")
    many = raised(lambda: server.assert_gap(1, at_most=2.5))
    assert many.startswith("expected at most 2.5s between #1 and #2, got 10")
    assert "\n  #2 POST /v1/chat/completions -> 200, done" in many


@pytest.mark.parametrize("number", [0, 1, 2, -1])
def test_a_gap_that_is_not_there(server: MockLLM, number: int) -> None:
    """Gaps are counted from 1, and one call has none."""
    status(server)
    message = raised(lambda: server.assert_gap(number, at_least=0.0))
    assert message.startswith(f"expected a gap {number} between calls, got 1 calls:\n")


def test_assert_cancelled(server: MockLLM) -> None:
    """The client of the last call left before its end."""
    nothing = f"expected a call that was cancelled, got none; no client called {server.url}"
    assert raised(server.assert_cancelled) == nothing
    server.stall()
    with held(server):
        waits = raised(server.assert_cancelled)
    assert waits.startswith("expected the client of #1 to leave, but it did not:\n")
    server.settle()
    server.assert_cancelled()
    server.assert_cancelled(within=GUARD)
    late = raised(lambda: server.assert_cancelled(within=0.0))
    assert late.startswith("expected the client of #1 to leave within 0s, got ")


# Waiting


def test_settle(server: MockLLM) -> None:
    """It returns when nothing is in flight, and names what is."""
    server.settle()
    server.stall()
    with held(server):
        with pytest.raises(TimeoutError) as caught:
            server.settle(0.05)
        lines = str(caught.value).splitlines()
        assert lines[0] == "calls are still in flight after 0.05 seconds:"
        assert "POST /v1/chat/completions" in lines[1]
    server.settle()
    assert server.calls[0].outcome.ending == "peer gone"


def test_wait_for_calls(server: MockLLM) -> None:
    """It returns when so many have come, also from another thread."""
    server.wait_for_calls(0)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.wait_for_calls, 2, GUARD)
        status(server)
        status(server)
        waiting.result(GUARD)
    with pytest.raises(TimeoutError) as caught:
        server.wait_for_calls(3, timeout=0.05)
    assert str(caught.value) == "expected 3 calls within 0.05 seconds, got 2"


def test_advance(server: MockLLM) -> None:
    """Waits that are due end at once; the clock never goes back."""
    server.stall("1h")
    with held(server) as raw:
        before = server.server.clock.now()
        server.server.clock.advance(3600)
        assert server.server.clock.now() >= before + 3600
        assert text_of(raw.read_until(b"0\r\n\r\n")).endswith("until the very end.")
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="advance: expected seconds, 0 or more, got"):
            server.server.clock.advance(seconds)


def test_windows_and_the_clock(server: MockLLM) -> None:
    """A fault of a window acts in it, and not when the clock has passed it."""
    server.fail(503, during=["10s", "20s"])
    got = [status(server)]
    for _ in range(2):
        server.server.clock.advance(10)
        got.append(status(server))
    assert got == [200, 503, 200]


# Down and up


def test_down_and_up(server: MockLLM) -> None:
    """Connections are refused on the port, and accepted again on the same one."""
    url = server.url
    status(server)
    for _ in range(2):
        server.down()
        assert refuses(url)
    assert server.running
    server.assert_attempts(1)
    for _ in range(2):
        server.up()
        assert status(server) == 200
    assert server.url == url
    server.assert_attempts(3)


def test_what_is_said_while_down(server: MockLLM) -> None:
    """A server that is down listens to its test."""
    server.down()
    server.says("Hello").fail(503, first=1)
    server.up()
    assert [status(server), status(server)] == [503, 200]


def test_down_lets_go_of_streams(server: MockLLM) -> None:
    """A client that waits for ever gets the end."""
    server.stall()
    with held(server) as raw:
        server.down()
        assert raw.read_all()[1] in ("fin", "rst")
    server.settle()
    assert server.calls[0].outcome.ending == "held"


# For people


def test_report(server: MockLLM) -> None:
    """The profile that is on, and each call's timeline."""
    assert server.report() == f"profile default at {server.url}\n  no call came"
    server.use("{mockllm: 1, routes: [{name: a, match: {model: a}, faults: [{fail: 500}]}]}")
    status(server, model="a")
    lines = server.report().splitlines()
    assert lines[0] == f"profile inline at {server.url}"
    assert lines[1].endswith("POST /v1/chat/completions a stream  -> 500, done")
    assert "fail: 500" in lines[2]


def test_questions_from_any_thread(server: MockLLM) -> None:
    """Reports, verdicts and expectations may be asked for while calls come."""
    server.use(EXPECT)
    over = threading.Event()

    def ask(_: int) -> Any:
        while not over.is_set():
            server.report(), server.verdict, server.expectations
        return server.calls

    with ThreadPoolExecutor(3) as pool:
        asking = [pool.submit(ask, number) for number in range(3)]
        try:
            retried(server, tries=20)
        finally:
            over.set()
        assert [len(one.result(GUARD)) for one in asking] == [20] * 3
