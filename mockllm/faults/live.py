"""Faults applied to a script that comes bit by bit: what `apply` does, as early as it can be done.

Which faults act is decided once, when the request has been read. Then each event of the script is
given to the verbs in list order as soon as it is certain which of them mean it; until then it is
held back, and what follows it. So the steps that come out are those of `apply`, with one
difference: a head announces an end (`announce: true`) before it is known that the answer gets there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mockllm.faults.apply import (
    AT_UPLOAD,
    ENDED,
    LATE,
    AnyFault,
    Pending,
    Report,
    added,
    announcer,
    edited,
    encoder,
    heads,
    report,
    tokens_of,
    whole,
)
from mockllm.faults.fault import Adding, Editing, Encoding, Exchange, Fault
from mockllm.faults.often import Occasion
from mockllm.faults.picking import Picker, picker_of
from mockllm.timeline.events import Extra, Frame, Message
from mockllm.timeline.slots import Step, Timeline, insert, open_slots, rewrite, steps
from mockllm.timeline.valueclass import replace

MAX_HELD = 32 << 20
"""Bytes that are held back at the most."""
TOO_MUCH = "more than 32 MiB would have to be held back for it"


def size_of(message: Message) -> int:
    """The bytes of a message that a body has."""
    return len(message.data) if isinstance(message, Frame | Extra) else 0


@dataclass(frozen=True, slots=True)
class Acting:
    """A verb of a fault that acts, and what it means of the script."""

    index: int
    verb: Fault
    picker: Picker

    @property
    def behind(self) -> bool:
        """Whether it adds something behind what it means, which itself need not wait."""
        return isinstance(self.verb, Adding) and self.verb.anchor.point in ("after", "head")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the script, and what came before it."""

    place: int
    message: Message
    frames: int
    tokens: int


