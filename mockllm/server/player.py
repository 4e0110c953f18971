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
from mockllm.engine.lateness import Lateness
from mockllm.server.clock import Clock, Timer
from mockllm.server.kernel import Shortcut, reset_on_close, unsent
from mockllm.server.line import Stream
from mockllm.timeline.events import FOREVER, Beat, Close, Extra, Wait
from mockllm.timeline.score import NEAR, SHARED, Score, Send

BURST = 256
"""Moves that are made without a wait before other streams have their turn."""
DRAIN_POLL = 0.001
"""Seconds between two looks at whether everything has left before an RST."""

UNHEARD = Lateness()
"""Where errors go that nobody asks for."""


def nobody(outcome: Outcome) -> None:
    """Who is told that a player ends which has ended before: nobody."""


class Player(Stream):
    """Plays one score on one transport, once.

    Times count from `since`, when the request had come, or from now; so many bytes are `taken`
    already of a score that is sent at once. `shortcut` hands bytes to the kernel at once, where the
    transport has nothing to send before them; `lateness` is told how late each paced event comes.
    """

    # A dict of its own would take a kilobyte of each of ten thousand streams that are held.
    __slots__ = (
        "_beaten",
        "_beats",
        "_before",
        "_blocked",
        "_clock",
        "_first_byte",
        "_full",
        "_half",
        "_on_end",
        "_peer",
        "_peer_left",
        "_shortcut",
        "_start",
        "_taken",
        "_timer",
        "_under_way",
    )

    def __init__(
        self,
        score: Score,
        transport: asyncio.Transport,
        clock: Clock,
        on_end: Callable[[Outcome], None],
        *,
        since: float | None = None,
        taken: int = 0,
        shortcut: Shortcut | None = None,
        lateness: Lateness | None = None,
    ) -> None:
        before = 0
        if taken:
            score, before = score.behind(taken)
        super().__init__(transport, score, UNHEARD if lateness is None else lateness)
        self._clock = clock
        self._on_end = on_end
        self._shortcut = shortcut
        self._start = self.when = clock.now() if since is None else since
        self._under_way = 0
        """Whether the move that has begun last is not over: 1, else 0."""
        self._before = before
        """Events of the wire timeline that were over before the first move."""
        self._taken = taken
        self._beats: Counter[int] | None = None
        self._beaten = 0
        """Bytes of heartbeats."""
        self._first_byte: float | None = clock.now() - self._start if taken else None
        self._peer_left: float | None = None
        self._peer: Leaving | None = None
        self._timer: Timer | None = None
        self._full = False
        self._blocked = False
        """Whether the timeline stands still because the buffer is full."""
        self._half = False

    @property
    def outcome(self) -> Outcome:
        """How it goes so far."""
        return self._outcome("playing")

    def play(self) -> None:
        """Begin. `on_end` is called once, perhaps before this returns."""
        if self.transport.is_closing():
            self._peer_left = 0.0
            self._finish("peer gone")
            return
        self.take_over()
        self._run()

    def release(self) -> None:
        """Let go: the server stops or is reset. The connection is closed."""
        if self.over:
            return
        if self._full:
            self.transport.abort()  # close() would wait for a reader that does not read
        else:
            self.transport.close()
        self._finish("held")

    # The timeline

    def _run(self, now: float | None = None) -> None:
        """Go on until something has to be waited for; `now` is the time, where it is known."""
        self._timer = None
        if now is None:
            now = self._clock.now()
        moves, transport = self.moves, self.transport
        end, turn = len(moves), self.place + BURST
        while not self.over:
            place = self.place
            self._under_way = 0
            if self._full:
                self._blocked = True
                return  # resume_writing goes on from here
            if transport.is_closing():
                return  # a write has failed; connection_lost comes next
            if place == end:
                self._finish("done")
                return
            if place >= turn:
                self._timer = self._clock.call_at(self._clock.now(), self._run)
                return
            move = moves[place]
            self.place = place + 1
            self._under_way = 1
            if type(move) is Send:  # nearly all of them are this or a wait
                stop = self._joined(move, now) if move.joins else move.stop
                self._write(self.data[move.start : stop])
                continue
            match move:
                case Wait():
                    if self._wait(move, now):
                        return
                case Close("rst"):
                    self._reset()
                    return
                case Close("half"):
                    self._half_close()
                    return
                case Close(complete=complete):
                    self._under_way = 0
                    self.transport.close()
                    self._finish("done" if complete else "closed")

    def _joined(self, send: Send, now: float) -> int:
        """Where a write ends that begins with a send and takes along what is late already."""
        start, moves = send.start, self.moves
        while send.joins:
            wait, behind = moves[self.place : self.place + 2]
            assert isinstance(wait, Wait)
            assert isinstance(behind, Send)
            if self.when + wait.seconds > now or behind.stop - start > SHARED:
                break
            self.when += wait.seconds
            self.place += 2
            send = behind
        return send.stop

    def _write(self, data: bytes) -> None:
        """Hand bytes over."""
        if self._first_byte is None:
            self._first_byte = self._clock.now() - self._start
        shortcut = self._shortcut
        empty = self.free is not None or not self.transport.get_write_buffer_size()
        if shortcut is not None and empty:
            taken = shortcut.send(data)
            if taken == len(data):
                self.free = shortcut.number
                return
            data = data[taken:]
        self.free = None
        self.transport.write(data)

    def go_on(self, now: float, rest: bytes = b"") -> None:
        """Do what a line does not."""
        if rest:
            self.free = None
            self.transport.write(rest)
        self._run(now)

    def _wait(self, event: Wait, now: float) -> bool:
        """Begin to wait; False if there is nothing to wait for. A schedule goes by the time at which
        this turn began; a fault's wait begins when it begins."""
        if event.paced:
            due = self.when = self.when + event.seconds
            if due > now:
                if event.joins:
                    self._timer = self._clock.call_about(due, self._fall_in)
                elif event.seconds > NEAR:
                    self._timer = self._clock.call_at(due, self._fall_in)
                else:
                    self._fall_in()
                return True
            if self.place == 1:  # planned late: the stream as a whole is, and hurries nothing
                self.when = now
            return False
        now = self._clock.now()
        self.when = max(self.when, now) + event.seconds
        if self.when <= now:
            return False
        if event.seconds == FOREVER:
            self.data = b""  # nothing is sent behind it, and a stream may be held for hours
        if event.beat is not None:
            self._beat(event.beat, now + event.beat.every, event.strikes)
        elif event.seconds != FOREVER:
            self._timer = self._clock.call_at(self.when, self._run)
        return True

    def _fall_in(self) -> None:
        """Fall into line: a paced wait is over there, now or soon."""
        self.steady = self.moves.steady
        self._clock.join(self)

    def _beat(self, beat: Beat, when: float, left: float) -> None:
        """Wait for the next heartbeat, or for the end of the wait after the last."""
        if left == 0:
            self._timer = self._clock.call_at(self.when, self._run)
            return

        def strike() -> None:
            fits = not self._full and not self.transport.is_closing()
            if fits and isinstance(beat.unit, Extra):
                self._write(beat.unit.data)
                self._beaten += len(beat.unit.data)
                self._beats = self._beats or Counter()
                self._beats[self._events(self.place) - 1] += 1
            self._beat(beat, when + beat.every, left - 1)

        self._timer = self._clock.call_at(when, strike)

    def _half_close(self) -> None:
        """Close the writing side; the rest is the peer's."""
        self._under_way = 0
        self._half = True
        self.transport.write_eof()

    def _reset(self) -> None:
        """Reset the connection as soon as everything before has left."""
        if self.over:
            return
        if self._unsent():
            self._timer = self._clock.call_at(self._clock.now() + DRAIN_POLL, self._reset)
            return
        reset_on_close(self.transport.get_extra_info("socket"))
        self._under_way = 0
        self.transport.abort()
        self._finish("reset")

    def _unsent(self) -> int:
        """Bytes that the transport or the kernel still holds."""
        buffered = self.transport.get_write_buffer_size()
        return buffered or unsent(self.transport.get_extra_info("socket"))

    def _finish(self, ending: Ending) -> None:
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.give_back()
        on_end, self._on_end = self._on_end, nobody  # which may know the player: no cycle stays
        on_end(self._outcome(ending))

    def _outcome(self, ending: Ending) -> Outcome:
        over, begun = ending != "playing", self._events(self.place)
        return Outcome(
            ending,
            begun,
            self._events(self.place - 1) if self._under_way else begun,
            max(self._taken, self.moves.sent(self.place)) + self._beaten,
            self._first_byte,
            self._clock.now() - self._start if over else None,
            self._peer_left,
            peer=self._peer,
            beats=tuple(self._beats.items()) if self._beats else (),
            late=self.latest,
        )

    def _events(self, place: int) -> int:
        """How many events of the wire timeline come before a move."""
        return self._before + self.moves.events[place]

    # What the transport says

    def pause_writing(self) -> None:
        """The buffer is full: a slow reader. Nothing is written until it has drained."""
        self._full = True

    def resume_writing(self) -> None:
        """The buffer has drained: go on in a turn of its own. asyncio calls this in the midst of a
        write of its own, and a transport that is closed meanwhile would be closed twice."""
        self._full = False
        if self._blocked:
            self._blocked = False
            self._timer = self._clock.call_at(self._clock.now(), self._run)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if not self.over:
            self._finish(self._left())

    def _left(self) -> Ending:
        """How it ended if the peer ended it: done, where only the end of the connection is left."""
        if self._half:
            return "closed"
        rest = self.moves[self.place - self._under_way :]
        whole = bool(rest) and rest[-1] == Close("fin", complete=True)
        return "done" if whole and not any(isinstance(move, Send) for move in rest) else "peer gone"

    def _note_departure(self, how: Leaving) -> None:
        if self._peer_left is None:
            self._peer_left = self._clock.now() - self._start
            self._peer = how
