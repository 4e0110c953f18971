"""Slots never move, and closing them gives the sequence back."""

from __future__ import annotations

import pytest

from mockllm.timeline.events import FOREVER, Close, End, Message, Wait
from mockllm.timeline.slots import (
    Step,
    insert,
    open_slots,
    rewrite,
    steps,
    until_end,
)
from tests.timeline.samples import DONE, ROLE, STREAM, script

MARK = (Step(Wait(9.0), (0,)),)


def events(sequence: tuple[Step, ...] | None) -> tuple[Message | None, ...] | None:
    """The events alone."""
    return None if sequence is None else tuple(step.event for step in sequence)


def of(*messages: Message | None) -> tuple[Step, ...]:
    """Steps without faults."""
    return tuple(map(Step, messages))


def test_open_and_close() -> None:
    """A timeline without changes closes to its script."""
    assert events(steps(open_slots(script(3)))) == script(3)


def test_insert_keeps_order() -> None:
    """What is put on one side of a slot stands in the order in which it was put there."""
    timeline = open_slots((STREAM, DONE))
    for side, seconds in (("after", 1.0), ("before", 2.0), ("after", 3.0), ("before", 4.0)):
        made = (Step(Wait(seconds)),)
        timeline = insert(timeline, 0, "before" if side == "before" else "after", made)
    waits = [Wait(2.0), Wait(4.0), STREAM, Wait(1.0), Wait(3.0), DONE]
    assert events(steps(timeline)) == tuple(waits)


def test_rewrite_leaves_what_was_put_beside() -> None:
    """Only the frame of a slot is changed, and a change may make it several or none."""
    timeline = insert(open_slots((STREAM, ROLE, DONE)), 1, "after", MARK)
    doubled = rewrite(timeline, [1], lambda step: (step, step))
    assert events(steps(doubled)) == (STREAM, ROLE, ROLE, Wait(9.0), DONE)
    gone = rewrite(doubled, [1, 2], lambda step: ())
    assert events(steps(gone)) == (STREAM, Wait(9.0))


@pytest.mark.parametrize(
    ("end", "behind"),
    [(End(), ()), (Close("rst"), ()), (Wait(FOREVER), ()), (Wait(1.0), (DONE, End()))],
)
def test_until_end(end: Message, behind: tuple[Message, ...]) -> None:
    """The first end is the last event; a wait forever is one, any other wait is none."""
    assert events(until_end(of(STREAM, end, DONE, End()))) == (STREAM, end, *behind)


def test_until_end_of_what_has_none() -> None:
    """A sequence without an end stays whole."""
    assert until_end(of(STREAM, ROLE)) == of(STREAM, ROLE)
