"""What clients try again, and how often."""

from __future__ import annotations

import pytest

from mockllm.engine.findings.case import Limits
from mockllm.engine.findings.retrying import PERMANENT
from tests.engine.findings.history import History, attempts, found, told

KEY = "Idempotency-Key"


def failing(status: int, header: str = "") -> History:
    """A server that always answers so."""
    headers = f", headers: {{{header}}}" if header else ""
    return History(f"faults: [{{fail: {{status: {status}{headers}}}}}]")


# permanent-error-retried


@pytest.mark.parametrize("status", PERMANENT)
def test_a_permanent_error_that_is_retried(status: int) -> None:
    """The evidence names the status, both calls and the gap."""
    finding = found(attempts(failing(status), 0, 0.51).verdict(), "permanent-error-retried")
    assert (finding.severity, finding.calls) == ("fail", (1, 2))
    assert finding.evidence == (
        f"#1 was answered {status}, and the same request came again 500 ms later (#2, attempt 2)"
    )


def test_a_permanent_error_that_is_not_retried() -> None:
    """Another request after it is no retry."""
    history = failing(400)
    history.call(0, user="a")
    history.call(1, user="b")
    assert told(history.verdict(), "permanent-error-retried") == "passed"


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_errors_that_pass(status: int) -> None:
    """What may be retried is no occasion."""
    verdict = attempts(failing(status), 0, 1).verdict()
    assert told(verdict, "permanent-error-retried") == (
        "no call was answered with one of 400, 401, 403, 404, 413, 422"
    )


@pytest.mark.parametrize(
    ("status", "keys", "expected"),
    [
        (401, ("old", "new"), "passed"),
        (403, ("old", "new"), "passed"),
        (401, ("old", "old"), "found"),
        (400, ("old", "new"), "found"),
    ],
)
def test_other_credentials(status: int, keys: tuple[str, str], expected: str) -> None:
    """A client that was not let in may come with a new key."""
    history = failing(status)
    for at, key in enumerate(keys):
        history.call(at, headers=(("Authorization", f"Bearer {key}"),))
    assert told(history.verdict(), "permanent-error-retried") == expected


@pytest.mark.parametrize("header", ["x-should-retry: 'true'", "retry-after: '1'"])
def test_a_retry_that_the_answer_asks_for(header: str) -> None:
    """What the server invites is right."""
    verdict = attempts(failing(404, header), 0, 2).verdict()
    assert "permanent-error-retried" in verdict.not_judged


# retry-storm


def test_too_many_attempts() -> None:
    """The evidence has the attempts, the time and the limit."""
    history = attempts(failing(503), 0, 1, 2, 3, 4, 5, 6)
    finding = found(history.verdict(), "retry-storm")
    assert finding.calls == (1, 2, 3, 4, 5, 6, 7)
    assert finding.evidence == "#1 had 7 attempts within 6.00 s, 6 are allowed"
    assert told(history.verdict(limits=Limits(attempts=7)), "retry-storm") == "passed"


def test_few_attempts() -> None:
    """Six are allowed; without a failure there is nothing to retry."""
    assert told(attempts(failing(503), 0, 1, 2, 3, 4, 5).verdict(), "retry-storm") == "passed"
    verdict = attempts(History(""), 0, 1).verdict()
    assert told(verdict, "retry-storm") == "no call failed, so there was nothing to retry"


def test_calls_that_the_client_tells_apart() -> None:
    """Calls that say they are the first attempt are calls of their own."""
    history = failing(503)
    for at in range(9):
        history.call(at, headers=(("x-stainless-retry-count", "0"),))
    assert told(history.verdict(), "retry-storm") == "passed"


# executed-twice

CUT = "script: {text: a b c d e}\nfaults: [{cut: , at: after content 3}]"


def keyed(text: str, *keys: str | None, stream: bool = True) -> History:
    """Attempts of one call with these idempotency keys."""
    history = History(text)
    for at, key in enumerate(keys):
        history.call(at, headers=() if key is None else ((KEY, key),), stream=stream)
    return history


@pytest.mark.parametrize(
    ("keys", "lack"),
    [
        ((None, None), "no Idempotency-Key in both"),
        (("k1", None), "no Idempotency-Key in both"),
        (("k1", "k2"), "another Idempotency-Key"),
    ],
)
def test_an_answer_that_had_begun(keys: tuple[str | None, ...], lack: str) -> None:
    """A stream with content is asked for again, and nothing says that it is the same call."""
    finding = found(keyed(CUT, *keys).verdict(), "executed-twice")
    assert (finding.severity, finding.calls) == ("warn", (1, 2))
    assert finding.evidence == (
        f"#1 had been answered 200 with 3 tokens, and the same request came again (#2) with {lack}"
    )


def test_one_key_for_all_attempts() -> None:
    """The same key in both says that they are one."""
    assert told(keyed(CUT, "k1", "k1").verdict(), "executed-twice") == "passed"


@pytest.mark.parametrize(
    ("text", "stream", "expected"),
    [
        ("faults: [{fail: 503}]", True, "no attempt followed an answer that had begun"),
        ("faults: [{reset: , at: request}]", True, "no attempt followed an answer that had begun"),
        ("faults: [{reset: , at: head}]", True, "no attempt followed an answer that had begun"),
        ("faults: [{reset: , at: head}]", False, "found"),
    ],
)
def test_what_shows_that_a_request_was_executed(text: str, stream: bool, expected: str) -> None:
    """An error, or a stream without content, does not; the head of a whole document does."""
    history = keyed(text, None, None, stream=stream)
    assert told(history.verdict(), "executed-twice") == expected
