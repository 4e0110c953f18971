"""An answer with holes where its names stand, and answers stamped from it.

Two calls in the same words get answers that differ in nothing but what their identities draw (ids,
a time of creation, a request id, masks) and in the date. Making such an answer takes a hundred
times as long as filling in the names of one that is there: so it is made once more with a mark for
each name (`Holes`), and cut at the marks. What cannot be told apart so, because somebody counted
with a name or drew a number, is `Unrepeatable`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter
from random import Random
from typing import Any

from mockllm.engine import dice
from mockllm.engine.answer import Answer
from mockllm.engine.chunked import Unframed
from mockllm.engine.drawing import Ask, Names, drawing
from mockllm.engine.exchange import Here, WireExchange
from mockllm.engine.jitter import Jitter, waits_of
from mockllm.faults.apply import Report
from mockllm.timeline.events import Beat, Extra, Frame, Head, Message, Wait, WireEvent, Write
from mockllm.timeline.framing import Lowered
from mockllm.timeline.pacing import Pace
from mockllm.timeline.score import Score
from mockllm.timeline.slots import Step
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.identity import ALPHABET, Identity
from mockllm.wires.wire import Effect, Store

MARK = "\x7f"
"""What no JSON that is sent, and no header, has: it need not be escaped, and is one byte."""
CREATED = 1_999_999_900
"""With the number of a name it stands for a Unix time, which is a number and has as many digits."""
MOMENTS = 100
"""Names that it has room for."""
DATED = 29
"""The length of a date in a header."""
FOUND = re.compile(rb"\x7f\x7f(..)|\x7f(.)|19999999(\d\d)")


class Unrepeatable(Exception):
    """What is sent depends on more than the words of the request and the names of the answer."""


class Holes(Identity):
    """An identity that draws marks: texts as long as the names, each telling where it came from."""

    def __init__(self) -> None:
        super().__init__("holes")
        self.asks: dict[Ask, tuple[str, ...]] = {}
        """What was drawn, and the marks that were given."""
        self.lengths: list[int] = []
        """Of each mark, in the order of their numbers."""
        self.date = self._marks(("date", ()), DATED, 1)[0]

    def draw(self, label: str) -> int:
        """Refused: who draws a number counts with it."""
        raise Unrepeatable(f"a number was drawn: {label}")

    def number(self, label: str, below: int) -> int:
        """Refused too."""
        raise Unrepeatable(f"a number was drawn: {label}")

    def decimal(self, label: str, least: int, most: int) -> str:
        """A mark."""
        return self._marks(("decimal", (label, least, most)), len(str(most)), 1)[0]

    def hexadecimal(self, label: str, length: int) -> str:
        """A mark."""
        return self._marks(("hexadecimal", (label, length)), length, 1)[0]

    def hexadecimals(self, label: str, length: int, count: int) -> tuple[str, ...]:
        """Marks."""
        return self._marks(("hexadecimals", (label, length, count)), length, count)

    def uuid(self, label: str) -> str:
        """A mark."""
        return self._marks(("uuid", (label,)), 36, 1)[0]

    def letters(self, label: str, length: int) -> str:
        """A mark."""
        return self._marks(("letters", (label, length)), length, 1)[0]

    @property
    def created(self) -> int:
        """A number that is a mark."""
        return self._moment(("created", None))

    @property
    def created_digits(self) -> str:
        """A mark."""
        return self._marks(("created_digits", None), 8, 1)[0]

    @property
    def created_rfc3339(self) -> str:
        """A mark."""
        return self._marks(("created_rfc3339", None), 20, 1)[0]

    def later(self, seconds: int) -> int:
        """A number that is a mark."""
        return self._moment(("later", (seconds,)))

    def _moment(self, ask: Ask) -> int:
        """A mark for a Unix time: a number with as many digits, the last two of which tell its own."""
        if ask not in self.asks:
            if len(self.lengths) >= MOMENTS:
                raise Unrepeatable("no mark for a time")
            self.asks[ask] = (str(CREATED + len(self.lengths)),)
            self.lengths.append(len(str(CREATED)))
        return int(self.asks[ask][0])

    def _marks(self, ask: Ask, length: int, count: int) -> tuple[str, ...]:
        """The marks for what is asked, the same each time."""
        if ask not in self.asks:
            first = len(self.lengths)
            self.asks[ask] = tuple(mark(first + step, length) for step in range(count))
            self.lengths += [length] * count
        return self.asks[ask]


def mark(number: int, length: int) -> str:
    """The mark of a number, of such a length: one sign for the number, or two behind two marks."""
    base = len(ALPHABET)
    if length == 2 and number < base:
        return MARK + ALPHABET[number]
    if length < 4 or number >= base * base:
        raise Unrepeatable(f"no mark for name {number}, of {length} signs")
    high, low = divmod(number, base)
    return (MARK * 2 + ALPHABET[high] + ALPHABET[low]).ljust(length, MARK)


def number_of(found: re.Match[bytes]) -> int:
    """The number in a mark."""
    long, short, moment = found.groups()
    if moment is not None:
        return int(moment)
    signs, number = long or short, 0
    for sign in signs.decode("latin-1"):
        place = ALPHABET.find(sign)
        if place < 0:
            raise Unrepeatable("what is sent has the signs of marks")
        number = number * len(ALPHABET) + place
    return number


def marks(data: bytes, lengths: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """The number of each mark, and from where to where it stands: not to its end where a fault has
    left the rest of it out."""
    at = FOUND.search(data)
    while at is not None:
        number, first = number_of(at), at.start()
        if number >= len(lengths):
            raise Unrepeatable("what is sent has the signs of marks")
        stop = first + lengths[number]
        if at[1] is not None:
            stop -= len(data[at.end() : stop].lstrip(b"\x7f"))  # what fills up a long mark
        yield number, first, stop
        at = FOUND.search(data, stop)


class Cut:
    """Bytes cut at their marks."""

    def __init__(self, data: bytes, lengths: Sequence[int], places: Sequence[int]) -> None:
        """`lengths` and `places` are those of each name: of its text, and among the names that
        the bytes are filled with."""
        parts: list[bytes] = []
        order: list[int] = []
        """The place of the name that stands between two parts."""
        torn: dict[tuple[int, int, int], int] = {}
        """The place of each part of a name: of which, from where and to where in it."""
        body, start = Unframed(data), 0
        for number, first, stop in marks(body.data, lengths):
            place, told = places[number], 0
            for begin, end in body.where(first, stop - first):
                parts.append(data[start:begin])
                piece = (place, told, told + end - begin)
                whole = end - begin == lengths[number]
                order.append(place if whole else torn.setdefault(piece, len(lengths) + len(torn)))
                start, told = end, piece[2]
        parts.append(data[start:])
        self._torn = tuple((place, slice(begin, end)) for place, begin, end in torn)
        self._pairs = joined(parts, order, len(lengths) + len(torn))
        self._often = spread(parts, order)
        self._parts = [b""] * (2 * len(order) + 1)
        self._parts[0::2] = parts
        self._named: Callable[[Sequence[bytes]], Sequence[bytes]] = {
            0: lambda names: (),
            1: lambda names: (names[order[0]],),
        }.get(len(order)) or itemgetter(*order)

    def filled(self, names: Names) -> bytes:
        """The bytes with names in the places of the marks."""
        known = names.copy()
        for place, piece in self._torn:
            known.append(names[place][piece])
        for left, between, right in self._pairs:
            known.append(known[left] + between + known[right])
        parts = self._parts.copy()
        parts[1::2] = self._named(known)
        filled = b"".join(parts)
        return filled if self._often is None else filled.replace(SPREAD, known[self._often])


OFTEN = 4
"""How often a name, or a pair of them, has to come to be seen to apart from others."""
SPREAD = MARK.encode()
"""What stands for the name that comes most often, until all others are filled in. A text that has it
itself shows when the stencil is compared."""


def joined(parts: list[bytes], order: list[int], first: int) -> tuple[tuple[int, bytes, int], ...]:
    """Make one name of two, as long as the same two come often with the same between them, which the
    chunks of a stream are full of. Changes both lists; the names that are made count from `first`."""
    pairs: list[tuple[int, bytes, int]] = []
    while True:
        seen = Counter(zip(order, parts[1:], order[1:], strict=False))
        pair, count = seen.most_common(1)[0] if seen else ((0, b"", 0), 0)
        if count < OFTEN:
            return tuple(pairs)
        place = 0
        while place + 1 < len(order):
            if (order[place], parts[place + 1], order[place + 1]) == pair:
                order[place : place + 2] = [first + len(pairs)]
                del parts[place + 1]
            place += 1
        pairs.append(pair)


def spread(parts: list[bytes], order: list[int]) -> int | None:
    """The name that comes most often, if it does so often: in its places the parts become one, with a
    mark between them. Changes both lists."""
    name, count = Counter(order).most_common(1)[0] if order else (0, 0)
    if count < OFTEN:
        return None
    for place in reversed(range(len(order))):
        if order[place] == name:
            parts[place : place + 2] = [parts[place] + SPREAD + parts[place + 1]]
            del order[place]
    return name


@valueclass(frozen=True)
class HoleyExchange(WireExchange):
    """An exchange of which nothing may be asked that another call would be told otherwise."""

    jitters: bool = False
    """Whether its pace may be drawn, because the waits of a call are put in the places of others."""

    def fill(self, text: str) -> str:
        """A text without placeholders."""
        if "{{" in text:
            raise Unrepeatable(f"a placeholder was filled in: {text}")
        return text

    def random(self, label: str) -> Any:
        """What must not be drawn from."""
        return pacing_of(HOLES) if self.jitters and label == PACING else Undrawn()


PACING = "pacing"
"""What a pace is drawn under."""
HOLES = ("holes",)
"""What stands for the call that draws it."""


def pacing_of(who: tuple[object, ...]) -> Random:
    """What draws the pace of a call."""
    return dice.random(*who, PACING)


class Undrawn:
    """A generator of which nothing is drawn."""

    def __getattr__(self, name: str) -> Any:
        raise Unrepeatable(f"{name} was drawn")


class Watched:
    """A store in which nothing is found, and that knows what was looked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.absent: set[tuple[str, str]] = set()
        """Kinds and ids of what was looked for."""

    def get(self, kind: str, id: str, /) -> Any:
        """None; refused where something is there, because another call may find something else."""
        if self._store.get(kind, id) is not None:
            raise Unrepeatable("the store was read")
        self.absent.add((kind, id))

    def all(self, kind: str, /) -> tuple[Any, ...]:
        """Refused."""
        raise Unrepeatable("the store was read")


