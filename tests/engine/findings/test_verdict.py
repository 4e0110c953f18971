"""All checks together, and how a verdict is told."""

from __future__ import annotations

import inspect

import pytest

from mockllm.engine.findings import report
from mockllm.engine.findings.case import Limits
from mockllm.engine.findings.finding import span, spans
from mockllm.engine.findings.verdict import checks, judge
from tests.engine.findings.history import History, attempts

NAMES = (
    "cancel-not-propagated",
    "connection-leaked",
    "credentials-forwarded",
    "executed-twice",
    "hammering",
    "late-cancel",
    "no-backoff",
    "no-jitter",
    "no-read-timeout",
    "partial-answer-accepted",
    "permanent-error-retried",
    "retry-after-ignored",
    "retry-storm",
    "tokens-counted",
)


def test_the_checks() -> None:
    """Each class of the folder is a check, and says what it is about, why it harms, what to do."""
    assert tuple(check.name for check in checks()) == NAMES
    for check in checks():
        assert all([inspect.getdoc(check), check.why, check.remedy])
        assert check.severity in ("fail", "warn")


def test_of_no_calls_nothing_is_judged() -> None:
    """An empty journal passes nothing."""
    verdict = judge(())
    assert (verdict.findings, verdict.passed) == ((), ())
    assert tuple(verdict.not_judged) == NAMES


def test_a_healthy_call_passes_nothing() -> None:
    """A client that met no trouble has not shown how it behaves in any."""
    verdict = attempts(History(""), 0, 1, stream=True).verdict()
    assert (verdict.findings, verdict.passed) == ((), ())


def test_a_call_that_is_not_over() -> None:
    """A call that is still playing breaks no check."""
    history = History("faults: [{hang: forever}]")
    history.begin(0, stream=True)
    assert history.verdict(limits=Limits(read_timeout=5)).findings == ()


def hammered() -> History:
    """A client with three sins: it comes at once, too often, and again after 400."""
    history = attempts(History("faults: [{fail: 400}]"), *(n * 0.012 for n in range(9)))
    return attempts(history, 100, 101.01, 102.02, 103.03, user="b")


def test_failures_come_first() -> None:
    """Warnings stand behind them, and both can be asked for."""
    verdict = hammered().verdict()
    assert [(one.severity, one.name) for one in verdict.findings] == [
        ("fail", "hammering"),
        ("fail", "permanent-error-retried"),
        ("fail", "retry-storm"),
        ("warn", "no-backoff"),
        ("warn", "no-jitter"),
    ]
    assert verdict.failures + verdict.warnings == verdict.findings
    assert len(verdict.warnings) == 2


def test_checks_that_are_ignored() -> None:
    """They are named as such, and neither found nor passed."""
    entries = hammered().entries
    verdict = judge(entries, ignore=["hammering", "retry-storm"])
    assert not {"hammering", "retry-storm"} & {one.name for one in verdict.findings}
    assert verdict.not_judged["hammering"] == "ignored"
    assert judge(entries, ignore="hammering").not_judged["hammering"] == "ignored"


@pytest.mark.parametrize(
    ("name", "hint"),
    [("hamering", "did you mean 'hammering'?"), ("x", f"known findings: {', '.join(NAMES)}")],
)
def test_an_unknown_name_is_refused(name: str, hint: str) -> None:
    """A misspelt name would ignore nothing."""
    with pytest.raises(ValueError) as caught:
        judge((), ignore=[name])
    assert str(caught.value) == f"ignore: expected the name of a finding, got '{name}'; {hint}"


def test_limits_are_above_0() -> None:
    """A limit that nothing can keep is refused."""
    with pytest.raises(ValueError, match="cancel: expected a number above 0, got 0"):
        Limits(cancel=0)


def test_as_text() -> None:
    """Each finding with its evidence, why it harms and what to do; then the rest."""
    history = attempts(History("faults: [{fail: 404}]"), 0, 0.51)
    text = report.as_text(history.verdict())
    assert text.startswith(
        "fail  permanent-error-retried: #1 was answered 404, and the same request came again "
        "500 ms later (#2, attempt 2)\n"
        "      why: the answer will be the same; the user waits longer for it, and the server "
        "works in vain\n"
        "      do: give up at once on these statuses; retry 408, 409, 429 and 5xx\n"
        "passed: retry-storm\n"
        "not judged:\n"
        "  cancel-not-propagated: it is not known when a caller left (caller.left)\n"
    )
    assert report.as_text(judge(())).startswith("nothing was found\nnot judged:\n")
    assert "      like: openai/openai-python#3828\n" in report.as_text(hammered().verdict())


def test_as_json() -> None:
    """The same as data."""
    shown = report.as_json(attempts(History("faults: [{fail: 404}]"), 0, 0.51).verdict())
    assert shown["passed"] == ["retry-storm"]
    assert shown["not_judged"]["no-read-timeout"] == "no limit is given (read_timeout)"
    (finding,) = shown["findings"]
    assert (finding["name"], finding["severity"], finding["calls"]) == (
        "permanent-error-retried", "fail", [1, 2],
    )  # fmt: skip
    assert set(finding) == {"name", "severity", "calls", "evidence", "why", "remedy", "resembles"}


def test_times_in_evidence() -> None:
    """Milliseconds below a second; long lists are cut."""
    assert (span(0.0124), span(0.9), span(1.5)) == ("12 ms", "900 ms", "1.50 s")
    assert spans([0.001] * 10) == ", ".join(["1 ms"] * 8) + " and 2 more"
