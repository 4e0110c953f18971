"""What happens while a request's body arrives: only its head is known, and nothing has been sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mockllm.engine.exchange import WireExchange
from mockllm.faults.apply import AnyFault, Report, report
from mockllm.faults.fault import Adding
from mockllm.faults.often import Occasion
from mockllm.timeline.events import Close, End, Head
from mockllm.timeline.slots import Step, until_end

ELSEWHERE = "it acts later than the body"


@dataclass(frozen=True, slots=True)
class Stage:
    """What happens when so much of the body has come."""

    size: int
    """Bytes of the body."""
    steps: tuple[Step, ...]
    reports: tuple[Report, ...]

    @property
    def ends(self) -> bool:
        """Whether the exchange ends here, the rest of the body unread."""
        return any(isinstance(step.event, End | Close) for step in self.steps)

    @property
    def closes(self) -> bool:
        """Whether it ends with a FIN."""
        last = self.steps[-1].event if self.steps else None
        return isinstance(last, Close) and last.how == "fin"

    @property
    def faults(self) -> frozenset[int]:
        """The faults that act."""
        return frozenset(index for step in self.steps for index in step.faults)


def acts_on_upload(fault: AnyFault) -> bool:
    """Whether a fault acts while the body arrives."""
    return fault.anchor.point == "upload"


def stages(
    faults: tuple[AnyFault, ...],
    occasion: Callable[[int], Occasion],
    exchange: WireExchange,
) -> tuple[Stage, ...]:
    """The stages of a body's arrival at which a fault acts, the smallest size first."""
    skipped = {index: fault.skipped(occasion(index)) for index, fault in enumerate(faults)}
    sizes = sorted(
        {
            fault.anchor.size
            for index, fault in enumerate(faults)
            if acts_on_upload(fault) and skipped[index] is None
        }
    )
    return tuple(stage(size, faults, skipped, exchange) for size in sizes)


def stage(
    size: int,
    faults: tuple[AnyFault, ...],
    skipped: dict[int, str | None],
    exchange: WireExchange,
) -> Stage:
    """One stage: its faults in list order, up to the first end."""
    steps: list[Step] = []
    for index, fault in enumerate(faults):
        if not acts_on_upload(fault) or fault.anchor.size != size or skipped[index] is not None:
            continue
        for verb in fault.verbs:
            assert isinstance(verb, Adding), "only wait, reply and close act while a body arrives"
            # A reply to half a body says that the connection ends with it.
            steps += [
                Step(event.closing() if isinstance(event, Head) else event, (index,))
                for event in verb.events(exchange)
            ]
    played = until_end(tuple(steps))
    acting = {index for step in played for index in step.faults}
    reports = tuple(
        report(fault, None if index in acting else skipped[index] or ELSEWHERE)
        for index, fault in enumerate(faults)
    )
    return Stage(size, played, reports)
