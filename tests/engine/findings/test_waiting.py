"""How long clients wait before they try again."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from mockllm.engine.findings.case import UNCLEAR, Limits
from mockllm.engine.findings.told import Told, retry_after
from tests.engine.build import HERE
from tests.engine.findings.history import DOWN, History, attempts, found, told


def limited(**headers: str) -> str:
    """A server that answers 429 with these headers."""
    pairs = ", ".join(f"{name.replace('_', '-')}: '{value}'" for name, value in headers.items())
    return f"faults: [{{fail: {{status: 429, headers: {{{pairs}}}}}}}]"


TWO_SECONDS = limited(retry_after="2")

# retry-after-ignored


def test_an_attempt_before_its_time() -> None:
    """The evidence names both calls, the header and the time between them."""
    verdict = attempts(History(TWO_SECONDS), 0, 0.51).verdict()
    finding = found(verdict, "retry-after-ignored")
    assert (finding.severity, finding.calls) == ("fail", (1, 2))
    assert finding.evidence == (
        "attempt 2 (#2) came 510 ms after #1 was answered 429 with retry-after: 2"
    )


def test_the_worst_of_several() -> None:
    """One finding for all attempts that came too early, with the evidence of the worst."""
    verdict = attempts(History(TWO_SECONDS), 0, 1.5, 1.9, 4.5).verdict()
    finding = found(verdict, "retry-after-ignored")
    assert finding.calls == (1, 2, 3)
    assert finding.evidence == (
        "attempt 3 (#3) came 400 ms after #2 was answered 429 with retry-after: 2 "
        "(the worst of 2 among 3 such attempts)"
    )


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        (TWO_SECONDS, 2.0, "passed"),
        (TWO_SECONDS, 1.96, "passed"),
        (TWO_SECONDS, 1.9, "found"),
        (limited(retry_after="0.493"), 0.5, "passed"),
        (limited(retry_after="0.493"), 0.3, "found"),
        (limited(retry_after_ms="800"), 0.8, "passed"),
        (limited(retry_after_ms="800"), 0.5, "found"),
        (limited(retry_after_ms="800", retry_after="5"), 0.9, "passed"),
        (limited(retry_after="{{now+5s}}"), 3.99, "passed"),
        (limited(retry_after="{{now+5s}}"), 3.5, "found"),
    ],
)
def test_every_form_of_the_header(text: str, at: float, expected: str) -> None:
    """Seconds, fractions, milliseconds and dates; of two the smaller, of a date its last second."""
    assert told(attempts(History(text), 0, at).verdict(), "retry-after-ignored") == expected


@pytest.mark.parametrize(
    "value", ["-5", "soon", "", "nan", "1e3", "Fri, 31 Dec 9999999 23:59:59 GMT"]
)
def test_a_header_that_means_nothing(value: str) -> None:
    """A value that no client can obey is nobody's sin."""
    verdict = attempts(History(limited(retry_after=value)), 0, 0.1).verdict()
    assert told(verdict, "retry-after-ignored") == "no attempt followed an answer with Retry-After"


def test_the_time_counts_from_the_head() -> None:
    """A head that came late is waited from when it came."""
    for at, expected in ((5.5, "found"), (7.0, "passed")):
        history = History(TWO_SECONDS)
        history.end(history.begin(0), 5.0, heard=5.0)
        assert told(attempts(history, at).verdict(), "retry-after-ignored") == expected


def test_header_values_do_not_follow_the_speed() -> None:
    """A server that is ten times as fast still means real seconds."""
    verdict = attempts(History(TWO_SECONDS, speed=10), 0, 0.3).verdict()
    assert told(verdict, "retry-after-ignored") == "found"


def test_to_give_up_is_no_occasion() -> None:
    """A client that does not try again shows nothing of its waiting."""
    verdict = attempts(History(TWO_SECONDS), 0).verdict()
    assert told(verdict, "retry-after-ignored") == "no attempt followed an answer with Retry-After"


def test_what_an_answer_tells() -> None:
    """Only errors that were sent ask for something; the date counts from the answer's own."""
    (entry,) = attempts(History(limited(retry_after="{{now+5s}}")), 0).entries
    date = formatdate(HERE.now + 5, usegmt=True)
    assert retry_after(entry) == Told(5.0, f"retry-after: {date}", 1.0)
    (healthy,) = attempts(History(""), 0).entries
    assert retry_after(healthy) is None
    history = History(TWO_SECONDS)
    assert retry_after(history.begin(0).record.entry) is None


# hammering


def test_retries_without_a_gap() -> None:
    """Two in a row are a finding; the evidence has every gap."""
    verdict = attempts(History(), 0, 0.012, 0.025, 5).verdict()
    finding = found(verdict, "hammering")
    assert finding.calls == (1, 2, 3)
    assert finding.evidence == (
        "2 retries in a row of #1 came 2 ms, 3 ms after the end of the attempt before "
        "(a gap below 50 ms is none)"
    )


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ((0, 0.012, 0.6), "passed"),
        ((0, 0.6, 1.8), "passed"),
        ((0, 0.012, 0.6, 0.612), "passed"),
        ((0, 0.012), "no call had two retries in a row whose gaps the client chose"),
    ],
)
def test_a_single_retry_at_once(starts: tuple[float, ...], expected: str) -> None:
    """One retry at once is harmless, and shows too little where it is the only one."""
    assert told(attempts(History(), *starts).verdict(), "hammering") == expected


def test_retries_that_the_server_asked_for() -> None:
    """With Retry-After: 0 a client may come at once."""
    verdict = attempts(History(limited(retry_after="0")), 0, 0.012, 0.024).verdict()
    assert "hammering" in verdict.not_judged


