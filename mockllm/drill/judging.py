"""The verdict on a cell whose calls ended: what is expected there, in this drill's time, of this system."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mockllm.drill.cell import Cell, verdict_of
from mockllm.drill.limits import Limits
from mockllm.drill.sequence import Answered, merged
from mockllm.drill.subject import Subject
from mockllm.engine.findings.finding import Finding
from mockllm.engine.findings.verdict import judge as judge_conduct
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Judgement, Seen, judge
from mockllm.profile.expect import Expect, ExpectPart
from mockllm.profile.incidents import Incident


def judged(
    cell: Cell,
    incident: Incident,
    answered: Sequence[Answered],
    alive: bool | None,
    limits: Limits,
    subject: Subject,
) -> Cell:
    """The cell of calls that ended."""
    assert cell.seen is not None
    profile = incident.loaded.profile
    expect = profile.expect or Expect()
    if alive is False and expect.after is None:
        expect = expect.model_copy(update={"after": "alive"})
    fair = subject.fair(scaled(expect, limits, scalable=profile.scalable))
    calls = [entry for one in answered for entry in one.calls]

    def judge_all(expect: Expect, seen: Seen, calls: Sequence[Entry]) -> tuple[Judgement, ...]:
        return judge(expect, replace(seen, alive=alive), calls, fallback=subject.elsewhere(calls))

    judgements = merged(
        [judge_all(fair, one.seen, one.calls) for one in answered],
        judge_all(fair, cell.seen, calls),
    )
    findings = findings_of(answered)
    wanted = expect.server.attempts if expect.server else None
    too_few = wanted is not None and len(calls) < (wanted.min or 0)
    seen = replace(cell.seen, alive=alive)
    verdict, reason = verdict_of(seen, judgements, findings, too_few=too_few)
    return replace(
        cell, verdict=verdict, reason=reason, seen=seen, judgements=judgements, findings=findings
    )


def scaled(expect: Expect, limits: Limits, *, scalable: bool) -> Expect:
    """The expectation with its limits on time in this drill's time."""

    def part(one: ExpectPart) -> ExpectPart:
        client, server = one.client, one.server
        if client is not None and client.within is not None:
            within = limits.within(client.within, scalable=scalable)
            client = client.model_copy(update={"within": within})
        if server is not None and server.closed_within is not None:
            closed = limits.closing(server.closed_within)
            server = server.model_copy(update={"closed_within": closed})
        if server is not None and server.returns is not None:
            faster = limits.faster(scalable=scalable)
            # What is left of a client's own pauses does not run faster.
            within = limits.within(server.returns.within, scalable=scalable)
            after = server.returns.after / faster
            returns = server.returns.model_copy(update={"after": after, "within": within})
            server = server.model_copy(update={"returns": returns})
        more = {
            name: part(inner)
            for name in ("advice", "fallback")
            if isinstance(inner := getattr(one, name, None), ExpectPart)
        }
        return one.model_copy(update={"client": client, "server": server, **more})

    found = part(expect)
    assert isinstance(found, Expect)
    return found


def findings_of(answered: Sequence[Answered]) -> tuple[Finding, ...]:
    """What is found of a client's conduct: of several logical calls the first of each kind, because
    none is a retry of another, though their requests are alike."""
    each = [judge_conduct(one.calls).findings for one in answered]
    if len(each) == 1:
        return each[0]
    first: dict[str, Finding] = {}
    for findings in each:
        for one in findings:
            first.setdefault(one.name, one)
    return tuple(first.values())
