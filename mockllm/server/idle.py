"""What happens on a kept connection after an exchange: it is closed, at once or just as it is reused.

A server closes idle connections when it likes. A client that sends its next request at that moment
loses it, without a byte of an answer; whether it may be sent again is for the client to decide.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from mockllm.engine.journal import Outcome
from mockllm.server.clock import Clock
from mockllm.server.player import Player
from mockllm.timeline.score import Score


class IdlePlayer(Player):
    """Plays the events of an idle connection, and gives way to the next request.

    With `next_byte` it waits for that request's first bytes, which nobody will ever read.
    """

    __slots__ = ("_next_byte",)

    def __init__(
        self,
        score: Score,
        transport: asyncio.Transport,
        clock: Clock,
        on_end: Callable[[Outcome], None],
        *,
        next_byte: bool,
    ) -> None:
        super().__init__(score, transport, clock, on_end)
        self._next_byte = next_byte

    def play(self) -> None:
        """Begin, or wait for the next request."""
        if not self._next_byte:
            super().play()
        elif self.transport.is_closing():
            self._finish("peer gone")
        else:
            self.take_over()

    def give_way(self) -> None:
        """The connection is in use again: what has not happened will not."""
        if not self.over:
            self._finish("peer gone")

    def data_received(self, data: bytes) -> None:
        """The next request begins."""
        if self._half:
            return
        if self._next_byte:
            self._next_byte = False
            self._run()
            return
        self.give_way()
        super().data_received(data)
