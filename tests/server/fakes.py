"""A clock that a test moves, and a transport that remembers."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Any

from mockllm.server.clock import NEAR, Callback, Ringing, Timer


class FakeTimer:
    """A call that is due at a time of the fake clock."""

    def __init__(self, callback: Callback) -> None:
        self.callback: Callback | None = callback

    def ring(self) -> Ringing | None:
        callback, self.callback = self.callback, None
        return None if callback is None else callback()

    def cancel(self) -> None:
        self.callback = None


class FakeClock:
    """Time stands still until `advance`; calls come at their exact time."""

    def __init__(self) -> None:
        self.time = 0.0
        self.landed = 0.0
        self.patient = 0
        """How many calls were asked for that may let others pass."""
        self._order = itertools.count()
        self._due: list[tuple[float, int, FakeTimer | Ringing]] = []

    def now(self) -> float:
        return self.time

    def call_at(self, when: float, callback: Callback) -> Timer:
        timer = FakeTimer(callback)
        heapq.heappush(self._due, (when, next(self._order), timer))
        return timer

    def call_about(self, when: float, callback: Callback) -> Timer:
        self.patient += 1
        return self.call_at(when, callback)

    def advance(self, seconds: float) -> None:
        """Let time pass, making every call that falls due, in order."""
        until = self.time + seconds
        while self._due and self._due[0][0] <= until:
            when, _, timer = heapq.heappop(self._due)
            self.time = max(self.time, when)
            again = timer.ring()
            if again is not None:
                assert again.when <= self.time + NEAR
                heapq.heappush(self._due, (again.when, next(self._order), again))
        self.time = until

    def catch_up(self) -> None:
        """Make the calls that are due."""
        self.advance(0)

    @property
    def pending(self) -> int:
        """Calls that are still due."""
        return sum(
            not isinstance(timer, FakeTimer) or timer.callback is not None
            for _, _, timer in self._due
        )


class FakeSocket:
    """A socket whose options can be read back."""

    def __init__(self) -> None:
        self.options: list[tuple[Any, ...]] = []
        self.number = 0

    def setsockopt(self, *option: Any) -> None:
        self.options.append(option)

    def fileno(self) -> int:
        return self.number  # no socket: the kernel refuses, and nothing is unsent


class Upstream(asyncio.Protocol):
    """What stood at the transport before the player: it remembers what it is told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def data_received(self, data: bytes) -> None:
        self.told.append(data)

    def eof_received(self) -> bool | None:
        self.told.append("eof")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.told.append("lost")


class FakeTransport(asyncio.Transport):
    """Remembers every write with its time; `room` bytes fit before it pauses its protocol."""

    def __init__(self, clock: FakeClock, room: int = 1 << 20) -> None:
        super().__init__()
        self.clock = clock
        self.room = room
        self.upstream = Upstream()
        self.protocol: asyncio.BaseProtocol = self.upstream
        self.writes: list[tuple[float, bytes]] = []
        self.buffered = 0
        self.ending: str | None = None
        self.half = False
        self.resuming = False
        """Whether the protocol is being told that there is room again."""
        self.sock = FakeSocket()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert self.ending is None, "nothing may be written after the end"
        assert not self.half, "nothing may be written after a half close"
        self.writes.append((self.clock.time, bytes(data)))
        self.buffered += len(data)
        if self.buffered > self.room:
            assert isinstance(self.protocol, asyncio.Protocol)
            self.protocol.pause_writing()
        elif self.room == 1 << 20:
            self.buffered = 0

    def drain(self) -> None:
        """The reader has read everything; the turn of the loop in which that is seen goes by."""
        self.buffered = 0
        assert isinstance(self.protocol, asyncio.Protocol)
        self.resuming = True
        self.protocol.resume_writing()
        self.resuming = False
        self.clock.advance(0)

    def write_eof(self) -> None:
        assert self.ending is None
        assert not self.resuming, "asyncio is in the midst of a write, and would shut it twice"
        self.half = True

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def close(self) -> None:
        assert not self.resuming, "asyncio is in the midst of a write, and would close it twice"
        self.ending = self.ending or "fin"

    def abort(self) -> None:
        assert not self.resuming, "asyncio is in the midst of a write, and would close it twice"
        self.ending = self.ending or ("rst" if self.sock.options else "abort")

    def is_closing(self) -> bool:
        return self.ending is not None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self.protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.sock if name == "socket" else default
