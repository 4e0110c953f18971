"""A wire timeline as it is played: its bytes in one piece, and what is done with parts of them.

What nothing separates shares a call of the socket, because a call takes as long as making ten
frames; what a fault cut stays apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from functools import cached_property
from itertools import accumulate, pairwise

from mockllm.timeline.events import Close, Wait, WireEvent, Write
from mockllm.timeline.valueclass import valueclass

SHARED = 16 << 10
"""Bytes from which on a call is not shared, so that a slow reader is heard in time."""
AT_ONCE = 16
"""Sends that are made without looking at anything else."""
NEAR = 0.1
"""Seconds up to which a paced wait is one that streams spend most of their time in."""


@valueclass(frozen=True, slots=True)
class Send:
    """Some of the bytes, in one call."""

    start: int
    stop: int
    events: int = 1
    """How many writes of the wire timeline they are."""
    goes_on: bool = field(default=False, compare=False)
    """Whether the next send is one with this, and is another only because this is long."""
    joins: bool = False
    """Whether the send behind the next wait may be one with this, where that wait is over already."""


Move = Send | Wait | Close
"""What a player does at once, or waits for."""


class Moves(tuple[Move, ...]):
    """What is done, one after another, and what follows from it: the same for all answers that differ
    in nothing but their bytes."""

    @cached_property
    def steady(self) -> bytes:
        """At the place of each send that a wait of its pace follows, 1; 0 at every other place, and
        behind the last."""
        pairs = pairwise(self)
        return bytes([type(move) is Send and is_steady(behind) for move, behind in pairs]) + b"\0\0"

    @cached_property
    def events(self) -> tuple[int, ...]:
        """How many events of the wire timeline come before each, and before the end."""
        counts = [move.events if isinstance(move, Send) else 1 for move in self]
        return tuple(accumulate(counts, initial=0))

    def sent(self, place: int) -> int:
        """How many of the bytes the moves before a place send."""
        sends = (move.stop for move in reversed(self[:place]) if isinstance(move, Send))
        return next(sends, 0)

    def like(self, moves: Iterable[Move]) -> Moves:
        """Others, which differ from these in nothing but how long their pace waits."""
        made = Moves(moves)
        made.steady, made.events = self.steady, self.events
        return made


def is_steady(move: Move) -> bool:
    """Whether it is a wait of a pace behind which a frame is not joined with the one before."""
    return type(move) is Wait and move.paced and not move.joins


@valueclass(frozen=True, slots=True)
class Score:
    """What a player plays."""

    moves: Moves
    data: bytes

    @property
    def at_once(self) -> bool:
        """Whether nothing is waited for, the connection stays, and it is over soon."""
        return len(self.moves) <= AT_ONCE and all(type(move) is Send for move in self.moves)

    def offer(self, take: Callable[[bytes], int]) -> int:
        """Make the sends of a score that is sent at once, up to one of which not all is taken; how
        many bytes were."""
        taken = 0
        for move in self.moves:
            assert isinstance(move, Send), "what is sent at once has no waits"
            if move.goes_on:
                continue
            taken += take(self.data[taken : move.stop])
            if taken < move.stop:
                break
        return taken

    def behind(self, taken: int) -> tuple[Score, int]:
        """What is left of a score that is sent at once when so many bytes have been taken, and how
        many events of the wire timeline are over."""
        over, left = 0, []
        for move in self.moves:
            assert isinstance(move, Send), "what is sent at once has no waits"
            if move.stop <= taken:
                over += move.events
            else:
                left.append(Send(max(move.start, taken), move.stop, move.events))
        return Score(Moves(left), self.data), over


def score(events: Iterable[WireEvent]) -> Score:
    """What is played for a wire timeline."""
    moves: list[Move] = []
    parts: list[bytes] = []
    start = stop = count = 0
    """The send that is being made: none where `count` is 0."""
    joins = False
    """Whether the two moves before are a send that is not apart, and a wait that joins."""

    def close(*, goes_on: bool = False) -> None:
        nonlocal start, count
        if count:
            moves.append(Send(start, stop, count, goes_on))
        start, count = stop, 0

    for event in events:
        if type(event) is not Write:
            joins = count > 0 and type(event) is Wait and event.joins
            close()
            moves.append(event)  # type: ignore[arg-type]  # mypy does not narrow by `type`
            continue
        if joins and not event.apart:
            before = moves[-2]
            assert isinstance(before, Send)
            moves[-2] = Send(before.start, before.stop, before.events, joins=True)
        joins = False
        if event.apart or stop - start >= SHARED:
            close(goes_on=not event.apart)
        parts.append(event.data)
        stop += len(event.data)
        count += 1
        if event.apart:
            close()
    close()
    return Score(Moves(moves), b"".join(parts))
