"""Requests whose every byte has come before, on connections that wait for one.

A load sends the same request thousands of times. What an HTTP parser makes of the same bytes is the
same, so they are parsed once; and what is sent at once needs no task that waits for its end.
"""

from __future__ import annotations

import re

from mockllm.engine.remembered import LONG

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+) *(?=\r\n)", re.IGNORECASE)


def is_whole(data: bytes) -> bool:
    """Whether bytes that follow a whole request are one, and nothing else: a head with the length of
    its body, and all of that. A few whole requests look otherwise, and nothing is lost by that."""
    if len(data) >= LONG:
        return False
    end = data.find(b"\r\n\r\n")
    lengths = LENGTH.findall(data, 0, end + 2)
    return end >= 0 and len(lengths) == 1 and end + 4 + int(lengths[0]) == len(data)