@valueclass(frozen=True)
class HoleyHere(Here):
    """No place and no time of its own."""

    mark: str = ""

    @property
    def date(self) -> str:
        """A mark."""
        return self.mark


class Stencil:
    """An answer with marks, from which answers are stamped.

    Raises `Unrepeatable` where that cannot be.
    """

    def __init__(
        self,
        answer: Answer,
        holes: Holes,
        absent: Iterable[tuple[str, str]] = (),
        timing: Pace | None = None,
    ) -> None:
        """`absent` are the kinds and ids of what the answer would be another with; `timing` is its
        pace where that varies."""
        self.answer = answer
        self.jitter: Jitter | None = None
        self._absent = tuple(absent)
        self._draw, order = drawing(tuple(holes.asks)[1:])  # without the date, which is the first
        self._lengths = tuple(holes.lengths)
        self._places = (len(order), *order)
        self._moves = answer.score.moves
        self._cut = Cut(answer.score.data, self._lengths, self._places)
        if timing is not None:
            events = [step.event for step in answer.steps]
            self.jitter = Jitter(events, timing)
            drawn = self.jitter.waits(pacing_of(HOLES))
            if any(drawn != waits_of(one) for one in (events, answer.lowered.events, self._moves)):
                raise Unrepeatable("not all waits are those of the pace")

    def holds(self, store: Store) -> bool:
        """Whether nothing is in the store that would make it another answer."""
        return not self._absent or all(store.get(kind, id) is None for kind, id in self._absent)

    def names(self, key: str, date: str) -> Names:
        """The names that an answer bears, the date last. They are drawn anew each time: those of a
        thousand calls would be kept for their journal."""
        names = self._draw(key)
        names.append(date.encode())
        return names

    def score(self, names: Names, who: tuple[object, ...]) -> Score:
        """What is played, under these names."""
        moves = self._moves
        if self.jitter is not None:
            moves = moves.like(self._waited(moves, who))
        return Score(moves, self._cut.filled(names))

    def _waited(self, events: tuple[Any, ...], who: tuple[object, ...]) -> tuple[Any, ...]:
        """The same events with the waits of a call."""
        if self.jitter is None:
            return events
        waits = iter(self.jitter.waits(pacing_of(who)))
        return tuple([next(waits) if type(event) is Wait else event for event in events])

    def full(
        self,
        names: Names,
        who: tuple[object, ...],
        reports: tuple[Report, ...],
        effects: tuple[Effect, ...],
    ) -> Answer:
        """The whole answer, under these names."""
        data, start = self._cut.filled(names), 0
        events: list[WireEvent] = []
        for event in self._waited(self.answer.lowered.events, who):
            if isinstance(event, Write):
                stop = start + len(event.data)
                events.append(Write(data[start:stop], event.apart))
                start = stop
            elif isinstance(event, Wait) and event.beat is not None:
                unit = self._event(event.beat.unit, names)
                assert isinstance(unit, Frame | Extra)
                events.append(replace(event, beat=Beat(event.beat.every, unit)))
            else:
                events.append(event)
        steps = self.answer.steps
        told = self._waited(tuple(step.event for step in steps), who)
        return replace(
            self.answer,
            steps=tuple(
                self._step(replace(step, event=event), names)
                for step, event in zip(steps, told, strict=True)
            ),
            lowered=Lowered(tuple(events), self.answer.lowered.origin),
            reports=reports,
            effects=effects,
        )

    def _step(self, step: Step, names: Names) -> Step:
        """A step, under these names."""
        raw = None if step.raw is None else self._bytes(step.raw, names)
        event = None if step.event is None else self._event(step.event, names)
        return replace(step, event=event, raw=raw)

    def _event(self, event: Message, names: Names) -> Message:
        """An event of the message timeline, under these names."""
        match event:
            case Head():
                headers = [(key, self._text(value, names)) for key, value in event.headers]
                return replace(event, headers=tuple(headers))
            case Frame():
                around = event.around
                if around is not None:
                    around = (self._bytes(around[0], names), self._bytes(around[1], names))
                return replace(event, data=self._bytes(event.data, names), around=around)
            case Extra(data):
                return Extra(self._bytes(data, names))
            case Wait(beat=Beat(every, unit)):
                filled = self._event(unit, names)
                assert isinstance(filled, Frame | Extra)
                return replace(event, beat=Beat(every, filled))
            case _:
                return event

    def _bytes(self, data: bytes, names: Names) -> bytes:
        """Bytes, under these names."""
        return Cut(data, self._lengths, self._places).filled(names)

    def _text(self, text: str, names: Names) -> str:
        """A text, under these names."""
        return self._bytes(text.encode("utf-8", "surrogateescape"), names).decode(
            "utf-8", "surrogateescape"
        )


