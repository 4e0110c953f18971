"""A healthy server's timing, put into a script's timeline as waits.

The head and the role frame leave together with the first content frame, at TTFT after the
request; each further content frame follows ITL after the one before; finish, usage and done come
without a gap. A body of one frame comes when all of its pieces would have been generated.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from mockllm.timeline.events import Frame, Head, Message, Wait

FLOW = frozenset({"content", "tool", "reasoning", "refusal"})
"""The kinds of frames that are generated piece by piece."""


@dataclass(frozen=True, slots=True)
class Pace:
    """TTFT and ITL in seconds; jitter as a fraction of each."""

    ttft: float = 0.0
    itl: float = 0.0
    jitter: float = 0.0
    head: float | None = None
    """When the head leaves, in seconds after the request; None: with the first frame."""


INSTANT = Pace()


def pace(events: Iterable[Message], timing: Pace, random: Random) -> tuple[Message, ...]:
    """Put the waits of a healthy server between the events of a script."""
    script = tuple(events)
    if timing == INSTANT:
        return script
    if not any(isinstance(event, Frame) and FLOW.intersection(event.kinds) for event in script):
        return pace_whole(script, timing, random)
    out: list[Message] = []
    ttft = jittered(timing.ttft, timing.jitter, random)
    first = True
    for event in script:
        match event:
            case Head() if timing.head is not None:
                early = min(timing.head, ttft)
                out += [Wait(early, paced=True), event, Wait(ttft - early, paced=True)]
                continue
            case Head():
                out.append(Wait(ttft, paced=True))
            case Frame(kinds=kinds) if FLOW.intersection(kinds):
                if not first:
                    out.append(Wait(jittered(timing.itl, timing.jitter, random), paced=True))
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
    seconds = jittered(timing.ttft, timing.jitter, random) + sum(
        jittered(timing.itl, timing.jitter, random) for _ in range(pieces - 1)
    )
    if timing.head is None:
        return (Wait(seconds, paced=True), *script)
    early = min(timing.head, seconds)
    return (
        Wait(early, paced=True),
        script[0],
        Wait(seconds - early, paced=True),
        *script[1:],
    )


def jittered(mean: float, jitter: float, random: Random) -> float:
    """A draw around the mean: normal, cut at three standard deviations and at zero."""
    if jitter == 0.0 or mean == 0.0:
        return mean
    deviation = mean * jitter
    drawn = random.gauss(mean, deviation)
    return max(0.0, min(max(drawn, mean - 3 * deviation), mean + 3 * deviation))
