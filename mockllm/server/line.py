"""Streams in the order in which they are due, played in one loop.

Nearly all that a server does is to send a frame, and to wait until the next is due. Here that takes
one turn of a loop and a call of the kernel; whatever else there is to do is the stream's own.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Any

from mockllm.engine.lateness import Lateness
from mockllm.server.standin import StandIn
from mockllm.timeline.score import NEAR, Score


class Stream(StandIn):
    """What stands in a line, and cannot be called off: a stream that waits for its next frame."""

    __slots__ = (
        "data",
        "free",
        "late",
        "lateness",
        "latest",
        "moves",
        "over",
        "place",
        "steady",
        "when",
    )

    def __init__(self, transport: asyncio.Transport, score: Score, lateness: Lateness) -> None:
        super().__init__(transport)
        self.moves = score.moves
        self.data = score.data
        self.steady = b""
        """Where a send and a wait of its pace are next, which a line may make in its name."""
        self.place = 0
        """Moves that have begun."""
        self.when = 0.0
        """When the wait is over that has begun last."""
        self.free: int | None = None
        """The number of its open file, where the kernel has taken all that was written and nothing has
        changed since: without it a line does nothing."""
        self.lateness = lateness
        """What is told how late each paced event comes."""
        self.over = False
        self.late = self.latest = 0.0
        """How late the last came, and the one that came latest, in seconds."""

    def eof_received(self) -> bool | None:
        """The peer has closed its side: what is due next is to see that."""
        self.free = None
        return super().eof_received()

    @abstractmethod
    def go_on(self, now: float, rest: bytes = b"") -> None:
        """Do what a line does not. The wait is over, and what follows it is none of its steps; or a step
        has been made, of which the kernel has not taken a `rest`, or behind which the next is late."""


class Line:
    """Streams that wait, in the order in which they are due.

    Streams of one pace come again in the order in which they came: none of those in the row is due
    before the one that stands before it. Those that are due before the last are in a heap.
    `write` hands bytes to an open file, as `os.write` does.
    """

    __slots__ = ("_heap", "_order", "_row", "_write")

    def __init__(self, write: Callable[[int, bytes], int]) -> None:
        self._write = write
        self._row: deque[Stream] = deque()
        self._heap: list[tuple[float, int, Stream]] = []
        self._order = itertools.count()

    def __len__(self) -> int:
        """How many stand in it."""
        return len(self._row) + len(self._heap)

    @property
    def first(self) -> float:
        """When the first is due; never, where there is none."""
        row, heap = self._row, self._heap
        if heap and (not row or heap[0][0] < row[0].when):
            return heap[0][0]
        return row[0].when if row else inf

    def add(self, stream: Stream) -> None:
        """Put a stream where it belongs."""
        row, when = self._row, stream.when
        if row and when < row[-1].when:
            heapq.heappush(self._heap, (when, next(self._order), stream))
        else:
            row.append(stream)

    def play(self, until: float, time: Callable[[], float], ahead: float, landed: float) -> None:
        """Send the frames that are due until then, up to where a stream needs anything else: that is
        left to it, and others may be due before the rest then.

        The time is what `time` says and what the clock is `ahead`; before it `landed` nothing could
        come.
        """
        # Between two of its turns a stream's values leave the processor's caches, and to fetch one takes
        # as long as all that is done with it: so only those are touched that are needed.
        row, heap, write = self._row, self._heap, self._write
        last = row[-1].when if row else -inf
        while row or heap:
            if heap and (not row or heap[0][0] < row[0].when):
                if heap[0][0] > until:
                    return
                stream = heapq.heappop(heap)[2]
                due = stream.when
            else:
                stream = row.popleft()
                due = stream.when
                if due > until:
                    row.appendleft(stream)
                    return
            if stream.over:
                continue
            place, free = stream.place, stream.free
            now = time() + ahead
            late = now - (due if due > landed else landed)  # noqa: FURB136  a call costs more
            before = stream.late
            stream.lateness.note(late - before)
            stream.late = late
            if late > before and late > stream.latest:
                stream.latest = late
            if free is None or not stream.steady[place]:
                stream.go_on(now)
                return
            moves: tuple[Any, ...] = stream.moves
            send, seconds = moves[place], moves[place + 1].seconds
            if seconds > NEAR:
                stream.go_on(now)
                return
            data = stream.data[send.start : send.stop]
            try:
                taken = write(free, data)
            except OSError:  # full, or broken, which the transport finds out too
                stream.go_on(now)
                return
            if taken < len(data):
                stream.place = place + 1
                stream.go_on(now, data[taken:])
                return
            stream.place = place + 2
            stream.when = when = due + seconds
            if when <= now:
                stream.go_on(now)
                return
            if when < last:
                heapq.heappush(heap, (when, next(self._order), stream))
            else:
                row.append(stream)
                last = when