class LiveFaults:
    """The faults of a route on one call, whose script comes event by event."""

    def __init__(
        self,
        faults: Sequence[AnyFault],
        occasion: Callable[[int], Occasion],
        exchange: Exchange,
    ) -> None:
        self._faults = faults
        self._exchange = exchange
        self._skipped: dict[int, str] = {}
        self._first: list[tuple[int, Adding]] = []
        self._acting: list[Acting] = []
        self.pending: list[Pending] = []
        """The faults at a byte or a time, which act after all others."""
        self.idle: list[tuple[int, Adding]] = []
        """What happens on the kept connection after the exchange."""
        for index, fault in enumerate(faults):
            why = fault.skipped(occasion(index))
            if why is None:
                self._take(index, fault)
            else:
                self._skipped[index] = why
        self._script: list[Message] = []
        """What has come, without the payloads, which no anchor looks at."""
        self._waiting: deque[Event] = deque()
        self._made: deque[tuple[Event, tuple[Step, ...]]] = deque()
        self._came = self._frames = self._tokens = 0
        self._held = 0
        """Bytes of events that have not left, because it is not certain what acts on them."""

    def _take(self, index: int, fault: AnyFault) -> None:
        """A fault that acts on this call."""
        late = []
        for verb in fault.verbs:
            point = verb.anchor.point
            if point == "upload":
                self._skipped[index] = AT_UPLOAD
            elif isinstance(verb, Adding) and point in LATE:
                late.append(verb)
            elif isinstance(verb, Adding) and point == "idle":
                self.idle.append((index, verb))
            elif isinstance(verb, Adding) and point == "request":
                self._first.append((index, verb))
            else:
                together = isinstance(verb, Editing) and verb.together
                self._acting.append(Acting(index, verb, picker_of(verb.anchor, together=together)))
        if late:
            self.pending.append(Pending(index, tuple(late)))

    @property
    def verbs(self) -> tuple[Fault, ...]:
        """The verbs that may act on the answer, not those before or after it."""
        late = (verb for one in self.pending for verb in one.verbs)
        return (*(acting.verb for acting in self._acting), *late)

    def begin(self) -> tuple[Step, ...]:
        """What stands before the script, at `request`."""
        here = self._exchange.within("at 0").behind(0)
        return tuple(step for index, verb in self._first for step in added(index, verb, here))

    def feed(self, message: Message) -> Iterator[Step]:
        """The steps that are certain with one more event of the script."""
        event = Event(self._came, message, self._frames, self._tokens)
        self._came += 1
        self._frames += isinstance(message, Frame)
        self._tokens += tokens_of(message)
        self._script.append(replace(message, data=b"") if isinstance(message, Frame) else message)
        for acting in self._acting:
            acting.picker.feed(event.place, message)
        self._waiting.append(event)
        self._held += size_of(message)
        yield from self._ready()
        if self._held > MAX_HELD:
            self._give_up()
            yield from self._ready()

    def _give_up(self) -> None:
        """Faults for which too much is held back do not act."""
        for acting in tuple(self._acting):
            if acting.picker.certain < self._came:
                self._acting.remove(acting)
                self._skipped[acting.index] = TOO_MUCH

    def end(self) -> Iterator[Step]:
        """The rest; the script is whole."""
        for acting in self._acting:
            acting.picker.end(self._script)
        yield from self._ready()

    def _certain(self, *, behind: bool) -> int:
        """How many events are certain for the verbs that act on, or before, an event; or behind."""
        mine = (one.picker.certain for one in self._acting if one.behind is behind)
        return min(mine, default=self._came)

    def _ready(self) -> Iterator[Step]:
        """The steps of the events that are certain; what stands behind an event may be so later."""
        certain = self._certain(behind=False)
        group = []
        while self._waiting and self._waiting[0].place < certain:
            group.append(self._waiting.popleft())
        for event, slot in zip(group, self._changed(group), strict=True):
            self._made.append((event, steps((slot,))))
        certain = self._certain(behind=True)
        while self._made:
            event, made = self._made.popleft()
            yield from made
            if event.place >= certain:
                self._made.appendleft((event, ()))
                return
            self._held -= size_of(event.message)
            yield from self._behind(event)

    def _changed(self, group: Sequence[Event]) -> Timeline:
        """Some events that follow each other, with what acts on them and before them."""
        timeline = open_slots(event.message for event in group)
        for acting in self._acting:
            places = [i for i, event in enumerate(group) if event.place in acting.picker.picked]
            timeline = self._acted(timeline, group, places, acting)
        return timeline

    def _acted(
        self, timeline: Timeline, group: Sequence[Event], places: list[int], acting: Acting
    ) -> Timeline:
        """Let one verb act on the places that it means."""
        index, verb = acting.index, acting.verb
        script = tuple(event.message for event in group)
        match verb:
            case Adding():
                if not acting.behind:
                    for place in places:
                        new = self._added(index, verb, group[place], group[place].frames)
                        timeline = insert(timeline, place, "before", new)
                return rewrite(timeline, heads(script), announcer(verb))
            case Editing() if places:
                before = group[0].tokens
                return edited(timeline, places, index, verb, self._exchange, before)
            case Encoding():
                timeline = rewrite(timeline, places, encoder(index, verb))
                if verb.anchor.point == "body":
                    timeline = rewrite(timeline, heads(script), whole(index, verb))
        return timeline

    def _behind(self, event: Event) -> Iterator[Step]:
        """What stands behind an event."""
        frames = event.frames + isinstance(event.message, Frame)
        for one in self._acting:
            if one.behind and isinstance(one.verb, Adding) and event.place in one.picker.picked:
                yield from self._added(one.index, one.verb, event, frames)

    def _added(self, index: int, verb: Adding, event: Event, frames: int) -> tuple[Step, ...]:
        """What a verb adds at an event."""
        here = self._exchange.within(f"at {event.place}").behind(frames)
        return added(index, verb, here)

    def reports(
        self,
        acted: frozenset[int],
        missing: dict[int, str],
        *,
        whole: bool,
        over: bool,
        why: str | None = None,
    ) -> tuple[Report, ...]:
        """What became of the faults, or may still become.

        `acted` are those that acted, `missing` says of late ones why they have no place; `whole`:
        the script has come to its end; `over`: nothing more is played, and `why` says why those
        did not act that have no other reason.
        """
        skipped = dict(self._skipped)
        if over and why is not None:
            skipped = dict.fromkeys(range(len(self._faults)), why) | skipped
        if over:
            skipped = missing | skipped
        for one in self._acting if whole else ():
            if not one.picker.picked:
                skipped.setdefault(one.index, one.verb.anchor.missing(self._script))
        if over:
            for index in range(len(self._faults)):
                if index not in acted:
                    skipped.setdefault(index, ENDED)
        return tuple(
            report(fault, None if index in acted else skipped.get(index))
            for index, fault in enumerate(self._faults)
        )
