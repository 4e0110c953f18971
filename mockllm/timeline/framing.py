"""From messages to bytes: the one place that frames a body.

The response head alone decides: an event stream dresses each frame as a server-sent event;
`transfer-encoding: chunked` makes each body unit one chunk; `content-length` sends the body as it
is; with neither, the end of the body is the end of the connection. There are no side channels.

Sources: RFC 9112 sections 6 and 7 (framing); the WHATWG HTML standard, "Server-sent events".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mockllm.timeline.events import (
    AUTO,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Wait,
    WireEvent,
    Write,
)
from mockllm.timeline.slots import Step, until_end

LAST_CHUNK = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Lowered:
    """A wire timeline; `origin[i]` is the step that event `i` came from."""

    events: tuple[WireEvent, ...]
    origin: tuple[int, ...]


def lower(sequence: tuple[Step, ...], *, date: str, body_allowed: bool = True) -> Lowered:
    """Turn a message timeline into what the socket must do.

    `date` is the text for a date header whose value is left open. `body_allowed` is False for an
    answer to HEAD. An announced length covers the whole body of the timeline, also what an early
    close keeps from being sent.
    """
    events: list[WireEvent] = []
    origin: list[int] = []
    head: Head | None = None
    stream = chunked = False
    for index, step in enumerate(until_end(sequence)):
        made: Sequence[WireEvent]
        match step.event:
            case None:
                continue
            case Head() as event:
                head = event
                stream = is_event_stream(head)
                chunked = head.has("transfer-encoding", "chunked")
                body_allowed = body_allowed and head.status not in (204, 304)
                length = body_length(sequence[index + 1 :], stream)
                made = [Write(render_head(head, length=length, date=date))]
            case Frame() | Extra() if not body_allowed:
                continue
            case Frame() | Extra():
                made = [
                    Write(chunk(part) if chunked else part) if isinstance(part, bytes) else part
                    for part in body_units(step, stream)
                    if part != b""
                ]
            case End():
                made = [Write(LAST_CHUNK)] if chunked and body_allowed else []
                if head is None or ends_with_connection(head):
                    made = [*made, Close("fin", complete=True)]
            case Wait() | Close() as event:
                made = [event]
        events.extend(made)
        origin.extend([index] * len(made))
    return Lowered(tuple(events), tuple(origin))


def is_event_stream(head: Head) -> bool:
    """Whether the head announces server-sent events."""
    return (head.get("content-type") or "").startswith("text/event-stream")


def ends_with_connection(head: Head) -> bool:
    """Whether the connection is closed after a proper end of the body."""
    framed = head.get("transfer-encoding") or head.get("content-length")
    return framed is None or head.has("connection", "close")


def dress(frame: Frame, *, stream: bool) -> bytes:
    """A frame as it stands in the body."""
    if not stream:
        return frame.data
    if frame.event is None:
        return b"data: " + frame.data + b"\n\n"
    return b"event: " + frame.event.encode() + b"\ndata: " + frame.data + b"\n\n"


def body_units(step: Step, stream: bool) -> Sequence[bytes | Wait]:
    """The bytes of one step of the body, after its encoders."""
    match step.event:
        case Frame() as frame:
            data = dress(frame, stream=stream)
        case Extra(data):
            return (data,)
        case _:
            return ()
    for encoder in step.encoders:
        data = encoder.dress(data)
    units: Sequence[bytes | Wait] = (data,)
    for encoder in step.encoders:
        units = [
            part
            for unit in units
            for part in ((unit,) if isinstance(unit, Wait) else encoder.cut(unit))
        ]
    return units


def body_length(rest: Iterable[Step], stream: bool) -> int:
    """The length of the body up to its proper end."""
    total = 0
    for step in rest:
        if isinstance(step.event, End):
            break
        total += sum(len(part) for part in body_units(step, stream) if isinstance(part, bytes))
    return total


def chunk(data: bytes) -> bytes:
    """One chunk of HTTP/1.1 transfer coding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def render_head(head: Head, *, length: int, date: str) -> bytes:
    """The status line and headers, in their order and case."""
    filled = {"content-length": str(length), "date": date}
    lines = [f"HTTP/1.1 {head.status} {reason_phrase(head)}"]
    lines += [
        f"{name}: {filled.get(name.lower(), value) if value == AUTO else value}"
        for name, value in head.headers
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


def reason_phrase(head: Head) -> str:
    """The reason phrase; empty for a status that has none (529, as uvicorn and aiohttp send it)."""
    if head.reason is not None:
        return head.reason
    try:
        return HTTPStatus(head.status).phrase
    except ValueError:
        return ""
