"""From frames to the bytes of a body: what encoders make of them, before the body is framed.

The stages, in this order: the head announces, each frame is dressed, the whole body is encoded.
Then faults at a byte of the body find their places, and at last changes of pace and faults at a
time, because a time depends on everything else. A timeline without encoders passes through
unchanged, and `framing` dresses its frames as it goes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf

from mockllm.timeline.events import (
    FOREVER,
    ROUNDING,
    Beat,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Onward,
    Wait,
)
from mockllm.timeline.slots import Encoder, Step
from mockllm.timeline.valueclass import replace, valueclass

TICK = 0.1
"""Seconds between two bits of a body whose bandwidth is limited."""


@dataclass(frozen=True, slots=True)
class Bandwidth(Encoder):
    """So many bytes a second, in bits of a tenth of a second."""

    rate: float

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Bits with the silence that each takes on a slow line."""
        size = max(1, int(self.rate * TICK))
        parts: list[bytes | Wait] = []
        for start in range(0, len(data), size):
            bit = data[start : start + size]
            parts += [bit, Wait(len(bit) / self.rate)]
        return parts


def is_event_stream(head: Head | None) -> bool:
    """Whether the frames behind a head are server-sent events."""
    if head is not None and head.dressed is not None:
        return head.dressed
    return head is not None and (head.get("content-type") or "").startswith("text/event-stream")


def dress(frame: Frame, *, stream: bool) -> bytes:
    """A frame as it stands in the body."""
    if not stream:
        return frame.data
    if frame.around is None and frame.spaced:  # nearly all of them, and there are many
        if frame.event is None:
            return b"data: " + frame.data + b"\n\n"
        return b"event: " + frame.event.encode() + b"\ndata: " + frame.data + b"\n\n"
    return frame.dressed()


def body_bytes(step: Step, *, stream: bool) -> bytes | None:
    """The bytes of a step in the body; None for a step that has none."""
    if step.raw is not None:
        return step.raw
    match step.event:
        case Frame() as frame:
            return dress(frame, stream=stream)
        case Extra(data):
            return data
        case _:
            return None


def encode(sequence: tuple[Step, ...]) -> tuple[Step, ...]:
    """Let the encoders of head and frames do their work."""
    if not any(step.encoders or step.whole for step in sequence):
        return sequence
    return tuple(encoded(sequence))


def encoded(steps: Iterable[Step]) -> Iterator[Step]:
    """The same of steps that come one by one; each leaves as soon as its encoders let it."""
    rest = iter(steps)
    for step in rest:
        match step.event:
            case Head() as head:
                for encoder in step.whole:
                    head = encoder.head(head)
                body = dressed(rest, stream=is_event_stream(head))
                answer: Iterable[Step] = chain((replace(step, event=head),), body)
                for encoder in step.whole:
                    answer = encoder.whole(answer)
                yield from answer
            case Frame() | Extra():
                yield replace(step, raw=body_bytes(step, stream=False))
            case _:
                yield step


def dressed(steps: Iterator[Step], *, stream: bool) -> Iterator[Step]:
    """The steps behind a head, those of the body with their bytes."""
    for step in steps:
        match step.event:
            case Frame() as frame:
                data = dress(frame, stream=stream)
                for encoder in step.encoders:
                    if stream or not encoder.streams_only:
                        data = encoder.dress(data, frame)
                yield replace(step, raw=data)
            case Extra(data):
                yield replace(step, raw=data)
            case Head():  # of another answer, which a reply has taken the place of
                yield from encoded(chain((step,), steps))
            case _:
                yield step


@valueclass(frozen=True, slots=True)
class Late:
    """Steps whose place is known only when everything else has its own: at a time."""

    seconds: float
    steps: tuple[Step, ...]
    from_request: bool = False
    """Counted from the request instead of the first byte of the answer."""
    needs_head: bool = False
    """Whether they mean nothing before the head."""


@valueclass(frozen=True, slots=True)
class Timed:
    """A sequence in which every time has its place."""

    sequence: tuple[Step, ...]
    placed: frozenset[int] = frozenset()
    """The late ones that found their place."""
    headless: frozenset[int] = frozenset()
    """Those whose time came before the head that they need."""


def on_time(sequence: tuple[Step, ...], late: Sequence[Late] = ()) -> Timed:
    """Let each change of pace reach what follows it, and put late steps where their time comes."""
    if not late and not any(isinstance(step.event, Onward) for step in sequence):
        return Timed(sequence)
    return Passage(sequence, late).timed()


