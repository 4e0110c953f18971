"""A plan as a gRPC call plays it: messages and trailers instead of HTTP/1.1.

The units are written as gRPC-Web frames them: a flag, the length in four bytes, then a message (flag
0) or the trailers (flag 128); an empty write is the head. `grpc_connection` puts them on HTTP/2.

| In the profile | Over gRPC |
| --- | --- |
| a status of 400 or more | a status of gRPC (`CODES`, the table of google.rpc), with the error's text |
| a frame of another form than the method's | a message that the client cannot decode |
| part of a frame | the beginning of a message, whose announced rest never comes |
| `close: rst` | RST_STREAM of this call with CANCEL; others on the connection go on |
| `close: fin`, `half` | the connection ends, without trailers |
| comments, and other ways to write the bytes | nothing: gRPC has none |
"""

from __future__ import annotations

import json
import struct
from typing import Any
from urllib.parse import quote

from mockllm.engine.plan import Plan, hasten
from mockllm.server.grpc_calls import Asked, Method
from mockllm.server.grpc_messages import CLASSES
from mockllm.timeline.events import Close, End, Frame, Head, Wait, WireEvent, Write
from mockllm.timeline.framing import Lowered
from mockllm.timeline.slots import Step
from mockllm.timeline.valueclass import replace

MESSAGE, TRAILERS = 0, 128
HEAD = Write(b"", apart=True)

OK, UNKNOWN, INVALID_ARGUMENT, INTERNAL, UNIMPLEMENTED = 0, 2, 3, 13, 12
CODES = {
    400: INVALID_ARGUMENT,
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    408: 4,  # DEADLINE_EXCEEDED
    409: 10,  # ABORTED
    413: 8,  # RESOURCE_EXHAUSTED
    422: INVALID_ARGUMENT,
    429: 8,
    499: 1,  # CANCELLED
    500: INTERNAL,
    501: UNIMPLEMENTED,
    502: 14,  # UNAVAILABLE
    503: 14,
    504: 4,
    529: 14,
}
"""The statuses of gRPC for those of HTTP; any other is UNKNOWN."""

UNFORESEEN = "Internal server error"
"""What KServe 0.21.0 says of an exception that it did not foresee (its interceptor, read)."""


def framed(flag: int, data: bytes) -> bytes:
    """A unit with its flag and length."""
    return struct.pack(">BI", flag, len(data)) + data


def trailers(code: int, text: str = "") -> Write:
    """The end of a call; the text is percent-encoded, as gRPC wants it."""
    lines = f"grpc-status: {code}\r\n"
    if text:
        lines += f"grpc-message: {quote(text, safe=PRINTABLE)}\r\n"
    return Write(framed(TRAILERS, lines.encode()), apart=True)


PRINTABLE = "".join(map(chr, range(32, 127))).replace("%", "")


def lower_grpc(plan: Plan, method: Method, asked: Asked) -> Lowered:
    """What the stream must do, event by event."""
    events: list[WireEvent] = []
    origin: list[int] = []
    head: Head | None = None
    text = ""
    for index, step in enumerate(plan.steps):
        made: tuple[WireEvent, ...] = ()
        match step.event:
            case Head():
                head = step.event
                made = (HEAD,) if head.status < 400 else ()
            case Frame() if head is not None and head.status >= 400:
                text = error_text(step.event.data)
            case Frame():
                made = (Write(message_of(step, method, asked), apart=True),)
            case Wait() as wait:
                made = (hasten(replace(wait, beat=None), plan.speed),)
            case Close() as close:
                made = (close,)
            case End():
                made = ending(plan, method, head.status if head else 200, text)
        events.extend(made)
        origin.extend([index] * len(made))
    return Lowered(tuple(events), tuple(origin))


def ending(plan: Plan, method: Method, status: int, text: str) -> tuple[WireEvent, ...]:
    """How an answer ends: with trailers, or inside a stream that goes on."""
    refused = plan.refused is not None
    if status < 400:
        return () if method.streams else (trailers(OK),)
    if refused and status == 503 and method.unready is not None:
        return (HEAD, Write(framed(MESSAGE, encoded(method.unready)), apart=True), trailers(OK))
    if refused and status == 500:
        text = UNFORESEEN
    if refused and method.streams:
        error = CLASSES["ModelStreamInferResponse"](error_message=text)
        return (HEAD, Write(framed(MESSAGE, encoded(error)), apart=True))
    return (trailers(CODES.get(status, UNKNOWN), text),)


def message_of(step: Step, method: Method, asked: Asked) -> bytes:
    """A frame as a message; bytes that are none of the method's documents stay as they are."""
    assert isinstance(step.event, Frame)
    data = step.event.data
    try:
        message = framed(MESSAGE, encoded(method.answer(json.loads(data), asked)))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        message = framed(MESSAGE, data)
    if step.raw is not None and len(step.raw) < len(data):
        return message[: len(step.raw)]
    return message


def encoded(message: Any) -> bytes:
    """A message in protobuf's bytes."""
    data: bytes = message.SerializeToString()
    return data


def error_text(data: bytes) -> str:
    """What the body of an error says: its message in JSON, else the whole."""
    text = data.decode("utf-8", "replace")
    try:
        document = json.loads(data)
    except ValueError:
        return text.strip()
    if not isinstance(document, dict):
        return text
    said = document.get("error", document.get("detail", document.get("message")))
    if isinstance(said, dict):
        said = said.get("message")
    if isinstance(said, list):  # FastAPI's problems
        said = "; ".join(str(one.get("msg")) for one in said if isinstance(one, dict))
    return said if isinstance(said, str) else text
