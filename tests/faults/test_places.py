"""What an inserted frame knows of its place: how many frames of the script stand before it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from mockllm.faults.apply import apply
from mockllm.faults.often import Occasion
from mockllm.timeline.events import End, Frame, Head, Wait
from mockllm.timeline.slots import until_end
from tests.faults.exchange import FakeExchange, fault

SCRIPT = (
    Head(200, (("content-type", "text/event-stream"),)),
    Frame(("role",), b"r"),
    Wait(1.0),
    Frame(("content",), b"a"),
    Frame(("content",), b"b"),
    Frame(("finish",), b"f"),
    End(),
)


@dataclass(frozen=True)
class Placed(FakeExchange):
    """An exchange whose deltas say where they stand."""

    def delta(self, delta: dict[str, Any]) -> Frame:
        """The number of frames before."""
        return Frame(("extra",), b"%d" % self.frames)

    def within(self, label: str) -> Placed:
        """The same place, with other draws."""
        return replace(self, place=f"{self.place}{label} ")

    def behind(self, frames: int) -> Placed:
        """Another place."""
        return replace(self, frames=frames)


@pytest.mark.parametrize(
    ("at", "places"),
    [
        ("head", ["0"]),
        ("before role", ["0"]),
        ("after role", ["1"]),
        ("before content 2", ["2"]),
        ("after content 2", ["3"]),
        ("after content *", ["2", "3"]),
        ("end", ["4"]),
        ("t 500ms", ["0"]),
    ],
)
def test_places(at: str, places: list[str]) -> None:
    """Waits and the head are no frames; a place that only time decides has the number 0."""
    one = fault(send={"frame": {"delta": {}}}, at=at)
    made = until_end(apply(SCRIPT, (one,), lambda index: Occasion(), Placed()).sequence)
    events = [step.event for step in made]
    found = [event for event in events if isinstance(event, Frame) and event.kinds == ("extra",)]
    assert [frame.data.decode() for frame in found] == places
