"""A verdict for people and for programs."""

from __future__ import annotations

from typing import Any

from mockllm.engine.findings.finding import Finding
from mockllm.engine.findings.verdict import Verdict


def as_text(verdict: Verdict) -> str:
    """The findings with their evidence, failures first; then what was right, and what not seen."""
    lines = [line for finding in verdict.findings for line in told(finding)]
    if not verdict.findings:
        lines.append("nothing was found")
    if verdict.passed:
        lines.append(f"passed: {', '.join(verdict.passed)}")
    if verdict.not_judged:
        lines.append("not judged:")
        lines += [f"  {name}: {reason}" for name, reason in verdict.not_judged.items()]
    return "\n".join(lines) + "\n"


def told(finding: Finding) -> list[str]:
    """One finding in lines."""
    like = [f"      like: {finding.resembles}"] if finding.resembles else []
    return [
        f"{finding.severity}  {finding.name}: {finding.evidence}",
        f"      why: {finding.why}",
        f"      do: {finding.remedy}",
        *like,
    ]


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as data."""
    return {
        "findings": [finding.as_json() for finding in verdict.findings],
        "not_judged": dict(verdict.not_judged),
        "passed": list(verdict.passed),
    }
