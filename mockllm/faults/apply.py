"""Faults applied to a script: a pure function from timeline to timeline, with a report.

Faults act in list order, which is time order on one anchor. The first reply or close ends the
exchange. A fault at a byte or a planned time acts after all others, because only then is it known
what stands where and happens when. Every fault is reported on: that it acts, or why it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from mockllm.faults.fault import Adding, Editing, Encoding, Exchange, Fault, Unit, flow_of
from mockllm.faults.named import NamedFault
from mockllm.faults.often import Occasion
from mockllm.timeline.encoding import Late, encode, insert_at_bytes, on_time
from mockllm.timeline.events import Frame, Head, Message
from mockllm.timeline.slots import (
    Step,
    Timeline,
    insert,
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


ENDED = "the exchange has ended before it"
AT_UPLOAD = "it acts while the body arrives"
PASSED = "the time was over when the request came"
HEADLESS = "the head had not been sent by then"
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
    sequence, placed, missing = put_late(encode(steps(timeline)), late, occasion, exchange)
    skipped |= missing
    for verb in placed:
        sequence = tuple(new for step in sequence for new in announcer(verb)(step))
    after = tuple(step for index, verb in idle for step in added(index, verb, exchange))
    acting = {index for step in (*until_end(sequence), *after) for index in step.faults}
    for index in range(len(faults)):
        if index not in acting:
            skipped.setdefault(index, ENDED)
    return Applied(
        sequence,
        tuple(report(fault, skipped.get(index)) for index, fault in enumerate(faults)),
        after,
        any(verb.anchor.next_byte for _, verb in idle),
    )


def put_late(
    sequence: tuple[Step, ...],
    verbs: Sequence[tuple[int, Adding]],
    occasion: Callable[[int], Occasion],
    exchange: Exchange,
) -> tuple[tuple[Step, ...], tuple[Adding, ...], dict[int, str]]:
    """Put verbs at their byte or time.

    Also returns the verbs that found their place, and why the others did not.
    """
    at_bytes = [one for one in verbs if one[1].anchor.point == "byte"]
    sequence, bytes_found = insert_at_bytes(
        sequence,
        [(verb.anchor.size, added(index, verb, exchange)) for index, verb in at_bytes],
    )
    at_times = [one for one in verbs if one[1].anchor.point != "byte"]
    passed = {
        place
        for place, (index, verb) in enumerate(at_times)
        if verb.anchor.point == "server" and verb.anchor.seconds < occasion(index).elapsed
    }
    timed = on_time(
        sequence,
        [
            late_steps(index, verb, occasion(index), exchange)
            for place, (index, verb) in enumerate(at_times)
            if place not in passed
        ],
    )
    rest = [one for place, one in enumerate(at_times) if place not in passed]
    placed = [verb for place, (_, verb) in enumerate(at_bytes) if place in bytes_found]
    placed += [verb for place, (_, verb) in enumerate(rest) if place in timed.placed]
    missing = {
        **{i: v.anchor.missing(()) for p, (i, v) in enumerate(at_bytes) if p not in bytes_found},
        **{i: v.anchor.missing(()) for p, (i, v) in enumerate(rest) if p not in timed.placed},
        **{rest[place][0]: HEADLESS for place in timed.headless},
        **{at_times[place][0]: PASSED for place in passed},
    }
    return timed.sequence, tuple(placed), missing


def late_steps(index: int, verb: Adding, occasion: Occasion, exchange: Exchange) -> Late:
    """What a verb adds at its time."""
    anchor, of_server = verb.anchor, verb.anchor.point == "server"
    return Late(
        anchor.seconds - occasion.elapsed if of_server else anchor.seconds,
        added(index, verb, exchange),
        from_request=of_server,
        needs_head=verb.needs_head,
    )


def act(
    timeline: Timeline, script: Sequence[Message], index: int, verb: Fault, exchange: Exchange
) -> Timeline | None:
    """Let one verb act; None where its anchor is not in the script."""
    match verb:
        case Adding():
            places = verb.anchor.places(script)
            for slot, side in places:
                here = exchange.within(f"at {slot}")
                timeline = insert(timeline, slot, side, added(index, verb, here))
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
    events = verb.events(exchange.within(f"fault {index}"))
    return tuple(Step(event, (index,)) for event in events)


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
    sent = tuple(accumulate(tokens_of(slot.origin) for slot in timeline))
    units = tuple(
        Unit(step.event, sent[slot])
        for slot in targets
        for step in timeline[slot].now
        if isinstance(step.event, Head | Frame)
    )
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


def tokens_of(event: Message) -> int:
    """The tokens that an event carries."""
    return event.tokens if isinstance(event, Frame) else 0


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
