"""Faults applied to a script: a pure function from timeline to timeline, with a report.

Faults act in list order, which is time order on one anchor. The first reply or close ends the
exchange. A fault at a byte or a planned time acts after all others, because only then is it known
what stands where and happens when. Every fault is reported on: that it acts, or why it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from mockllm.faults.anchors import Anchor
from mockllm.faults.fault import Adding, Editing, Encoding, Exchange, Fault, Unit, flow_of
from mockllm.faults.named import NamedFault
from mockllm.faults.often import Occasion
from mockllm.timeline.encoding import Late, encode, insert_at_bytes, on_time
from mockllm.timeline.events import Frame, Head, Message
from mockllm.timeline.slots import (
    Side,
    Step,
    Timeline,
    insert,
    open_slots,
    rewrite,
    steps,
    until_end,
)
from mockllm.timeline.valueclass import replace, valueclass

AnyFault = Fault | NamedFault


@valueclass(frozen=True, slots=True)
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


@valueclass(frozen=True, slots=True)
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
    pending: list[Pending] = []
    idle: list[tuple[int, Adding]] = []
    for index, fault in enumerate(faults):
        why = fault.skipped(occasion(index))
        if why is not None:
            skipped[index] = why
            continue
        late = tuple(
            verb for verb in fault.verbs if isinstance(verb, Adding) and verb.anchor.point in LATE
        )
        if late:
            pending.append(Pending(index, late))
        for verb in fault.verbs:
            point = verb.anchor.point
            if point in LATE:
                continue
            if isinstance(verb, Adding) and point == "idle":
                idle.append((index, verb))
            elif point == "upload":
                skipped[index] = AT_UPLOAD
            else:
                changed = act(timeline, script, index, verb, exchange)
                if changed is None:
                    skipped[index] = verb.anchor.missing(script)
                    break
                timeline = changed
    sequence, missing = put_late(encode(steps(timeline)), pending, occasion, exchange)
    skipped |= missing
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


@dataclass(frozen=True, slots=True)
class Pending:
    """A fault whose place is known only when all others are in theirs; its verbs act together."""

    index: int
    verbs: tuple[Adding, ...]

    @property
    def anchor(self) -> Anchor:
        """Where it acts."""
        return self.verbs[0].anchor

    def steps(self, exchange: Exchange) -> tuple[Step, ...]:
        """What it adds."""
        return tuple(step for verb in self.verbs for step in added(self.index, verb, exchange))


def put_late(
    sequence: tuple[Step, ...],
    pending: Sequence[Pending],
    occasion: Callable[[int], Occasion],
    exchange: Exchange,
) -> tuple[tuple[Step, ...], dict[int, str]]:
    """Put faults at their byte or time. Also returns why some have no place."""
    missing = {one.index: one.anchor.missing(()) for one in pending}
    at_bytes = [one for one in pending if one.anchor.point == "byte"]
    places = [(one.anchor.size, one.steps(exchange)) for one in at_bytes]
    sequence, found = insert_at_bytes(sequence, places)
    placed = [at_bytes[place] for place in found]
    at_times: list[Pending] = []
    late: list[Late] = []
    for one in pending:
        of_server = one.anchor.point == "server"
        seconds = one.anchor.seconds - (occasion(one.index).elapsed if of_server else 0.0)
        if seconds < 0:
            missing[one.index] = PASSED
        elif one not in at_bytes:
            needs_head = any(verb.needs_head for verb in one.verbs)
            at_times.append(one)
            late.append(Late(seconds, one.steps(exchange), of_server, needs_head))
    timed = on_time(sequence, late)
    placed += [at_times[place] for place in timed.placed]
    missing |= {at_times[place].index: HEADLESS for place in timed.headless}
    sequence = timed.sequence
    for one in placed:
        del missing[one.index]
        for verb in one.verbs:
            sequence = tuple(new for step in sequence for new in announcer(verb)(step))
    return sequence, missing


def act(
    timeline: Timeline, script: Sequence[Message], index: int, verb: Fault, exchange: Exchange
) -> Timeline | None:
    """Let one verb act; None where its anchor is not in the script."""
    match verb:
        case Adding():
            places = verb.anchor.places(script)
            for slot, side in places:
                here = exchange.within(f"at {slot}").behind(frames_before(script, slot, side))
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


def frames_before(script: Sequence[Message], slot: int, side: Side) -> int:
    """How many frames of a script stand before one side of a slot."""
    until = slot + 1 if side == "after" else slot
    return sum(isinstance(event, Frame) for event in script[:until])


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
    timeline: Timeline,
    targets: Sequence[int],
    index: int,
    verb: Editing,
    exchange: Exchange,
    before: int = 0,
) -> Timeline:
    """The timeline with other content in the chosen slots; `before` it so many tokens were sent."""
    tokens = (tokens_of(slot.origin) for slot in timeline)
    sent = tuple(accumulate(tokens, initial=before))[1:]
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
