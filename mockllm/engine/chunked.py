"""The bytes of an answer without the lines that frame its chunks.

A fault may cut the body anywhere, and each part is a chunk of its own: a name then stands in two or
more places.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

HEAD_END = b"\r\n\r\n"
CODING = b"\r\ntransfer-encoding: chunked\r\n"
SIZE = re.compile(rb"([0-9A-Fa-f]+)\r\n")


class Unframed:
    """What is between the framing of an answer, in one piece."""

    def __init__(self, data: bytes) -> None:
        self._spans = list(spans_of(data))
        """Where it stands in the answer."""
        self._starts: list[int] = []
        """Where each of them begins in the one piece."""
        size = 0
        for start, stop in self._spans:
            self._starts.append(size)
            size += stop - start
        self.data = b"".join(data[start:stop] for start, stop in self._spans)

    def where(self, first: int, length: int) -> Iterator[tuple[int, int]]:
        """From where to where in the answer so many bytes of the one piece stand; fewer where it
        ends before."""
        span = bisect_right(self._starts, first) - 1
        while length > 0 and span < len(self._spans):
            start, stop = self._spans[span]
            start += max(0, first - self._starts[span])
            stop = min(stop, start + length)
            if start < stop:
                yield start, stop
            length -= stop - start
            span += 1


def spans_of(data: bytes) -> Iterator[tuple[int, int]]:
    """From where to where no framing stands. Where the framing is wrong, the rest is taken as it is."""
    place = data.find(HEAD_END) + len(HEAD_END)
    if CODING not in data[:place].lower():
        yield 0, len(data)
        return
    yield 0, place
    while (found := SIZE.match(data, place)) is not None:
        start, stop = found.end(), found.end() + int(found[1], 16)
        if stop >= len(data):
            place = start
            break
        if data[stop : stop + 2] != b"\r\n":
            break
        yield start, stop
        place = stop + 2
    yield place, len(data)
