"""Several logical calls of one cell: each is judged, and a statement holds if it holds for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mockllm.engine.journal import Entry
from mockllm.engine.judge import Judgement, Seen

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
