"""Faults applied to a script: a pure function from timeline to timeline, with a report.

Faults act in list order, which is time order on one anchor. The first reply or close ends the
exchange. A fault at a planned time (`t 30s`) acts after all others, because only then is it known
what happens when. Every fault is reported on: that it acts, or why it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from mockllm.faults.fault import Adding, Editing, Encoding, Exchange, Fault
from mockllm.faults.named import NamedFault
from mockllm.faults.often import Occasion
from mockllm.timeline.events import Frame, Message
from mockllm.timeline.slots import (
    Step,
    Timeline,
    insert,
    insert_at,
    open_slots,
    rewrite,
    steps,
    until_end,
)

AnyFault = Fault | NamedFault


@dataclass(frozen=True, slots=True)
class Report:
    """What becomes of one fault of a route on one call."""

    name: str
    text: str
    """The fault as a profile would spell it."""
    at: str
    expansion: tuple[str, ...]
    """The verbs that a named fault stands for; empty for a verb."""
    skipped: str | None
    """Why it does not act; None if it does."""


def spell(fault: AnyFault) -> str:
    """A fault in one line: `stall: 30s`."""
    value = fault.value()
    return f"{fault.name}: {value}" if value else fault.name


def apply(
    script: Sequence[Message],
    faults: Sequence[AnyFault],
    occasion: Callable[[int], Occasion],
    exchange: Exchange,
) -> tuple[tuple[Step, ...], tuple[Report, ...]]:
    """Apply a route's faults to a script.

    `occasion` tells for each fault, by its place in the list, the call's count, time and draw.
    Returns the steps up to the first end and one report for each fault.
    """
    timeline = open_slots(script)
    skipped: dict[int, str] = {}
    timed: list[tuple[int, Adding]] = []
    for index, fault in enumerate(faults):
        why = fault.skipped(occasion(index))
        if why is not None:
            skipped[index] = why
            continue
        for verb in fault.verbs:
            if isinstance(verb, Adding) and verb.anchor.point == "t":
                timed.append((index, verb))
                continue
            changed = act(timeline, script, index, verb, exchange)
            if changed is None:
                skipped[index] = verb.anchor.missing(script)
                break
            timeline = changed
    sequence = steps(timeline)
    for seconds, verbs in by_time(timed):
        new = tuple(step for index, verb in verbs for step in added(index, verb, exchange))
        later = insert_at(until_end(sequence), seconds, new)
        if later is None:
            skipped |= {index: verb.anchor.missing(script) for index, verb in verbs}
        else:
            sequence = later
    acting = {index for step in until_end(sequence) for index in step.faults}
    for index in range(len(faults)):
        if index not in acting:
            skipped.setdefault(index, "the exchange has ended before it")
    return sequence, tuple(report(fault, skipped.get(index)) for index, fault in enumerate(faults))


def by_time(timed: list[tuple[int, Adding]]) -> Iterator[tuple[float, list[tuple[int, Adding]]]]:
    """Verbs at planned times, the earliest first; those of one time stay in list order."""

    def when(item: tuple[int, Adding]) -> float:
        return item[1].anchor.seconds

    for seconds, verbs in groupby(sorted(timed, key=when), when):
        yield seconds, list(verbs)


def act(
    timeline: Timeline, script: Sequence[Message], index: int, verb: Fault, exchange: Exchange
) -> Timeline | None:
    """Let one verb act; None where its anchor is not in the script."""
    match verb:
        case Adding():
            places = verb.anchor.places(script)
            for slot, side in places:
                timeline = insert(timeline, slot, side, added(index, verb, exchange))
            return timeline if places else None
        case Editing():
            targets = verb.anchor.targets(script)
            change = editor(index, verb)
        case Encoding():
            targets = verb.anchor.targets(script)
            change = encoder(index, verb)
        case _:
            raise TypeError(f"a fault adds, edits or encodes, got {type(verb).__name__}")
    return rewrite(timeline, targets, change) if targets else None


def added(index: int, verb: Adding, exchange: Exchange) -> tuple[Step, ...]:
    """The steps that a verb adds, marked with its fault."""
    return tuple(Step(event, (index,)) for event in verb.events(exchange))


def editor(index: int, verb: Editing) -> Callable[[Step], tuple[Step, ...]]:
    """How a verb changes one step."""

    def change(step: Step) -> tuple[Step, ...]:
        if not isinstance(step.event, Frame):
            return (step,)
        marks = (*step.faults, index)
        made = verb.rewrite(step.event)
        return tuple(replace(step, event=event, faults=marks) for event in made) or (
            Step(None, marks),
        )

    return change


def encoder(index: int, verb: Encoding) -> Callable[[Step], tuple[Step, ...]]:
    """How a verb encodes one step."""

    def change(step: Step) -> tuple[Step, ...]:
        marks, encoders = (*step.faults, index), (*step.encoders, verb.encoder())
        return (replace(step, faults=marks, encoders=encoders),)

    return change


def report(fault: AnyFault, skipped: str | None) -> Report:
    """What became of a fault."""
    expansion = (
        tuple(f"{spell(verb)} at {verb.anchor.text}" for verb in fault.verbs)
        if isinstance(fault, NamedFault)
        else ()
    )
    return Report(fault.name, spell(fault), fault.anchor.text, expansion, skipped)
