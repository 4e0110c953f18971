"""Gateways and their callers, redirects, and what is counted."""

from __future__ import annotations

import pytest

from mockllm.engine.findings.case import Caller, Limits
from mockllm.engine.journal import Ending
from tests.engine.findings.history import History, attempts, found, told

# cancel-not-propagated, late-cancel

SLOW = "faults: [{hang: 30s}]"


def gateway(ended: float, ending: Ending | None) -> History:
    """A gateway's call of so many seconds."""
    history = History(SLOW)
    history.call(0, lasts=ended, ending=ending, stream=True)
    return history


def test_a_gateway_that_reads_on() -> None:
    """The evidence has how long it went on, and how much came."""
    finding = found(gateway(30, None).verdict(caller=Caller({1: 2.0})), "cancel-not-propagated")
    assert (finding.severity, finding.calls) == ("fail", (1,))
    assert finding.evidence == (
        "the caller of #1 left, and the gateway kept the call for 28.00 s more, to its end "
        "(60 tokens sent in all)"
    )


def test_a_gateway_that_leaves_late() -> None:
    """It does leave, but not at once."""
    verdict = gateway(5, "peer gone").verdict(caller=Caller({1: 2.0}))
    assert told(verdict, "cancel-not-propagated") == "passed"
    finding = found(verdict, "late-cancel")
    assert (finding.severity, finding.evidence) == (
        "warn", "the gateway left #1 3.00 s after its caller had; the limit is 1.00 s",
    )  # fmt: skip
    relaxed = gateway(5, "peer gone").verdict(caller=Caller({1: 2.0}), limits=Limits(cancel=4))
    assert told(relaxed, "late-cancel") == "passed"


def test_a_gateway_that_leaves_at_once() -> None:
    """Both are right."""
    verdict = gateway(2.3, "peer gone").verdict(caller=Caller({1: 2.0}))
    assert {"cancel-not-propagated", "late-cancel"} <= set(verdict.passed)


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ({}, "it is not known when a caller left (caller.left)"),
        ({1: 40.0}, "no call was still running when its caller left"),
        ({1: 29.5}, "no call was still running when its caller left"),
        ({7: 2.0}, "no call was still running when its caller left"),
    ],
)
def test_departures_that_show_nothing(left: dict[int, float], reason: str) -> None:
    """Without the caller's word, after the end, or just before it, there is nothing to judge."""
    verdict = gateway(30, None).verdict(caller=Caller(left))
    assert told(verdict, "cancel-not-propagated") == reason
    assert "late-cancel" in verdict.not_judged


# credentials-forwarded

SECRET = ("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz")
AWAY = """
faults:
  - reply: {status: 307, headers: {location: "http://127.0.0.1:4001/v1/chat/completions"}}
    first: 1
"""


def redirected(
    *headers: tuple[str, str],
    host: str = "127.0.0.1:4001",
    first: tuple[tuple[str, str], ...] = (SECRET,),
    text: str = AWAY,
    at: float = 0.1,
) -> History:
    """A redirect, and a request that comes after it."""
    history = History(text)
    history.call(0, headers=(("Host", "127.0.0.1:4000"), *first))
    history.call(at, headers=(("Host", host), *headers))
    return history


def test_a_key_goes_where_a_redirect_leads() -> None:
    """The evidence names both origins and the headers, and never the key."""
    cookie = ("Cookie", "a=b")
    verdict = redirected(SECRET, cookie, first=(SECRET, cookie)).verdict()
    finding = found(verdict, "credentials-forwarded")
    assert (finding.severity, finding.calls) == ("fail", (1, 2))
    assert finding.evidence == (
        "#1 was redirected (307) from 127.0.0.1:4000 to 127.0.0.1:4001, and #2 carried its "
        "authorization and cookie there"
    )


def test_a_key_that_stays() -> None:
    """Without credentials, or with others, the redirect was followed as it should be."""
    assert told(redirected().verdict(), "credentials-forwarded") == "passed"
    other = ("Authorization", "Bearer another")
    assert told(redirected(other).verdict(), "credentials-forwarded") == "passed"


SAME = AWAY.replace("4001", "4000")
RELATIVE = AWAY.replace("http://127.0.0.1:4001", "")
BROKEN = AWAY.replace("127.0.0.1:4001", "[")


@pytest.mark.parametrize(
    "history",
    [
        redirected(SECRET, host="127.0.0.1:4000"),
        redirected(SECRET, at=60.0),
        redirected(SECRET, first=()),
        redirected(SECRET, text=SAME, host="127.0.0.1:4000"),
        redirected(SECRET, text=RELATIVE, host="127.0.0.1:4000"),
        redirected(SECRET, text=BROKEN),
        redirected(SECRET, text=""),
    ],
)
def test_requests_that_no_redirect_led_elsewhere(history: History) -> None:
    """The same origin, another time, no credentials, no redirect: nothing to judge."""
    assert told(history.verdict(), "credentials-forwarded") == (
        "no request with credentials followed a redirect to another origin"
    )


# tokens-counted

CUT = "script: {text: a b c d e}\nfaults: [{cut: , at: after content 3, first: 1}]"


@pytest.mark.parametrize(("counted", "expected"), [(8, "found"), (6, "found"), (5, "passed")])
def test_tokens_of_a_failed_attempt(counted: int, expected: str) -> None:
    """Three tokens that nobody got must not be counted with the five of the answer."""
    verdict = attempts(History(CUT), 0, 1, stream=True).verdict(caller=Caller(tokens=counted))
    assert told(verdict, "tokens-counted") == expected
    if expected == "found":
        finding = found(verdict, "tokens-counted")
        assert (finding.calls, finding.evidence) == (
            (1,),
            f"{counted} completion tokens were counted; the answers that came whole had 5, the "
            "attempts that failed had sent 3",
        )


@pytest.mark.parametrize(
    ("text", "counted", "reason"),
    [
        (CUT, None, "it is not known what was counted (caller.tokens)"),
        ("", 99, "no attempt that failed had sent tokens"),
        (f"{CUT}".replace("d e}", "d e, usage: absent}"), 8, "a script says another usage than its text has"),
    ],
)  # fmt: skip
def test_counts_that_show_nothing(text: str, counted: int | None, reason: str) -> None:
    """Without a count, a failure or an ordinary usage there is nothing to judge."""
    verdict = attempts(History(text), 0, 1, stream=True).verdict(caller=Caller(tokens=counted))
    assert told(verdict, "tokens-counted") == reason


def test_counts_of_calls_that_go_on() -> None:
    """What is not over may still send."""
    history = attempts(History(CUT), 0, stream=True)
    history.begin(1, stream=True)
    verdict = history.verdict(caller=Caller(tokens=8))
    assert told(verdict, "tokens-counted") == "a call is not over yet"