class Passage:
    """One way through a sequence, in the order of time.

    What is put in on the way is met again, so a wait that a fault adds may be cut by another.
    """

    def __init__(self, sequence: tuple[Step, ...], late: Sequence[Late]) -> None:
        self.late = late
        self.rest: deque[tuple[Step, bool]] = deque((step, False) for step in sequence)
        """What is still to come, and whether its pace is settled."""
        self.out: list[Step] = []
        self.clock = 0.0
        self.agenda = [(one.seconds, i) for i, one in enumerate(late) if one.from_request]
        self.agenda.sort()
        self.placed: set[int] = set()
        self.headless: set[int] = set()
        self.ended = False
        self.head: Head | None = None
        self.begun = False
        self.drip: float | None = None
        self.line: tuple[Encoder, ...] = ()
        self.cause: tuple[int, ...] = ()

    def timed(self) -> Timed:
        """Go through to the first end; what stands behind it is never played, and stays."""
        self.go()
        left = tuple(step for step, _ in self.rest)
        return Timed((*self.out, *left), frozenset(self.placed), frozenset(self.headless))

    def feed(self, steps: Iterable[Step]) -> tuple[Step, ...]:
        """What further steps become, one piece of the way after another; behind the first end they
        stay as they are."""
        self.rest.extend((step, False) for step in steps)
        if not self.ended:
            self.go()
        out = (*self.out, *(step for step, _ in self.rest))
        self.out.clear()
        self.rest.clear()
        return out

    def elapse(self, time: float) -> tuple[Step, ...]:
        """Let time pass in which no step has come; what is due meanwhile."""
        while self.agenda and self.agenda[0][0] <= time + ROUNDING:
            self.clock = max(self.clock, self.agenda[0][0])
            self.put_due()
        self.clock = max(self.clock, time)
        return self.feed(())

    @property
    def due(self) -> float:
        """When the next late steps are due, whatever comes before; `FOREVER` where none are."""
        return self.agenda[0][0] if self.agenda else FOREVER

    def go(self) -> None:
        """Go on to the first end, or as far as there are steps."""
        self.put_due()
        while self.rest and self.clock != FOREVER:
            step, settled = self.rest.popleft()
            match step.event:
                case Wait() as wait:
                    self.wait(step, wait)
                case End() | Close():
                    self.out.append(step)
                    self.ended = True
                    break
                case Onward() as pace:
                    self.out.append(step)
                    self.change(pace, step.faults)
                case Frame() if self.drip is not None and not (settled or step.begun):
                    self.rest.appendleft((replace(step, begun=True), False))
                    self.rest.appendleft((Step(Wait(self.drip), self.cause), False))
                case Frame() | Extra() if not settled:
                    self.settle(step)
                case _:
                    self.out.append(step)
                    self.begin(step.event)

    def wait(self, step: Step, wait: Wait) -> None:
        """Wait, or until the next late steps are due."""
        if wait.paced and self.drip is not None:
            return
        until = self.clock + wait.seconds
        while self.agenda and self.agenda[0][0] < until - ROUNDING and self.too_early():
            self.headless.add(self.agenda.pop(0)[1])
        if self.agenda and self.agenda[0][0] < until - ROUNDING:
            part = self.agenda[0][0] - self.clock
            self.out.append(replace(step, event=replace(wait, seconds=part)))
            left = replace(wait, seconds=wait.seconds - part)
            self.rest.appendleft((replace(step, event=left), False))
            until = self.agenda[0][0]
        else:
            self.out.append(step)
        self.clock = until
        self.put_due()

    def change(self, pace: Onward, cause: tuple[int, ...]) -> None:
        """Another pace from here."""
        if pace.drip is not None:
            self.drip, self.cause = pace.drip, cause
        if pace.bandwidth is not None:
            self.line = (Bandwidth(pace.bandwidth),)

    def settle(self, step: Step) -> None:
        """Give a step the pace of the line; in bits of their own where a time may fall between."""
        step = replace(step, encoders=step.encoders + self.line)
        stream = is_event_stream(self.head)
        data = body_bytes(step, stream=stream) or b""
        units = cut_up(data, step.encoders) if self.late else [data]
        if len(units) <= 1:
            self.rest.appendleft((step, True))
            return
        bits: list[Step] = [
            Step(unit, step.faults) if isinstance(unit, Wait) else Step(Extra(unit), step.faults)
            for unit in units[:-1]
        ]
        last = units[-1]
        bits.append(
            Step(last, step.faults)
            if isinstance(last, Wait)
            else replace(step, raw=last, encoders=())
        )
        if isinstance(last, Wait):  # the frame is whole with its last bit, not after the silence
            bits[-2] = replace(step, raw=body_bytes(bits[-2], stream=stream), encoders=())
        self.rest.extendleft((bit, True) for bit in reversed(bits))

    def begin(self, event: Message | None) -> None:
        """With the first byte the time of the answer begins."""
        if isinstance(event, Head):
            self.head = event
        if event is None or self.begun:
            return
        self.begun = True
        times = ((self.clock + t.seconds, i) for i, t in enumerate(self.late) if not t.from_request)
        self.agenda = sorted([*self.agenda, *times])
        self.put_due()

    def too_early(self) -> bool:
        """Whether the next late steps need a head that is not there."""
        return self.head is None and self.late[self.agenda[0][1]].needs_head

    def put_due(self) -> None:
        """Put in what is due now."""
        new: list[tuple[Step, bool]] = []
        while self.agenda and self.agenda[0][0] <= self.clock + ROUNDING:
            early = self.too_early()
            _, index = self.agenda.pop(0)
            if early:
                self.headless.add(index)
                continue
            self.placed.add(index)
            new += [(step, False) for step in self.late[index].steps]
        self.rest.extendleft(reversed(new))


