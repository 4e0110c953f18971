"""A reader of server-sent events, written from the WHATWG HTML standard, section 9.2.6.

It shares nothing with what writes them. Events are dispatched as an `EventSource` dispatches them:
one without data is none, and one that the stream's end cuts off is thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class Event:
    """One message."""

    data: str
    type: str = "message"
    last_id: str = ""


def parse(body: bytes) -> list[Event]:
    """All events of a stream."""
    return list(dispatched(body))


def dispatched(body: bytes) -> Iterator[Event]:
    """The events in their order."""
    text = body.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _unended = LINE_END.split(text)
    data, kind, last_id = "", "", ""
    for line in lines:
        if line == "":
            if data:
                yield Event(data.removesuffix("\n"), kind or "message", last_id)
            data, kind = "", ""
            continue
        name, colon, value = line.partition(":")
        if colon and not name:
            continue
        value = value.removeprefix(" ")
        if name == "data":
            data += value + "\n"
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last_id = value
