"""Requests whose head has come before to the byte, on connections that wait for one.

A client sends the same head again and again. What an HTTP parser makes of the same bytes is the same,
so they are parsed once; and an answer that is sent at once needs no task that waits for its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from mockllm.engine.remembered import LONG, Remembered
from mockllm.server.flight import Head, Heard

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+) *(?=\r\n)", re.IGNORECASE)
BLANK = b"\r\n\r\n"


def split(data: bytes) -> tuple[bytes, bytes] | None:
    """Head and body of bytes that are a whole request and nothing else: a head with the length of its
    body, and all of that. None for others, also for a few whole ones, and nothing is lost by that.

    The bytes follow a whole request, or begin a connection.
    """
    if len(data) >= LONG:
        return None
    head, blank, body = data.partition(BLANK)
    lengths = LENGTH.findall(head + b"\r\n") if blank else ()
    return (head, body) if len(lengths) == 1 and int(lengths[0]) == len(body) else None


def is_body_of(body: bytes, data: bytes) -> bool:
    """Whether a body that was read is the one of a whole request, to the byte: neither unpacked, nor
    left to what a connection is upgraded to."""
    return data.endswith(BLANK + body)


class Known:
    """The heads that came whole with their bodies, by their bytes."""

    def __init__(self) -> None:
        self._heads: Remembered[tuple[Heard, int]] = Remembered()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._heads)

    def learn(self, data: bytes, begun: Heard) -> None:
        """Remember what a whole request's head was read as, without its body."""
        found = split(data)
        if found is not None:
            raw, body = found
            self._heads.get(raw, lambda: (begun, len(body)))

    def find(self, data: bytes) -> tuple[Heard, bytes] | None:
        """What the head was read as, and the body, if bytes are a whole request whose head is known."""
        raw, _, body = data.partition(BLANK)
        known = self._heads.find(raw)
        return (known[0], body) if known is not None and known[1] == len(body) else None


Read = Callable[[Head, bytes], Heard]


class Hearing:
    """Reads requests, those that came last from memory."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._heard: Remembered[Heard] = Remembered()

    def hear(self, head: Head, body: bytes) -> Heard:
        """A request, with as much of its body as there is; what is long is read each time."""
        if len(body) >= LONG or head.is_long:
            return self._read(head, body)
        return self._heard.get((head, body), lambda: self._read(head, body), len(body))