def cut_up(data: bytes, encoders: Sequence[Encoder]) -> Sequence[bytes | Wait]:
    """One unit of the answer as the encoders cut it, with the silence between."""
    units: Sequence[bytes | Wait] = (data,)
    for encoder in encoders:
        units = [
            part
            for unit in units
            for part in ((unit,) if isinstance(unit, Wait) else encoder.cut(unit))
        ]
    return units


def insert_at_bytes(
    sequence: tuple[Step, ...], places: Sequence[tuple[int, tuple[Step, ...]]]
) -> tuple[tuple[Step, ...], frozenset[int]]:
    """Put steps at bytes of the body, cutting the frames that these fall into.

    A negative byte counts from the end of the body. Also returns which of the places there are.
    """
    if not places:
        return sequence, frozenset()
    cutter = AtBytes(places)
    out = (*cutter.feed(sequence), *cutter.end())
    return out, frozenset(cutter.found)


class AtBytes:
    """Puts steps at bytes of a body that comes step by step; a body ends where it first ends properly.

    Steps are held back only for bytes that count from the end: until so many are behind them.
    """

    def __init__(self, places: Sequence[tuple[int, tuple[Step, ...]]]) -> None:
        self.found: set[int] = set()
        """The places that there are, by their number."""
        self._places = dict(enumerate(places))
        self._depth = max((-byte for byte, _ in places if byte < 0), default=0)
        self._held: deque[tuple[Step, bytes]] = deque()
        self._headless = True
        self._ended = False
        self._stream = False
        self._came = 0
        self._left = 0
        """Bytes of the body that have left."""

    def feed(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps that can leave with these."""
        for step in steps:
            if isinstance(step.event, End):
                yield from self.end()
            if self._headless or self._ended:
                yield step
                if isinstance(step.event, Head) and self._headless:
                    self._headless = False
                    self._stream = is_event_stream(step.event)
                    yield from self._put(self._certain)
                continue
            data = body_bytes(step, stream=self._stream) or b""
            self._came += len(data)
            self._held.append((step, data))
            yield from self._leave(self._certain)

    def end(self) -> Iterator[Step]:
        """The rest; what has come is the whole body."""
        if self._headless or self._ended:
            return
        self._ended = True
        for number, (byte, steps) in self._places.items():
            if byte < 0:
                self._places[number] = (self._came + byte, steps)
        yield from self._put(inf)
        yield from self._leave(inf)

    @property
    def _certain(self) -> float:
        """The byte before which no place that counts from the end can be."""
        return self._came - self._depth if self._depth else inf

    def _put(self, certain: float) -> Iterator[Step]:
        """The steps that belong where the body has come to."""
        if self._left >= certain:
            return
        for number, (byte, steps) in tuple(self._places.items()):
            if byte == self._left:
                self.found.add(number)
                del self._places[number]
                yield from steps

    def _leave(self, certain: float) -> Iterator[Step]:
        """The steps of which all bytes are certain, cut where something is to stand."""
        while self._held and self._left + len(self._held[0][1]) < certain:
            step, data = self._held.popleft()
            yield from self._put(certain)
            begin, end, start = self._left, self._left + len(data), 0
            cuts = {byte for byte, _ in self._places.values() if begin < byte < end}
            for cut in sorted(cuts):
                bit = data[start : cut - begin]
                yield Step(Extra(bit), step.faults, step.encoders, raw=bit)
                start, self._left = cut - begin, cut
                yield from self._put(certain)
            yield replace(step, raw=data[start:], begun=True) if start else step
            self._left = end
            if data:
                yield from self._put(certain)


def beat_bytes(beat: Beat, *, stream: bool) -> bytes:
    """The bytes of a heartbeat in the body."""
    return body_bytes(Step(beat.unit), stream=stream) or b""
