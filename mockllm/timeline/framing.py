"""From messages to bytes: the one place that frames a body.

The response head alone decides: an event stream dresses each frame as a server-sent event;
`transfer-encoding: chunked` makes each body unit one chunk; `content-length` sends the body as it
is; with neither, the end of the body is the end of the connection. There are no side channels.

Sources: RFC 9112 sections 6 and 7 (framing); the WHATWG HTML standard, "Server-sent events".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus

from mockllm.timeline.encoding import beat_bytes, body_bytes, cut_up, dress, is_event_stream
from mockllm.timeline.events import (
    AUTO,
    FOREVER,
    Beat,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Onward,
    Wait,
    WireEvent,
    Write,
)
from mockllm.timeline.slots import Step, Transfer, until_end
from mockllm.timeline.valueclass import replace, valueclass

LAST_CHUNK = b"0\r\n\r\n"
WRONG_BY = 10
"""By how many bytes a wrong length misses the right one."""


@valueclass(frozen=True, slots=True)
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
    body = Body()
    for index, step in enumerate(until_end(sequence)):
        made: Sequence[WireEvent]
        message = step.event
        if body.allowed and head is not None and not step.encoders and type(message) is Frame:
            # What nearly all steps are, in short.
            data = step.raw if step.raw is not None else dress(message, stream=body.stream)
            if data:
                events.append(Write(body.frame(data)))
                origin.append(index)
            continue
        match message:
            case None | Onward():
                continue
            case Head() as event:
                body = body_of(event, step, sequence[index + 1 :], body_allowed)
                head = body.head(event)
                made = cut(step, render_head(head, length=body.length, date=date), None)
            case Frame() | Extra() if not body.allowed:
                continue
            case Frame() | Extra():
                data = body_bytes(step, stream=body.stream) or b""
                made = cut(step, data, body if head is not None else None)
            case End():
                made = [Write(LAST_CHUNK)] if body.chunked and body.allowed else []
                if head is None or ends_with_connection(head):
                    made = [*made, Close("fin", complete=True)]
            case Wait(beat=Beat() as beat) as event:
                unit = beat_bytes(beat, stream=body.stream)
                framed = body.frame(unit) if head is not None and body.allowed else unit
                made = [replace(event, beat=Beat(beat.every, Extra(framed)))]
            case Wait() | Close() as event:
                made = [event]
        events.extend(made)
        origin.extend([index] * len(made))
    return Lowered(tuple(events), tuple(origin))


AS_ANNOUNCED = Transfer()
"""No fault in the framing."""


@valueclass(frozen=True, slots=True)
class Body:
    """How a body is put on the wire: what its head says, and what faults make of that."""

    stream: bool = False
    chunked: bool = False
    allowed: bool = True
    length: int = 0
    transfer: Transfer = AS_ANNOUNCED

    def frame(self, data: bytes) -> bytes:
        """One body unit as it is written."""
        if not self.chunked:
            return data
        size = len(data) + 1 if self.transfer.wrong_chunks else len(data)
        return b"%x\r\n%b\r\n" % (size, data)

    def head(self, head: Head) -> Head:
        """The head with the framing headers that the faults want."""
        return replace(head, headers=framing_headers(head, self))


def body_of(head: Head, step: Step, rest: Sequence[Step], allowed: bool) -> Body:
    """How the body behind a head is framed."""
    transfer = AS_ANNOUNCED
    for encoder in step.whole:
        transfer = encoder.transfer(transfer)
    stream = is_event_stream(head)
    chunked = head.has("transfer-encoding", "chunked")
    if transfer.framing == "none" or (transfer.length is not None and transfer.framing is None):
        chunked = False
    elif transfer.framing == "te+cl":
        chunked = True
    # Only a length that is announced is worth counting: most streams announce none.
    counted = transfer.framing is not None or transfer.length is not None
    counted = counted or head.get("content-length") == AUTO
    length = body_length(rest, stream) if counted else 0
    return Body(stream, chunked, allowed and head.status not in (204, 304), length, transfer)


def framing_headers(head: Head, body: Body) -> tuple[tuple[str, str], ...]:
    """The headers, with others in the place of those that frame the body."""
    transfer = body.transfer
    if transfer.framing is None and transfer.length is None:
        return head.headers
    coding = [("transfer-encoding", "chunked")]
    lengths = [("content-length", str(length)) for length in announced(body)]
    new = {
        "te+cl": coding + lengths,
        "none": [],
        "twice": coding * 2 if body.chunked else lengths * 2,
    }.get(transfer.framing or "", coding if body.chunked else lengths)
    out: list[tuple[str, str]] = []
    for name, value in head.headers:
        if name.lower() in ("transfer-encoding", "content-length"):
            out += new
            new = []
        else:
            out.append((name, value))
    return (*out, *new)


def announced(body: Body) -> list[int]:
    """The lengths that the head announces."""
    match body.transfer.length:
        case None:
            return [body.length]
        case "short":
            return [max(0, body.length - WRONG_BY)]
        case "long":
            return [body.length + WRONG_BY]
        case "both":
            return [body.length, body.length + WRONG_BY]
        case int() as length:
            return [length]


def cut(step: Step, data: bytes, body: Body | None) -> list[WireEvent]:
    """The writes of one step, each framed."""
    apart = bool(step.encoders)
    return [
        unit if isinstance(unit, Wait) else Write(unit if body is None else body.frame(unit), apart)
        for unit in cut_up(data, step.encoders)
        if unit != b""
    ]


def ends_with_connection(head: Head) -> bool:
    """Whether the connection is closed after a proper end of the body."""
    framed = head.get("transfer-encoding") or head.get("content-length")
    return framed is None or head.has("connection", "close")


def body_length(rest: Iterable[Step], stream: bool) -> int:
    """The length of the body up to its proper end."""
    total = 0
    for step in rest:
        if isinstance(step.event, End):
            break
        total += len(body_bytes(step, stream=stream) or b"")
        if isinstance(step.event, Wait) and step.event.beat and step.event.seconds != FOREVER:
            total += int(step.event.strikes) * len(beat_bytes(step.event.beat, stream=stream))
    return total


def render_head(head: Head, *, length: int, date: str) -> bytes:
    """The status line and headers, in their order and case."""
    filled = {"content-length": str(length), "date": date}
    lines = [f"HTTP/1.1 {head.status} {reason_phrase(head)}"]
    lines += [
        f"{name}: {filled.get(name.lower(), value) if value == AUTO else value}"
        for name, value in head.headers
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


PHRASES = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
}
"""The standard reason phrases. Python 3.13 took those of RFC 9110 for these four; the servers that are
imitated ran on earlier ones, and what is sent does not depend on the Python that sends it."""


def reason_phrase(head: Head) -> str:
    """The reason phrase; empty for a status that has none (529, as uvicorn and aiohttp send it)."""
    return PHRASES.get(head.status, "") if head.reason is None else head.reason
