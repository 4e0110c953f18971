"""A script's timeline, opened for faults.

Every event of the script has a slot, and the slots never move: an anchor that is resolved against
the script stays true whatever faults before it did. A fault puts steps before or after a slot's
event, or in its place. `steps()` closes the slots again into one sequence that remembers which
fault each step came from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar, Literal

from mockllm.timeline.events import Close, End, Frame, Head, Message, Wait
from mockllm.timeline.valueclass import replace, valueclass

Side = Literal["before", "after"]


@valueclass(frozen=True, slots=True)
class Transfer:
    """How the body is framed, where that differs from what its head says."""

    framing: Literal["te+cl", "none", "twice"] | None = None
    length: Literal["short", "long", "both"] | int | None = None
    wrong_chunks: bool = False


class Encoder:
    """Another way to put an answer into bytes; by default nothing changes.

    Each stage of `mockllm.timeline.encoding` and `framing` asks the encoders of the steps that it
    works on, so an encoder says only what it is about.
    """

    streams_only: ClassVar[bool] = False
    """Whether its dress is for server-sent events alone, so that a document stays as it is."""

    def dress(self, data: bytes, frame: Frame) -> bytes:
        """One frame as it stands in the body, in other bytes of the same meaning."""
        return data

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """One unit of the answer as several writes."""
        return (data,)

    def head(self, head: Head) -> Head:
        """The head that announces the encoding."""
        return head

    def whole(self, steps: Iterable[Step], /) -> Iterable[Step]:
        """The whole answer, whose steps have their bytes, from its head on; in a generator, because
        the steps of live traffic come one by one. An empty step stands for a pause: it is passed on
        before another step is asked for."""
        return steps

    def transfer(self, transfer: Transfer) -> Transfer:
        """The framing of the body."""
        return transfer


@valueclass(frozen=True, slots=True)
class Step:
    """One event of the finished message timeline, and where it came from."""

    event: Message | None
    """None where a fault took the event away: the step then only says that it did."""
    faults: tuple[int, ...] = ()
    """The faults (by their place in the list) that made or changed it."""
    encoders: tuple[Encoder, ...] = ()
    """How this step is put into bytes."""
    whole: tuple[Encoder, ...] = ()
    """On the head: how the body as a whole is."""
    raw: bytes | None = None
    """The step's bytes in the body, once an encoder has made them."""
    begun: bool = False
    """Whether the first bytes of the frame stand before it, so that no pace delays it again."""


@valueclass(frozen=True, slots=True)
class Slot:
    """The place of one event of the script."""

    origin: Message
    before: tuple[Step, ...]
    now: tuple[Step, ...]
    after: tuple[Step, ...]


Timeline = tuple[Slot, ...]


def open_slots(events: Iterable[Message]) -> Timeline:
    """Give each event of a script its slot."""
    return tuple(Slot(event, (), (Step(event),), ()) for event in events)


def insert(timeline: Timeline, index: int, side: Side, steps: tuple[Step, ...]) -> Timeline:
    """Put steps on one side of a slot, behind what earlier faults put there."""
    slot = timeline[index]
    if side == "before":
        slot = replace(slot, before=slot.before + steps)
    else:
        slot = replace(slot, after=slot.after + steps)
    return (*timeline[:index], slot, *timeline[index + 1 :])


def rewrite(
    timeline: Timeline, indexes: Iterable[int], change: Callable[[Step], tuple[Step, ...]]
) -> Timeline:
    """Replace what stands in the given slots, step by step."""
    chosen = frozenset(indexes)
    return tuple(
        replace(slot, now=tuple(new for step in slot.now for new in change(step)))
        if index in chosen
        else slot
        for index, slot in enumerate(timeline)
    )


def steps(timeline: Timeline) -> tuple[Step, ...]:
    """Close the slots: everything in order, also what follows an early end."""
    return tuple(step for slot in timeline for step in (*slot.before, *slot.now, *slot.after))


def until_end(sequence: tuple[Step, ...]) -> tuple[Step, ...]:
    """What will be played: everything up to the first end. Nothing follows a wait forever."""
    for index, step in enumerate(sequence):
        event = step.event
        if type(event) is Frame:  # nearly all of them
            continue
        match event:
            case End() | Close() | Wait(seconds=math.inf):
                return sequence[: index + 1]
    return sequence
