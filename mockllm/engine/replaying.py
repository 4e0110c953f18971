"""A recorded answer in a plan: exactly what came, where nothing changes it.

A plan has its events on two levels, and the journal reads from the one what was sent of the other.
Of a recording the two are made apart, so each event is told to which step it belongs: the first
message that is not whole before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mockllm.faults.often import By, Tally
from mockllm.matchers.call import Call
from mockllm.scripts.script import Recorded
from mockllm.timeline.events import Wait
from mockllm.timeline.framing import Lowered
from mockllm.timeline.slots import Step, until_end
from mockllm.timeline.valueclass import replace

if TYPE_CHECKING:
    from mockllm.cassettes.playing import Playable


def numbered(call: Call, tallies: Mapping[By, Tally], ordinal: int) -> Call:
    """The call with its numbers, for a script that asks for them."""
    other = Tally(ordinal)
    return replace(
        call,
        visit=ordinal,
        repeat=tallies.get("request body", other).ordinal,
        ordinal=tallies.get("model", other).ordinal,
    )


def as_it_came(recorded: Recorded, sequence: Sequence[Step], call: Call) -> bool:
    """Whether the recording is played byte for byte: in its own time, untouched by faults, and to a
    client that can read it (HTTP/1.0 knows no chunks)."""
    return (
        recorded.timing == "recorded"
        and not call.http10
        and not any(step.faults or step.encoders for step in sequence)
    )


def exactly(playable: Playable, sequence: tuple[Step, ...], call: Call, *, paced: bool) -> Lowered:
    """What came, as what the socket does."""
    played = until_end(sequence)
    places = [index for index, step in enumerate(played) if not isinstance(step.event, Wait)]
    times = [one.at for one in playable.timed]
    places = [*places[: len(times)], len(played) - 1]
    timed = playable.events(paced=paced, closing=not call.keep_alive)
    return Lowered(
        tuple(event for _, event in timed),
        tuple(places[-1 if at is None else bisect_left(times, at)] for at, _ in timed),
    )
