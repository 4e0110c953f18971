"""All checks of a journal together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import mockllm.engine.findings
from mockllm.engine.calls import Calls
from mockllm.engine.findings.case import Caller, Case, Limits
from mockllm.engine.findings.finding import Check, Finding, NotJudged
from mockllm.engine.journal import Entry
from mockllm.faults.values import hint_for
from mockllm.timeline.registry import refuse_twins, subclasses

IGNORED = "ignored"
LIMITS, CALLER = Limits(), Caller()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of a client's conduct, what was seen and right, and what was not seen."""

    findings: tuple[Finding, ...]
    """Failures first."""
    not_judged: Mapping[str, str]
    """Checks by name, and why there was nothing to judge."""
    passed: tuple[str, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that are no mere warnings."""
        return tuple(finding for finding in self.findings if finding.severity == "fail")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are."""
        return tuple(finding for finding in self.findings if finding.severity == "warn")


@cache
def checks() -> tuple[Check, ...]:
    """One of each check, by name."""
    found = (kind() for kind in subclasses(mockllm.engine.findings, Check))  # type: ignore[type-abstract]
    unique = refuse_twins(found, lambda check: check.name)
    return tuple(sorted(unique, key=lambda check: check.name))


def judge(
    entries: Iterable[Entry],
    *,
    limits: Limits = LIMITS,
    caller: Caller = CALLER,
    ignore: Iterable[str] = (),
) -> Verdict:
    """Judge the calls of a journal, which are in the order in which they came.

    `limits` say where good conduct ends, `caller` what only the client's side knows. Checks that
    are named in `ignore` are not judged; raises `ValueError` for a name that no check has.
    """
    ignored = frozenset([ignore] if isinstance(ignore, str) else ignore)
    known = [check.name for check in checks()]
    unknown = sorted(ignored - set(known))
    if unknown:
        hint = hint_for(unknown, known) or f"known findings: {', '.join(known)}"
        raise ValueError(f"ignore: expected the name of a finding, got '{unknown[0]}'; {hint}")
    case = Case(Calls(entries), limits, caller)
    findings: list[Finding] = []
    passed: list[str] = []
    not_judged: dict[str, str] = {}
    for check in checks():
        if check.name in ignored:
            not_judged[check.name] = IGNORED
            continue
        try:
            found = list(check.judge(case))
        except NotJudged as reason:
            not_judged[check.name] = str(reason)
            continue
        findings += found
        if not found:
            passed.append(check.name)
    order = {"fail": 0, "warn": 1}
    ordered = sorted(findings, key=lambda finding: order[finding.severity])
    return Verdict(tuple(ordered), not_judged, tuple(passed))
