"""Small scripts that tests of timelines and faults share."""

from __future__ import annotations

from mockllm.timeline.events import AUTO, End, Frame, Head, Message

STREAM = Head(200, (("content-type", "text/event-stream"), ("transfer-encoding", "chunked")))
WHOLE = Head(200, (("content-type", "application/json"), ("content-length", AUTO)))
ENDLESS = Head(200, (("content-type", "text/event-stream"),))

ROLE = Frame(("role",), b'{"role":"assistant"}')
FINISH = Frame(("finish",), b'{"finish":"stop"}')
USAGE = Frame(("usage",), b'{"usage":1}')
DONE = Frame(("done",), b"[DONE]")


def content(number: int) -> Frame:
    """A frame of content, told apart by its number."""
    return Frame(("content",), b'{"n":%d}' % number, tokens=1)


def tool(part: int, number: int) -> Frame:
    """A frame of a tool call."""
    return Frame(("tool",), b'{"tool":%d,"n":%d}' % (part, number), part=part, tokens=1)


def script(count: int, head: Head = STREAM) -> tuple[Message, ...]:
    """Head, role, so many content frames, finish, done, end."""
    contents = (content(number) for number in range(1, count + 1))
    return (head, ROLE, *contents, FINISH, DONE, End())


def body(*data: bytes) -> tuple[Message, ...]:
    """An answer that is not streamed."""
    return (WHOLE, *(Frame(("body",), one) for one in data), End())
