"""A call that an upstream answers: its plan grows with the bytes that come.

What faults do is decided when the request has been read, and done as the answer comes. Where no
fault can touch the answer, its bytes pass as they are; the messages in them are read for the
journal alone. Where one can, the answer is a timeline of messages, as a recording is: each event of
a stream a frame of its own, a packed body unpacked.
"""

from __future__ import annotations

from mockllm.cassettes.arriving import Arriving
from mockllm.cassettes.cassette import Ending
from mockllm.cassettes.response import Framing
from mockllm.engine.account_words import with_headers
from mockllm.engine.answer import Answer
from mockllm.engine.case import Case
from mockllm.engine.draft import fitted, occasions, wire_event
from mockllm.engine.plan import Plan, hasten, hastened
from mockllm.faults.close import CloseFault
from mockllm.faults.edit import EditFault
from mockllm.faults.encode import EncodeFault
from mockllm.faults.fault import Fault
from mockllm.faults.growing import Growing
from mockllm.faults.send import SendFault
from mockllm.faults.wait import Ping, WaitFault
from mockllm.timeline.events import (
    FOREVER,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Onward,
    Wait,
    WireEvent,
    Write,
)
from mockllm.timeline.framing import Lowered
from mockllm.timeline.lowering import Lowering
from mockllm.timeline.slots import Step, Transfer, until_end
from mockllm.timeline.valueclass import replace

MAX_KEPT = 4 << 20
"""Bytes of one answer that the journal keeps; of what is behind them it knows that it was sent."""

SHORTEST = 0.001
"""Seconds between two reads of the upstream that the journal tells apart."""

Events = tuple[WireEvent, ...]


def sends_body(verb: Fault) -> bool:
    """Whether a verb puts more into the body."""
    if isinstance(verb, WaitFault):
        return isinstance(verb.wait, Ping)
    return isinstance(verb, SendFault)


def looks_inside(verb: Fault) -> bool:
    """Whether a verb needs the frames of the body, or adds to them."""
    return verb.anchor.selector is not None or verb.anchor.point == "body" or sends_body(verb)


def resizes(verb: Fault) -> bool:
    """Whether a verb may change the length of the body."""
    match verb:
        case EditFault() | EncodeFault():
            return verb.anchor.point != "head"
        case CloseFault(close="clean"):
            return True
        case _:
            return sends_body(verb)


def measures(verb: Fault) -> bool:
    """Whether a verb lets the head tell the length of the body, whatever it told before."""
    if not isinstance(verb, EncodeFault):
        return False
    transfer = verb.encoder().transfer(Transfer())
    return transfer.framing == "te+cl" or transfer.length in ("short", "long", "both")


