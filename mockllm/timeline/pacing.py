"""A healthy server's timing, put into a script's timeline as waits.

The head and the role frame leave together with the first content frame, at TTFT after the
request; each further content frame follows ITL after the one before; finish, usage and done come
without a gap. A body of one frame comes when all of its pieces would have been generated.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from random import Random
from typing import Literal

from mockllm.timeline.events import Frame, Head, Message, Wait
from mockllm.timeline.valueclass import replace, valueclass

FLOW = frozenset({"content", "tool", "reasoning", "refusal"})
"""The kinds of frames that are generated piece by piece."""


Distribution = Literal["normal", "lognormal", "uniform"]


@valueclass(frozen=True, slots=True)
class Load:
    """How a server slows down with the requests that it answers at a time.

    Alone a request takes its own time; with every further one the times grow evenly, up to
    `slowdown` when all slots are taken. Further requests wait for a slot, for as long as the slots
    take to become free on average. What finds the queue full is refused.
    """

    slots: int
    slowdown: float = 1.0
    queue: int | None = None
    """How many may wait; None for any number."""

    def factor(self, inflight: int) -> float:
        """By how much everything takes longer."""
        if self.slots == 1:
            return self.slowdown
        busy = min(inflight, self.slots)
        return 1 + (self.slowdown - 1) * (busy - 1) / (self.slots - 1)

    def waiting(self, inflight: int) -> int:
        """The place in the queue; 0 for a slot."""
        return max(0, inflight - self.slots)

    def full(self, inflight: int) -> bool:
        """Whether there is no place in the queue."""
        return self.queue is not None and self.waiting(inflight) > self.queue


@valueclass(frozen=True, slots=True)
class Pace:
    """TTFT and ITL in seconds; jitter as a fraction of each."""

    ttft: float = 0.0
    itl: float = 0.0
    jitter: float = 0.0
    head: float | None = None
    """When the head leaves, in seconds after the request; None: with the first frame."""
    distribution: Distribution = "normal"
    """How the times spread around their means."""
    joins: bool = False
    """Whether frames that are late already share a write, instead of having one each."""

    def under(self, load: Load, inflight: int, pieces: int) -> Pace:
        """The timing among so many requests; an answer of so many pieces is the measure."""
        factor = load.factor(inflight)
        ttft, itl = self.ttft * factor, self.itl * factor
        answer = ttft + itl * max(0, pieces - 1)
        return replace(self, ttft=ttft + answer * load.waiting(inflight) / load.slots, itl=itl)

    def wait(self, seconds: float) -> Wait:
        """A wait of its schedule."""
        return Wait(seconds, paced=True, joins=self.joins)


def pace(events: Iterable[Message], timing: Pace, random: Random) -> tuple[Message, ...]:
    """Put the waits of a healthy server between the events of a script."""
    script = tuple(events)
    if timing.ttft == timing.itl == 0.0:
        return script
    if not any(isinstance(event, Frame) and not FLOW.isdisjoint(event.kinds) for event in script):
        return pace_whole(script, timing, random)
    out: list[Message] = []
    ttft = jittered(timing.ttft, timing, random)
    even = timing.wait(timing.itl) if timing.jitter == 0.0 else None
    first = True
    for event in script:
        match event:
            case Head() if timing.head is not None:
                early = min(timing.head, ttft)
                out += [timing.wait(early), event, timing.wait(ttft - early)]
                continue
            case Head():
                out.append(timing.wait(ttft))
            case Frame(kinds=kinds) if not FLOW.isdisjoint(kinds):
                if not first:
                    out.append(even or timing.wait(jittered(timing.itl, timing, random)))
                first = False
            case _:
                pass
        out.append(event)
    return tuple(out)


def pace_whole(script: tuple[Message, ...], timing: Pace, random: Random) -> tuple[Message, ...]:
    """The waits of an answer that is sent in one piece."""
    pieces = sum(event.tokens for event in script if isinstance(event, Frame))
    if pieces == 0:
        return script
    seconds = jittered(timing.ttft, timing, random) + sum(
        jittered(timing.itl, timing, random) for _ in range(pieces - 1)
    )
    if timing.head is None:
        return (timing.wait(seconds), *script)
    early = min(timing.head, seconds)
    return (timing.wait(early), script[0], timing.wait(seconds - early), *script[1:])


def jittered(mean: float, timing: Pace, random: Random) -> float:
    """A draw around the mean, never below zero.

    `normal` and `lognormal` have the jitter as deviation and are cut at three of them; `uniform`
    reaches just as far to both sides as the jitter says.
    """
    if timing.jitter == 0.0 or mean == 0.0:
        return mean
    deviation = mean * timing.jitter
    match timing.distribution:
        case "normal":
            drawn = random.gauss(mean, deviation)
        case "lognormal":
            # The sigma of a lognormal distribution with this mean and deviation.
            sigma = math.sqrt(math.log1p(timing.jitter**2))
            drawn = random.lognormvariate(math.log(mean) - sigma**2 / 2, sigma)
        case _:
            drawn = random.uniform(mean - deviation, mean + deviation)
    return max(0.0, min(max(drawn, mean - 3 * deviation), mean + 3 * deviation))
