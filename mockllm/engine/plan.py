"""The plan of one call: what will be sent, when, and which faults act; and what it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from mockllm.engine.answer import Answer
from mockllm.engine.routes import Found, Miss
from mockllm.engine.stencil import Stamped
from mockllm.faults.apply import Report
from mockllm.faults.often import By, Tally
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile, Route
from mockllm.scripts.script import Script
from mockllm.timeline.events import Head, Wait, WireEvent
from mockllm.timeline.framing import Lowered
from mockllm.timeline.slots import Step
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.wire import Wire


@valueclass(frozen=True, slots=True)
class Conditions:
    """How a server plays: the same for all of its calls."""

    seed: int | None = None
    """Where chance begins; None: where the profile says, else at 0."""
    speed: float = 1.0
    """Divides waits, pacing and windows; header values stay. Profiles that are not scalable play
    as if it were 1."""
    paced: bool = True
    """Whether a healthy server takes its time; faults always do."""


@valueclass(frozen=True, slots=True)
class Visit:
    """When a call came: what counters and the clock say of it."""

    ordinal: int = 1
    """The how manieth call of its session at the route."""
    attempt: str = ".1"
    elapsed: float = 0.0
    tallies: Mapping[By, Tally] = field(default_factory=dict, compare=False)
    """What was counted in each scope that the route's faults ask for."""
    ticket: int = field(default=0, compare=False)
    """Under which the counters know the attempt, for its end; 0 where nothing was counted."""
    number: int = field(default=0, compare=False)
    """Which attempt of its logical call it is; 0 where nothing was counted."""
    first: int = field(default=0, compare=False)
    """The journal's number of that call's first attempt; 0 where this is it."""
    connection: int = field(default=0, compare=False)
    """The number of its connection, from 1; 0 where that is not known."""


HEALTHY = Route.model_construct()
"""What a call gets that no route matches."""


@valueclass(frozen=True, slots=True)
class Plan:
    """What will be sent to one call."""

    call: Call
    profile: str
    found: Found
    visit: Visit
    answer: Answer | Stamped
    speed: float
    wire: Wire | None = None
    before: frozenset[int] = frozenset()
    """The faults that acted while the request's body arrived."""

    @property
    def refused(self) -> str | None:
        """Why the answer is a refusal of the request; None if the request is in order."""
        return self.answer.outline.refused

    @property
    def steps(self) -> tuple[Step, ...]:
        """What will be played, up to the first end, in the script's own time."""
        return self.answer.full.steps

    @property
    def lowered(self) -> Lowered:
        """What the socket does, in the server's time."""
        return self.answer.full.lowered

    @property
    def outline(self) -> Answer:
        """What is sent as far as kinds, places and sizes go; its names may be those of another call."""
        return self.answer.outline

    @property
    def reports(self) -> tuple[Report, ...]:
        """What becomes of each fault of the route."""
        return self.answer.reports

    @property
    def head(self) -> Head | None:
        """The response head, if one is sent."""
        return self.answer.full.head

    @property
    def script(self) -> Script | None:
        """What a healthy server would have said; None where the request is refused."""
        return self.answer.outline.script

    @property
    def carried_out(self) -> bool:
        """Whether a real server would have carried the request out, and billed it."""
        return self.answer.outline.carried_out

    @property
    def misses(self) -> tuple[Miss, ...]:
        """The routes that were not taken, and why not."""
        return self.found.misses(self.call)

    @property
    def nearest(self) -> list[Miss]:
        """The same, the nearest first."""
        return self.found.nearest(self.call)

    @property
    def whole(self) -> bool:
        """Whether the answer comes to its own end: no fault that did not begin it has cut it."""
        return self.answer.outline.whole


def fitting(conditions: Conditions, profile: Profile) -> Conditions:
    """The conditions under which a profile plays.

    The seed is what the server was told, else the profile's, else 0; a profile that is not scalable
    takes its own time.
    """
    seeds = (conditions.seed, profile.seed, 0)
    seed = next(seed for seed in seeds if seed is not None)
    speed = conditions.speed if profile.scalable else 1.0
    if (seed, speed) == (conditions.seed, conditions.speed):
        return conditions
    return Conditions(seed, speed, conditions.paced)


def hastened(lowered: Lowered, speed: float) -> Lowered:
    """The same timeline with its waits divided."""
    if speed == 1.0:
        return lowered
    return Lowered(tuple(hasten(event, speed) for event in lowered.events), lowered.origin)


def hasten(event: WireEvent, speed: float) -> WireEvent:
    """A wait, and its heartbeat, divided."""
    if not isinstance(event, Wait):
        return event
    beat = replace(event.beat, every=event.beat.every / speed) if event.beat else None
    return replace(event, seconds=event.seconds / speed, beat=beat)
