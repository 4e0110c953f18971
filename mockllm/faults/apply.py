"""Faults applied to a script: a pure function from timeline to timeline, with a report.

Faults act in list order, which is time order on one anchor. The first reply or close ends the
exchange. A fault at a byte or a planned time acts after all others, because only then is it known
what stands where and happens when. Every fault is reported on: that it acts, or why it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from mockllm.faults.fault import Adding, Editing, Encoding, Exchange, Fault, flow_of
from mockllm.faults.named import NamedFault
from mockllm.faults.often import Occasion
from mockllm.timeline.encoding import encode, insert_at_byte, onward
from mockllm.timeline.events import Frame, Head, Message
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


@dataclass(frozen=True, slots=True)
class Applied:
    """A script after its faults."""

    sequence: tuple[Step, ...]
    reports: tuple[Report, ...]
    idle: tuple[Step, ...] = ()
    """What happens on the kept connection after the exchange."""
    next_byte: bool = False
    """Whether that waits for the first byte of the next request."""


AT_UPLOAD = "it acts while the body arrives"
LATE = ("t", "server", "byte")
"""Points whose place is known only when everything else is in its own."""


def apply(
    script: Sequence[Message],
    faults: Sequence[AnyFault],
    occasion: Callable[[int], Occasion],
    exchange: Exchange,
) -> Applied:
    """Apply a route's faults to a script.

    `occasion` tells for each fault, by its place in the list, the call's count, time and draw.
    """
    timeline = open_slots(script)
    skipped: dict[int, str] = {}
    late: list[tuple[int, Adding]] = []
    idle: list[tuple[int, Adding]] = []
    for index, fault in enumerate(faults):
        why = fault.skipped(occasion(index))
        if why is not None:
            skipped[index] = why
            continue
        for verb in fault.verbs:
            point = verb.anchor.point
            if isinstance(verb, Adding) and point in LATE:
                late.append((index, verb))
            elif isinstance(verb, Adding) and point == "idle":
                idle.append((index, verb))
            elif point == "upload":
                skipped[index] = AT_UPLOAD
            else:
                changed = act(timeline, script, index, verb, exchange)
                if changed is None:
                    skipped[index] = verb.anchor.missing(script)
                    break
                timeline = changed
    sequence = onward(encode(steps(timeline)))
    for (where, place), verbs in by_place(late, occasion):
        new = tuple(step for index, verb in verbs for step in added(index, verb, exchange))
        found = put_late(until_end(sequence) if where != "byte" else sequence, where, place, new)
        if found is None:
            skipped |= {index: verb.anchor.missing(script) for index, verb in verbs}
        else:
            sequence = found
    after = tuple(step for index, verb in idle for step in added(index, verb, exchange))
    acting = {index for step in (*until_end(sequence), *after) for index in step.faults}
    for index in range(len(faults)):
        if index not in acting:
            skipped.setdefault(index, "the exchange has ended before it")
    return Applied(
        sequence,
        tuple(report(fault, skipped.get(index)) for index, fault in enumerate(faults)),
        after,
        any(verb.anchor.next_byte for _, verb in idle),
    )


Late = tuple[str, float]


def by_place(
    late: list[tuple[int, Adding]], occasion: Callable[[int], Occasion]
) -> Iterator[tuple[Late, list[tuple[int, Adding]]]]:
    """Verbs at late points: bytes first, then times, the earliest first; those of one place stay
    in list order."""

    def place(item: tuple[int, Adding]) -> Late:
        anchor = item[1].anchor
        match anchor.point:
            case "byte":
                return "byte", anchor.size
            case "server":
                return "server", anchor.seconds - occasion(item[0]).elapsed
            case _:
                return "t", anchor.seconds

    def order(item: tuple[int, Adding]) -> Late:
        point, where = place(item)
        # From the back, so that what is put in does not move the places before it.
        return point, -where if point == "byte" else where

    for _, verbs in groupby(sorted(late, key=order), place):
        group = list(verbs)
        yield place(group[0]), group


def put_late(
    sequence: tuple[Step, ...], point: str, place: float, new: tuple[Step, ...]
) -> tuple[Step, ...] | None:
    """Put steps at a byte or a time; None where there is no such place."""
    if point == "byte":
        return insert_at_byte(sequence, int(place), new)
    if place < 0:
        return None
    return insert_at(sequence, place, new, from_request=point == "server")


def act(
    timeline: Timeline, script: Sequence[Message], index: int, verb: Fault, exchange: Exchange
) -> Timeline | None:
    """Let one verb act; None where its anchor is not in the script."""
    match verb:
        case Adding():
            places = verb.anchor.places(script)
            for slot, side in places:
                timeline = insert(timeline, slot, side, added(index, verb, exchange))
            return rewrite(timeline, heads(script), announcer(verb)) if places else None
        case Editing():
            targets = verb.anchor.targets(script)
            return edited(timeline, targets, index, verb, exchange) if targets else None
        case Encoding():
            targets = verb.anchor.targets(script)
            if not targets:
                return None
            timeline = rewrite(timeline, targets, encoder(index, verb))
            if verb.anchor.point == "body":
                timeline = rewrite(timeline, heads(script), whole(index, verb))
            return timeline
        case _:
            raise TypeError(f"a fault adds, edits or encodes, got {type(verb).__name__}")


def heads(script: Sequence[Message]) -> tuple[int, ...]:
    """The places of the response heads of a script."""
    return tuple(index for index, event in enumerate(script) if isinstance(event, Head))


def added(index: int, verb: Adding, exchange: Exchange) -> tuple[Step, ...]:
    """The steps that a verb adds, marked with its fault."""
    return tuple(Step(event, (index,)) for event in verb.events(exchange))


def announcer(verb: Adding) -> Callable[[Step], tuple[Step, ...]]:
    """What a verb that adds something lets the head say before."""

    def change(step: Step) -> tuple[Step, ...]:
        if not isinstance(step.event, Head):
            return (step,)
        return (replace(step, event=verb.head(step.event)),)

    return change


def edited(
    timeline: Timeline, targets: Sequence[int], index: int, verb: Editing, exchange: Exchange
) -> Timeline:
    """The timeline with other content in the chosen slots."""
    found = [step for slot in targets for step in timeline[slot].now]
    units = tuple(step.event for step in found if isinstance(step.event, Head | Frame))
    new = iter(verb.rewrite(units, exchange))

    def change(step: Step) -> tuple[Step, ...]:
        if not isinstance(step.event, Head | Frame):
            return (step,)
        marks = (*step.faults, index)
        made = next(new)
        return tuple(replace(step, event=event, faults=marks) for event in made) or (
            Step(None, marks),
        )

    return rewrite(timeline, targets, change)


def encoder(index: int, verb: Encoding) -> Callable[[Step], tuple[Step, ...]]:
    """How a verb encodes one step."""

    def change(step: Step) -> tuple[Step, ...]:
        marks, encoders = (*step.faults, index), (*step.encoders, verb.encoder())
        return (replace(step, faults=marks, encoders=encoders),)

    return change


def whole(index: int, verb: Encoding) -> Callable[[Step], tuple[Step, ...]]:
    """How a verb encodes the body as a whole, which stands with the head."""

    def change(step: Step) -> tuple[Step, ...]:
        marks, encoders = (*step.faults, index), (*step.whole, verb.encoder())
        return (replace(step, faults=marks, whole=encoders),)

    return change


def report(fault: AnyFault, skipped: str | None) -> Report:
    """What became of a fault."""
    expansion = (
        tuple(f"{flow_of(verb)} at {verb.anchor.text}" for verb in fault.verbs)
        if isinstance(fault, NamedFault)
        else ()
    )
    return Report(fault.name, flow_of(fault), fault.anchor.text, expansion, skipped)
