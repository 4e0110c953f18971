"""From frames to the bytes of a body: what encoders make of them, before the body is framed.

The stages, in this order: the head announces, each frame is dressed, the whole body is encoded.
Then a change of pace and faults at a byte of the body find their places. A timeline without
encoders passes through unchanged, and `framing` dresses its frames as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mockllm.timeline.events import Beat, Extra, Frame, Head, Onward, Wait
from mockllm.timeline.slots import Encoder, Step

TICK = 0.1
"""Seconds between two bits of a body whose bandwidth is limited."""


@dataclass(frozen=True, slots=True)
class Bandwidth(Encoder):
    """So many bytes a second, in bits of a tenth of a second."""

    rate: float

    def cut(self, data: bytes) -> Sequence[bytes | Wait]:
        """Bits with the silence that each takes on a slow line."""
        size = max(1, int(self.rate * TICK))
        parts: list[bytes | Wait] = []
        for start in range(0, len(data), size):
            bit = data[start : start + size]
            parts += [bit, Wait(len(bit) / self.rate)]
        return parts


def is_event_stream(head: Head | None) -> bool:
    """Whether the head announces server-sent events."""
    return head is not None and (head.get("content-type") or "").startswith("text/event-stream")


def dress(frame: Frame, *, stream: bool) -> bytes:
    """A frame as it stands in the body."""
    if not stream:
        return frame.data
    if frame.event is None:
        return b"data: " + frame.data + b"\n\n"
    return b"event: " + frame.event.encode() + b"\ndata: " + frame.data + b"\n\n"


def body_bytes(step: Step, *, stream: bool) -> bytes | None:
    """The bytes of a step in the body; None for a step that has none."""
    if step.raw is not None:
        return step.raw
    match step.event:
        case Frame() as frame:
            return dress(frame, stream=stream)
        case Extra(data):
            return data
        case _:
            return None


def encode(sequence: tuple[Step, ...]) -> tuple[Step, ...]:
    """Let the encoders of head and frames do their work."""
    if not any(step.encoders or step.whole for step in sequence):
        return sequence
    whole: tuple[Encoder, ...] = ()
    stream = False
    out: list[Step] = []
    for step in sequence:
        match step.event:
            case Head() as head:
                whole = step.whole
                for encoder in whole:
                    head = encoder.head(head)
                stream = is_event_stream(head)
                out.append(replace(step, event=head))
            case Frame() as frame:
                data = dress(frame, stream=stream)
                for encoder in step.encoders:
                    data = encoder.dress(data, frame)
                out.append(replace(step, raw=data))
            case Extra(data):
                out.append(replace(step, raw=data))
            case _:
                out.append(step)
    made = tuple(out)
    for encoder in whole:
        made = encoder.whole(made)
    return made


def onward(sequence: tuple[Step, ...]) -> tuple[Step, ...]:
    """Let a change of pace reach what follows it."""
    if not any(isinstance(step.event, Onward) for step in sequence):
        return sequence
    return tuple(paced_anew(sequence))


def paced_anew(sequence: tuple[Step, ...]) -> Iterator[Step]:
    """Each step at the pace that holds for it."""
    drip: float | None = None
    line: tuple[Encoder, ...] = ()
    cause: tuple[int, ...] = ()
    for step in sequence:
        match step.event:
            case Onward(drip=seconds, bandwidth=rate):
                cause = step.faults
                drip = seconds if seconds is not None else drip
                line = (Bandwidth(rate),) if rate is not None else line
                yield step
            case Wait(paced=True) if drip is not None:
                continue
            case Frame():
                if drip is not None:
                    yield Step(Wait(drip), cause)
                yield replace(step, encoders=step.encoders + line)
            case Extra():
                yield replace(step, encoders=step.encoders + line)
            case _:
                yield step


def insert_at_byte(
    sequence: tuple[Step, ...], offset: int, new: tuple[Step, ...]
) -> tuple[Step, ...] | None:
    """Put steps at a byte of the body, cutting the frame that it falls into.

    A negative offset counts from the end of the body. None where the body is shorter.
    """
    head = next((step.event for step in sequence if isinstance(step.event, Head)), None)
    if head is None:
        return None
    stream = is_event_stream(head)
    sizes = [len(body_bytes(step, stream=stream) or b"") for step in sequence]
    place = offset if offset >= 0 else sum(sizes) + offset
    if not 0 <= place <= sum(sizes):
        return None
    begin = next(i for i, step in enumerate(sequence) if isinstance(step.event, Head)) + 1
    if place == 0:
        return (*sequence[:begin], *new, *sequence[begin:])
    for index in range(begin, len(sequence)):
        if place > sizes[index]:
            place -= sizes[index]
            continue
        step = sequence[index]
        data = body_bytes(step, stream=stream) or b""
        if place == len(data):
            return (*sequence[: index + 1], *new, *sequence[index + 1 :])
        start = Step(Extra(data[:place]), step.faults, step.encoders, raw=data[:place])
        rest = replace(step, raw=data[place:])
        return (*sequence[:index], start, *new, rest, *sequence[index + 1 :])
    return None


def beat_bytes(beat: Beat, *, stream: bool) -> bytes:
    """The bytes of a heartbeat in the body."""
    return body_bytes(Step(beat.unit), stream=stream) or b""