def test_a_client_that_has_waited_for_its_timeout() -> None:
    """A retry right after the client's own timeout is no hammering."""
    history = History("faults: [{hang: forever}]")
    for at in (0, 10.01, 20.02):
        history.call(at, lasts=10, ending="peer gone")
    assert "hammering" in history.verdict().not_judged


def test_identical_requests_at_once() -> None:
    """Whose retry is whose cannot be told, unless an idempotency key does."""
    plain, keyed = History(), History()
    for history, keys in ((plain, None), (keyed, ("k1", "k2"))):
        for at in (0, 0.012, 0.024):
            headers = [((("Idempotency-Key", key),) if keys else ()) for key in keys or ("", "")]
            both = [history.begin(at, headers=one) for one in headers]
            for begun in both:
                history.end(begun, at + 0.01)
    assert told(plain.verdict(), "hammering") == UNCLEAR
    assert found(keyed.verdict(), "hammering").calls == (1, 2, 3, 4, 5, 6)


# no-backoff


def test_gaps_that_do_not_grow() -> None:
    """Four attempts at equal distances are enough."""
    verdict = attempts(History(), 0, 1.01, 2.02, 3.04).verdict()
    finding = found(verdict, "no-backoff")
    assert (finding.severity, finding.calls) == ("warn", (1, 2, 3, 4))
    assert finding.evidence == (
        "the gaps between the attempts of #1 were 1.00 s, 1.00 s, 1.01 s: they did not grow"
    )


def test_gaps_of_several_calls() -> None:
    """Two calls of three attempts are enough too."""
    history = attempts(History(), 0, 1.01, 2.02, user="a")
    attempts(history, 5, 6.01, 7.02, user="b")
    assert found(history.verdict(), "no-backoff").evidence == (
        "the gaps between the attempts of #1 were 1.00 s, 1.00 s: they did not grow "
        "(nor did those of 1 others)"
    )


TOO_FEW = "pair of gaps that the client chose was seen, and 2 are needed: one call of four attempts, or two of three"  # fmt: skip


@pytest.mark.parametrize(
    ("starts", "expected"),
    [
        ((0, 0.51, 1.52, 3.53), "passed"),
        ((0, 1.01, 2.02, 4.03), "passed"),
        ((0, 1.01, 1.52, 3.03), "passed"),
        ((0, 1.01, 2.02), f"1 {TOO_FEW}"),
        ((0, 1.01), f"no {TOO_FEW}"),
        ((0, 0.012, 0.024, 0.036), f"no {TOO_FEW}"),
    ],
)
def test_gaps_that_differ_or_are_too_few(starts: tuple[float, ...], expected: str) -> None:
    """Any two gaps that differ are a backoff, or chance; gaps near 0 are another finding's."""
    assert told(attempts(History(), *starts).verdict(), "no-backoff") == expected


def test_gaps_that_the_server_chose() -> None:
    """Equal gaps that Retry-After asked for are right."""
    verdict = attempts(History(limited(retry_after="1")), 0, 1.01, 2.02, 3.03).verdict()
    assert told(verdict, "no-backoff") == f"no {TOO_FEW}"


# no-jitter


def fleet(*gaps: float) -> History:
    """Calls one after another, each of which is tried again once, after this gap."""
    history = History()
    for number, gap in enumerate(gaps):
        attempts(history, number * 10, number * 10 + 0.01 + gap, user=str(number))
    return history


def test_equal_gaps_of_several_calls() -> None:
    """Three calls with one gap to a hundredth have no jitter."""
    finding = found(fleet(1.0, 1.001, 1.002).verdict(), "no-jitter")
    assert (finding.severity, finding.calls) == ("warn", (1, 2, 3, 4, 5, 6))
    assert finding.evidence == "3 gaps were 1.000 s, 1.001 s, 1.002 s: equal within 0.2%"


def test_equal_gaps_of_one_call() -> None:
    """Three equal gaps of one call show it too."""
    verdict = attempts(History(), 0, 1.01, 2.02, 3.03).verdict()
    assert found(verdict, "no-jitter").calls == (1, 2, 3, 4)


FEW = "3 calls with a gap of at least 200 ms before the same attempt are needed"


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ((1.0, 1.2, 0.9), "passed"),
        ((1.0, 1.03, 1.01), "the gaps differ by 2.9%, which may be jitter or noise"),
        ((1.0, 1.0), FEW),
        ((0.1, 0.1, 0.1), FEW),
    ],
)
def test_gaps_with_jitter_or_in_doubt(gaps: tuple[float, ...], expected: str) -> None:
    """A spread of a twentieth is jitter; what lies between, is short or rare is not judged."""
    assert told(fleet(*gaps).verdict(), "no-jitter") == expected


def test_the_limit_of_nearness() -> None:
    """What counts as no gap can be said."""
    history = attempts(History(), 0, 0.13, 0.26)
    assert told(history.verdict(), "hammering") == "passed"
    assert told(history.verdict(limits=Limits(near=0.2)), "hammering") == "found"


def test_a_server_that_is_down_for_all() -> None:
    """Good conduct: growing gaps with jitter, few attempts."""
    history = History(DOWN)
    for number, (first, second) in enumerate([(0.4, 0.9), (0.5, 1.1), (0.45, 0.8)]):
        start = number * 10
        attempts(history, start, start + first, start + first + second, user=str(number))
    verdict = history.verdict()
    assert verdict.findings == ()
    assert set(verdict.passed) == {"hammering", "no-backoff", "no-jitter", "retry-storm"}
