"""The client's side of an exchange whose timeline comes bit by bit: one player after another.

A player plays what is there; what comes meanwhile is played by the next one. Between two of them
the channel hears when the client leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mockllm.engine.journal import Leaving, Outcome
from mockllm.engine.lateness import Lateness
from mockllm.server.clock import Clock
from mockllm.server.kernel import Shortcut
from mockllm.server.player import Player
from mockllm.server.standin import StandIn
from mockllm.timeline.events import Close, WireEvent, Write
from mockllm.timeline.score import score
from mockllm.timeline.valueclass import replace


class Channel(StandIn):
    """Plays what it is given on a client's connection.

    `on_drained` is called when all that was given has been played and more may come, `on_end` once,
    when the exchange is over.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        clock: Clock,
        *,
        on_drained: Callable[[], None],
        on_end: Callable[[Outcome], None],
        shortcut: Shortcut | None = None,
        lateness: Lateness | None = None,
    ) -> None:
        super().__init__(transport)
        self.backlog = 0
        """Bytes that have been given and are not being played yet."""
        self._clock = clock
        self._on_drained = on_drained
        self._on_end = on_end
        self._shortcut = shortcut
        self._lateness = lateness
        self._start = clock.now()
        self._queue: list[WireEvent] = []
        self._player: Player | None = None
        self._before = Outcome()
        """How the players went that are over."""
        self._shift = 0.0
        self._last = self._over = False
        self.take_over()

    @property
    def outcome(self) -> Outcome:
        """How it goes so far."""
        if self._player is None:
            return self._before
        return self._with(self._player.outcome)

    def put(self, events: tuple[WireEvent, ...], *, last: bool = False) -> None:
        """Play these too; `last`: nothing more comes."""
        if self._over:
            return
        self._queue += events
        self.backlog += sum(len(event.data) for event in events if isinstance(event, Write))
        self._last = self._last or last
        self._go()

    def release(self) -> None:
        """Let go: the server stops or is reset. The connection is closed."""
        if self._player is not None:
            self._player.release()
        elif not self._over:
            self.transport.close()
            self._finish(replace(self._before, ending="held"))

    def _go(self) -> None:
        """Play what is there, unless something is being played."""
        if self._player is not None or self._over:
            return
        if self.transport.is_closing():  # the client has left
            self._note_departure("fin")
            self._finish(replace(self._before, ending="peer gone"))
        elif self._queue:
            self._play()
        elif self._last:
            self._finish(replace(self._before, ending="done"))
        else:
            self._on_drained()

    def _play(self) -> None:
        """Play all that is there with one player."""
        events, self._queue = tuple(self._queue), []
        self.backlog = 0
        closes = isinstance(events[-1], Close)

        def on_end(outcome: Outcome) -> None:
            self._before = replace(self._with(outcome), ending="playing")
            self._player = None
            if outcome.ending == "done" and not closes:
                self._go()
            else:
                self._finish(replace(self._before, ending=outcome.ending))

        self._shift = self._clock.now() - self._start
        self._player = Player(
            score(events),
            self.transport,
            self._clock,
            on_end,
            shortcut=self._shortcut,
            lateness=self._lateness,
        )
        self._player.play()

    def _with(self, now: Outcome) -> Outcome:
        """How it goes with what one player does."""
        before, shift = self._before, self._shift
        first = before.first_byte
        if first is None and now.first_byte is not None:
            first = shift + now.first_byte
        left = before.peer_left
        if left is None and now.peer_left is not None:
            left = shift + now.peer_left
        return replace(
            before,
            ending=now.ending,
            begun=before.begun + now.begun,
            completed=before.begun + now.completed,
            bytes_sent=before.bytes_sent + now.bytes_sent,
            first_byte=first,
            peer_left=left,
            peer=before.peer or now.peer,
            beats=(*before.beats, *((before.begun + place, n) for place, n in now.beats)),
            late=max(before.late, now.late),
        )

    def _finish(self, outcome: Outcome) -> None:
        """The exchange is over."""
        self._over = True
        self._queue.clear()
        self.give_back()
        self._before = replace(outcome, ended=self._clock.now() - self._start)
        self._on_end(self._before)

    # What the transport says while nothing is played

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        super().connection_lost(exc)
        if self._player is None and not self._over:
            self._finish(replace(self._before, ending="peer gone"))

    def _note_departure(self, how: Leaving) -> None:
        if self._before.peer_left is None:
            left = self._clock.now() - self._start
            self._before = replace(self._before, peer_left=left, peer=how)