class Stamped:
    """An answer under its own names, of which only what draws them is kept: the rest is the stencil's."""

    __slots__ = (
        "_date", "_full", "_key", "_skipped", "_stencil", "_who", "effects", "outline",
    )  # fmt: skip

    def __init__(
        self,
        stencil: Stencil,
        key: str,
        date: str,
        skipped: tuple[str | None, ...],
        effects: tuple[Effect, ...],
        who: tuple[object, ...],
    ) -> None:
        """`key` is the one of its identity; `skipped` tells why faults of the route do not act on this
        call, None for those that the stencil has the word on; `effects` are the call's own, and `who`
        identifies it where its pace is drawn."""
        self._stencil = stencil
        self._key = key
        self._date = date
        self.outline = stencil.answer
        """The same with marks for names, and other waits where its pace varies: right as far as
        kinds, places and sizes go."""
        self.effects = effects
        """What the call leaves behind for later ones, if it is carried out."""
        self._skipped = skipped
        self._who = who
        self._full: Answer | None = None

    @property
    def score(self) -> Score:
        """What the player plays; filled in anew each time, because nobody else needs it."""
        stencil = self._stencil
        return stencil.score(stencil.names(self._key, self._date), self._who)

    @property
    def reports(self) -> tuple[Report, ...]:
        """What becomes of each fault of the route."""
        made = self._stencil.answer.reports
        if not made or not any(self._skipped):
            return made
        return tuple(
            report if why is None else replace(report, skipped=why)
            for report, why in zip(made, self._skipped, strict=True)
        )

    @property
    def full(self) -> Answer:
        """The answer itself."""
        if self._full is None:
            names = self._stencil.names(self._key, self._date)
            self._full = self._stencil.full(names, self._who, self.reports, self.effects)
        return self._full
