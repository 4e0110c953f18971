"""The logical calls of one cell: when each is made, which requests are its own, and what all of them
come to: each is judged, and a statement holds if it holds for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event as Bell

from mockllm.drill.limits import Limits
from mockllm.drill.subject import Told
from mockllm.drill.worker import now
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Judgement, Seen
from mockllm.profile.expect import ExpectCaller
from mockllm.profile.incidents import Incident

OF_ALL = ("server.returns",)
"""Statements about all calls together."""
WORST = ("broken", "held", "not judged")
"""What decides, from first to last."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One logical call."""

    seen: Seen
    calls: Sequence[Entry]
    """Its requests."""


def pause_of(incident: Incident) -> float:
    """Seconds that a good client waits before each retry."""
    expect = incident.loaded.profile.expect
    gap = expect.server.gap if expect and expect.server else None
    return (gap.min if gap else None) or 0.0


def caller_of(incident: Incident) -> ExpectCaller:
    """What the caller does."""
    expect = incident.loaded.profile.expect
    return (expect.caller if expect else None) or ExpectCaller()


def times(incident: Incident, limits: Limits) -> Iterator[int]:
    """The numbers of the calls, each when it is time for it."""
    caller, scalable = caller_of(incident), incident.loaded.profile.scalable
    every = caller.every / limits.faster(scalable=scalable)
    begun = now()
    for number in range(caller.calls):
        Bell().wait(max(0.0, begun + number * every - now()))
        yield number


def answered_of(told: Sequence[Told], calls: Sequence[Entry], zero: float) -> list[Answered]:
    """Each logical call with its requests: those that came from when it was asked until the next."""
    begins = [one.begun - zero for one in told[1:]]
    found = []
    for one, since, until in zip(told, [0.0, *begins], [*begins, float("inf")], strict=True):
        own = [entry for entry in calls if since <= entry.at < until]
        found.append(Answered(one.seen, own))
    return found


def merged(
    each: Sequence[Sequence[Judgement]], together: Sequence[Judgement]
) -> tuple[Judgement, ...]:
    """The judgements on all calls from those on `each`; `together` has the same statements, judged
    on all requests at once."""
    if len(each) == 1:
        return tuple(each[0])
    return tuple(
        whole if is_of_all(whole) else worst([one[number] for one in each])
        for number, whole in enumerate(together)
    )


def is_of_all(one: Judgement) -> bool:
    """Whether a statement is about all calls together."""
    statement = one.statement.partition(":")[0]
    return statement.endswith(OF_ALL)


def worst(same: Sequence[Judgement]) -> Judgement:
    """What stands for the judgements on one statement, with the number of the first such call."""
    number, found = min(enumerate(same, 1), key=lambda pair: WORST.index(pair[1].verdict))
    alike = sum(one.verdict == found.verdict for one in same)
    evidence = f"{alike} of {len(same)} calls, the first is call {number}: {found.evidence}"
    return replace(found, evidence=evidence)
