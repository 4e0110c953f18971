"""What puts a wire timeline on a socket: the only code that waits.

The player is a protocol that stands in for aiohttp's while it plays, so it hears at once when the
transport's buffer is full and when the peer leaves. It runs in callbacks on absolute deadlines:
there is no task and no await between two frames, and a late timer does not delay those after it.
A paced wait keeps the schedule; a fault's wait lasts its full length from where it begins.

Closing: `transport.close()` sends what is buffered, then a FIN. An RST needs SO_LINGER 0 before
`abort()` (which alone makes a FIN), and would throw away what the kernel still holds; so it comes
only when nothing is left in the buffers of transport and kernel.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from mockllm.engine.journal import Ending, Leaving, Outcome
from mockllm.server.clock import Clock, Timer
from mockllm.server.kernel import reset_on_close, unsent
from mockllm.timeline.events import FOREVER, Beat, Close, Extra, Wait, WireEvent, Write

BURST = 256
"""Events that are played without a wait before other streams have their turn."""
SHARED = 16 << 10
"""Bytes from which on a write is not shared, so that a slow reader is heard in time."""
DRAIN_POLL = 0.001
"""Seconds between two looks at whether everything has left before an RST."""


def nobody(outcome: Outcome) -> None:
    """Who is told that a player ends which has ended before: nobody."""


class Player(asyncio.Protocol):
    """Plays one timeline on one transport, once."""

    def __init__(
        self,
        events: tuple[WireEvent, ...],
        transport: asyncio.Transport,
        clock: Clock,
        on_end: Callable[[Outcome], None],
    ) -> None:
        self._events = events
        self._transport = transport
        self._clock = clock
        self._on_end = on_end
        self._upstream = transport.get_protocol()
        self._start = self._due = clock.now()
        self._begun = self._completed = self._bytes = 0
        self._beats: Counter[int] = Counter()
        self._first_byte: float | None = None
        self._peer_left: float | None = None
        self._peer: Leaving | None = None
        self._timer: Timer | None = None
        self._full = False
        self._half = False
        self._over = False

    @property
    def outcome(self) -> Outcome:
        """How it goes so far."""
        return self._outcome("playing")

    def play(self) -> None:
        """Begin. `on_end` is called once, perhaps before this returns."""
        if self._transport.is_closing():
            self._peer_left = 0.0
            self._finish("peer gone")
            return
        self._transport.set_protocol(self)
        self._run()

    def release(self) -> None:
        """Let go: the server stops or is reset. The connection is closed."""
        if self._over:
            return
        if self._full:
            self._transport.abort()  # close() would wait for a reader that does not read
        else:
            self._transport.close()
        self._finish("held")

    # The timeline

    def _run(self) -> None:
        """Go on until something has to be waited for."""
        self._timer = None
        events, turn = self._events, self._begun + BURST
        while not self._over:
            self._completed = self._begun
            if self._full:
                return  # resume_writing goes on from here
            if self._transport.is_closing():
                return  # a write has failed; connection_lost comes next
            if self._begun == len(events):
                self._finish("done")
                return
            if self._begun == turn:
                self._timer = self._clock.call_at(self._clock.now(), self._run)
                return
            event = events[self._begun]
            self._begun += 1
            match event:
                case Write(data, apart=True):
                    self._write(data)
                case Write(data):
                    self._write(self._with_adjacent(data))
                case Wait():
                    if self._wait(event):
                        return
                case Close("rst"):
                    self._reset()
                    return
                case Close("half"):
                    self._half_close()
                    return
                case Close(complete=complete):
                    self._completed = self._begun
                    self._transport.close()
                    self._finish("done" if complete else "closed")

    def _with_adjacent(self, data: bytes) -> bytes:
        """The bytes of an event and of those right behind it, which then begin with it: what
        nothing separates may share a write, and a write takes as long as making ten frames."""
        events, end = self._events, self._begun
        size = len(data)
        while end < len(events) and size < SHARED:
            match events[end]:
                case Write(more, apart=False):
                    size += len(more)
                    end += 1
                case _:
                    break
        if end == self._begun:
            return data
        rest = [event.data for event in events[self._begun : end] if isinstance(event, Write)]
        self._begun = end
        return b"".join((data, *rest))

    def _write(self, data: bytes) -> None:
        if self._first_byte is None:
            self._first_byte = self._clock.now() - self._start
        self._transport.write(data)
        self._bytes += len(data)

    def _wait(self, event: Wait) -> bool:
        """Begin to wait; False if there is nothing to wait for."""
        now = self._clock.now()
        self._due = (self._due if event.paced else max(self._due, now)) + event.seconds
        if self._due <= now:
            return False
        if event.beat is not None:
            self._beat(event.beat, now + event.beat.every, event.strikes)
        elif event.seconds != FOREVER:
            self._timer = self._clock.call_at(self._due, self._run)
        return True

    def _beat(self, beat: Beat, when: float, left: float) -> None:
        """Wait for the next heartbeat, or for the end of the wait after the last."""
        if left == 0:
            self._timer = self._clock.call_at(self._due, self._run)
            return

        def strike() -> None:
            if not self._full and isinstance(beat.unit, Extra):
                self._write(beat.unit.data)
                self._beats[self._begun - 1] += 1
            self._beat(beat, when + beat.every, left - 1)

        self._timer = self._clock.call_at(when, strike)

    def _half_close(self) -> None:
        """Close the writing side; the rest is the peer's."""
        self._completed = self._begun
        self._half = True
        self._transport.write_eof()

    def _reset(self) -> None:
        """Reset the connection as soon as everything before has left."""
        if self._over:
            return
        if self._unsent():
            self._timer = self._clock.call_at(self._clock.now() + DRAIN_POLL, self._reset)
            return
        reset_on_close(self._transport.get_extra_info("socket"))
        self._completed = self._begun
        self._transport.abort()
        self._finish("reset")

    def _unsent(self) -> int:
        """Bytes that the transport or the kernel still holds."""
        buffered = self._transport.get_write_buffer_size()
        return buffered or unsent(self._transport.get_extra_info("socket"))

    def _finish(self, ending: Ending) -> None:
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport.get_protocol() is self:
            self._transport.set_protocol(self._upstream)
        on_end, self._on_end = self._on_end, nobody  # which may know the player: no cycle stays
        on_end(self._outcome(ending))

    def _outcome(self, ending: Ending) -> Outcome:
        over = ending != "playing"
        return Outcome(
            ending,
            self._begun,
            self._completed,
            self._bytes,
            self._first_byte,
            self._clock.now() - self._start if over else None,
            self._peer_left,
            peer=self._peer,
            beats=tuple(self._beats.items()),
        )

    # What the transport says

    def pause_writing(self) -> None:
        """The buffer is full: a slow reader. Nothing is written until it has drained."""
        self._full = True

    def resume_writing(self) -> None:
        """The buffer has drained."""
        self._full = False
        if self._timer is None and not self._half:
            self._run()

    def data_received(self, data: bytes) -> None:
        """A pipelined request: aiohttp keeps it for later."""
        assert isinstance(self._upstream, asyncio.Protocol)
        self._upstream.data_received(data)

    def eof_received(self) -> bool | None:
        """The peer has closed its side; like uvicorn and aiohttp, that counts as leaving."""
        self._note_departure("fin")
        assert isinstance(self._upstream, asyncio.Protocol)
        return self._upstream.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._note_departure("fin" if exc is None else "rst")
        self._upstream.connection_lost(exc)
        if not self._over:
            self._finish(self._left())

    def _left(self) -> Ending:
        """How it ended if the peer ended it: done, where only the end of the connection is left."""
        if self._half:
            return "closed"
        rest = self._events[self._completed :]
        whole = bool(rest) and rest[-1] == Close("fin", complete=True)
        return "done" if whole and not any(isinstance(e, Write) for e in rest) else "peer gone"

    def _note_departure(self, how: Leaving) -> None:
        if self._peer_left is None:
            self._peer_left = self._clock.now() - self._start
            self._peer = how
