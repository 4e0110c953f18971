"""A plan for people and for programs: the timeline, what each fault does, and why others do not."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from mockllm.engine.plan import Plan
from mockllm.timeline.describe import Line, describe

TEXTS = ("content", "reasoning", "refusal")
FOLD = 4
"""Runs of plain content frames longer than this are folded in the text."""


def as_text(plan: Plan) -> str:
    """The plan in lines."""
    call = plan.call
    stream = " stream" if call.stream else ""
    lines = [
        f"profile {plan.profile}, {plan.found.name}, call {plan.visit.ordinal}: "
        f"{call.method} {call.path}{stream}"
    ]
    if plan.refused is not None:
        lines.append(f"the request is refused: {plan.refused}")
    lines += [f"not {miss.route}: {'; '.join(miss.reasons)}" for miss in plan.nearest]
    lines += [
        f"{line.time:>9.3f}  {line.what:<11} {line.text}{cause(line, plan)}".rstrip()
        for line in folded(list(describe(plan.steps, plan.speed)))
    ]
    for number, report in enumerate(plan.reports, 1):
        acts = "acts" if report.skipped is None else f"does not act: {report.skipped}"
        lines.append(f"fault {number}: {report.text} at {report.at}: {acts}")
        lines += [f"         = {verb}" for verb in report.expansion]
    return "\n".join(lines) + "\n"


def unscaled(profile: str) -> str:
    """What to say of a speed that has no effect."""
    return f"profile {profile} is not scalable: it plays at its own speed"


def cause(line: Line, plan: Plan) -> str:
    """Which faults made a line."""
    if not line.faults:
        return ""
    names = ", ".join(f"{index + 1} {plan.reports[index].name}" for index in line.faults)
    return f"   <- fault {names}"


def folded(lines: list[Line]) -> list[Line]:
    """The lines with long runs of untouched text of one kind in one."""
    out: list[Line] = []
    for kind, group in groupby(lines, foldable):
        run = list(group)
        if kind is None or len(run) <= FOLD:
            out += run
            continue
        first, last = run[1], run[-2]
        span = f"… {len(run) - 2} frames until {last.time:.3f}"
        middle = Line(first.time, f"{kind} {number(first)}..{number(last)}", span)
        out += [run[0], middle, run[-1]]
    return out


def foldable(line: Line) -> str | None:
    """The kind of text of an untouched line; None for every other line."""
    kind = line.what.partition(" ")[0]
    return kind if kind in TEXTS and not line.faults else None


def number(line: Line) -> str:
    """The number of a content line."""
    return line.what.rpartition(" ")[2]


def as_json(plan: Plan) -> dict[str, Any]:
    """The plan as data."""
    return {
        "profile": plan.profile,
        "route": plan.found.name,
        "call": plan.visit.ordinal,
        "request": {
            "method": plan.call.method,
            "path": plan.call.path,
            "wire": plan.call.wire,
            "model": plan.call.model,
            "stream": plan.call.stream,
        },
        "refused": plan.refused,
        "misses": {miss.route: list(miss.reasons) for miss in plan.nearest},
        "timeline": [
            {
                "time": round(line.time, 6),
                "what": line.what,
                "text": line.text,
                "faults": [index + 1 for index in line.faults],
            }
            for line in describe(plan.steps, plan.speed)
        ],
        "faults": [
            {
                "fault": report.text,
                "at": report.at,
                "expansion": list(report.expansion),
                "acts": report.skipped is None,
                "reason": report.skipped,
            }
            for report in plan.reports
        ],
    }
