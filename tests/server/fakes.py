"""A clock that a test moves, and a transport that remembers."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from typing import Any, cast

from mockllm.server.clock import Callback, LoopClock, Timer
from mockllm.server.kernel import Shortcut


class FakeLoop:
    """A loop that makes no calls, and raises what a call has raised."""

    def call_at(self, when: float, callback: object) -> FakeLoop:
        return self

    def cancel(self) -> None:
        """No call is made anyway."""

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        raise context["exception"]


class FakeFile(Shortcut):
    """An open file that takes bytes as it is told."""

    def __init__(self, take: Callable[[bytes], int]) -> None:
        super().__init__(-next(NUMBERS))  # which no real file has
        self.take = take

    def send(self, data: bytes) -> int:
        try:
            return self.take(data)
        except OSError:
            return 0


NUMBERS = itertools.count(1)


class FakeClock(LoopClock):
    """Time stands still until `advance`; calls come at their exact time."""

    def __init__(self) -> None:
        super().__init__(cast(asyncio.AbstractEventLoop, FakeLoop()), lambda: self.time, self.write)
        self.time = 0.0
        self.landed = 0.0
        self.patient = 0
        """How many calls were asked for that may let others pass."""
        self._files: dict[int, FakeFile] = {}

    def open(self, file: FakeFile) -> FakeFile:
        """Let the loop's clock know a file, too."""
        self._files[file.number] = file
        return file

    def write(self, number: int, data: bytes) -> int:
        """What the kernel does with bytes for an open file."""
        return self._files[number].take(data)

    def call_about(self, when: float, callback: Callback) -> Timer:
        self.patient += 1
        return super().call_about(when, callback)

    def advance(self, seconds: float) -> None:
        """Let time pass, making every call that falls due, in order."""
        until = self.time + seconds
        while self._alarm_at <= until:
            self.time = max(self.time, self._alarm_at)
            self._on_alarm()
        self.time = until

    @property
    def pending(self) -> int:
        """Calls that are still due."""
        timers = [entry[2] for entry in (*self._due, *self._patient)]
        return len(self._line) + sum(timer.callback is not None for timer in timers)


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