class Live:
    """The plan of one call, while an upstream answers it. Times are seconds since the request.

    `before` are the faults that acted while the request's body arrived.
    """

    def __init__(self, case: Case, *, before: frozenset[int] = frozenset()) -> None:
        exchange = case.exchange
        self.call = call = case.call
        self._case = case
        self._before = before
        self._headers = headers = case.headers
        self._speed = case.conditions.speed
        self._faults = case.found.route.faults if case.found.route else ()
        self._growing = Growing(self._faults, occasions(case), exchange)
        self._lowering = Lowering(date=exchange.here.date, body_allowed=call.method != "HEAD")
        self._verbs = self._growing.verbs
        self._first = self._growing.begin()
        slowed = any(isinstance(step.event, Onward) for step in self._first)
        self._passes = not self._verbs and not headers and not slowed
        self.inside = slowed or any(map(looks_inside, self._verbs))
        """Whether the body has to be readable; a client that reads packed ones may get another."""
        self._arriving = Arriving(
            call.method, unpacks=self._passes or self.inside, holds=self._holds
        )
        self._held: list[bytes] = []
        self._steps: list[Step] = []
        self._events: list[WireEvent] = []
        self._origin: list[int] = []
        self._kept = 0
        self._clock = 0.0
        """When what has been planned is played, as far as it is known."""
        self._gave_up = False
        self.over = False
        """Whether nothing is played after what has been planned."""

    # What happens

    def begin(self) -> Events:
        """What is played before the upstream is asked; it is not asked where that is `over`."""
        rest = self._growing.end() if ends(self._first) else ()
        return self._played((*self._first, *rest), 0.0)

    def feed(self, data: bytes, time: float) -> Events:
        """What is played when these bytes of the upstream's answer have come."""
        if self._passes:
            return (*self._waited(time), *self._passed(data))
        messages = self._arriving.feed(data)
        if self._arriving.holding:
            self._held.append(data)
            if self._arriving.over_limit:
                return (*self._waited(time), *self._give_up())
        steps = self._growing.feed(map(self._said, messages), time * self._speed)
        return self._played(steps, time)

    def end(self, ending: Ending, time: float) -> Events:
        """What is played when the upstream's answer is over: whole, or cut by this ending."""
        complete = ending == "complete"
        messages = self._arriving.end(complete=complete)
        self._held.clear()
        last: End | Close = End() if complete else Close("fin" if ending == "fin" else "rst")
        if self._passes:
            return (*self._waited(time), *self._passed_to_end(messages, last))
        steps = self._growing.feed([*map(self._said, messages), last], time * self._speed)
        return self._played((*steps, *self._growing.end()), time)

    def tick(self, time: float) -> Events:
        """What is due while nothing comes."""
        return self._played(self._growing.wait(time * self._speed), time)

    @property
    def due(self) -> float:
        """When to ask with `tick`; infinite where nothing is due."""
        return FOREVER if self.over else self._growing.due / self._speed

    @property
    def complete(self) -> bool:
        """Whether the response is whole, without looking at the end of its connection."""
        return self._arriving.reader.complete

    @property
    def delimited(self) -> bool:
        """Whether the end of its connection is the end of the response."""
        reader = self._arriving.reader
        return reader.complete or (reader.head is not None and reader.framing == "close")

    # How it becomes so

    def _holds(self, head: Head, framing: Framing) -> bool:
        """Whether the head tells of a body that faults may change, and so has to wait for it."""
        if self._passes:
            return False
        changed = framing == "length" and any(map(resizes, self._verbs))
        return changed or any(map(measures, self._verbs))

    def _said(self, message: Message) -> Message:
        """A message with what the account says in the head."""
        return with_headers(message, self._headers) if isinstance(message, Head) else message

    def _passed(self, data: bytes) -> Events:
        """Bytes that pass as they are, and the messages in them."""
        origin = len(self._steps)
        self._steps += map(self._kept_step, map(Step, self._arriving.feed(data)))
        return self._noted((Write(data),), (origin,))

    def _passed_to_end(self, messages: list[Message], last: End | Close) -> Events:
        """The end, where bytes pass as they are."""
        self._steps += map(self._kept_step, map(Step, messages))
        self.over = True
        origin = len(self._steps)
        self._steps.append(Step(last))
        if isinstance(last, Close):
            return self._noted((last,), (origin,))
        closes = self._arriving.reader.closes or not self.call.keep_alive
        return self._noted((Close("fin", complete=True),), (origin,)) if closes else ()

    def _give_up(self) -> Events:
        """An answer that is too large to be held back passes as it is; no fault touches it."""
        self._passes = self._gave_up = True
        self._arriving = Arriving(self.call.method)
        data, self._held = b"".join(self._held), []
        return self._passed(data)

    def _waited(self, time: float) -> Events:
        """The upstream's own pace: a wait in the journal, and none for the player, who is behind it."""
        gap = time - self._clock
        if gap < SHORTEST:
            return ()
        self._clock = time
        self._origin.append(len(self._steps))
        self._steps.append(Step(Wait(gap * self._speed, paced=True)))
        self._events.append(Wait(gap, paced=True))
        return (Wait(0.0, paced=True),)

    def _played(self, steps: tuple[Step, ...], time: float) -> Events:
        """Finished steps as what the socket does at a time."""
        if self.over or not steps:
            return ()
        waited = self._waited(time)
        steps = fitted(steps, self.call)
        self.over = ends(steps)
        # A length is that of the whole body, also of what is behind an end.
        lowered = hastened(self._lowering.feed(steps), self._speed)
        shift = len(self._steps)
        self._steps += map(self._kept_step, until_end(steps))
        self._clock += sum(e.seconds for e in lowered.events if isinstance(e, Wait))
        origin = tuple(origin + shift for origin in lowered.origin)
        return (*waited, *self._noted(lowered.events, origin))

    def _kept_step(self, step: Step) -> Step:
        """A step as the journal keeps it: without its bytes where there are too many."""
        event = step.event
        if self._kept < MAX_KEPT or not isinstance(event, Frame | Extra):
            return step
        return replace(step, event=replace(event, data=b""), raw=None)

    def _noted(self, events: Events, origin: tuple[int, ...]) -> Events:
        """Events that are kept for the journal."""
        for event in events:
            size = len(event.data) if isinstance(event, Write) else 0
            large = size and self._kept + size > MAX_KEPT
            self._events.append(Write(b"") if large else event)
            self._kept += size
        self._origin += origin
        return events

    # What the journal sees

    def plan(self) -> Plan:
        """The plan as far as it goes."""
        idle = self._growing.idle
        faults = frozenset(index for step in (*self._steps, *idle) for index in step.faults)
        large = self._gave_up or (self._arriving.over_limit and not self._passes)
        why = TOO_LARGE if large else None
        reports = self._growing.reports(faults, over=self.over, why=why)
        answer = Answer(
            None,
            tuple(self._steps),
            reports,
            Lowered(tuple(self._events), tuple(self._origin)),
            self._faults,
            tuple(hasten(wire_event(step), self._speed) for step in idle),
            frozenset(index for step in idle for index in step.faults),
            self._growing.next_byte,
        )
        return Plan(
            self.call,
            self._case.name,
            self._case.found,
            self._case.visit,
            answer,
            self._speed,
            self._case.wire,
            self._before,
        )


TOO_LARGE = "the answer is larger than 32 MiB, and passes as it is"


def ends(steps: tuple[Step, ...]) -> bool:
    """Whether nothing is played after these steps."""
    last = until_end(steps)[-1].event if steps else None
    return isinstance(last, End | Close) or (isinstance(last, Wait) and last.seconds == FOREVER)
