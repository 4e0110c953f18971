"""One call between client and upstream: what the upstream says goes through the plan to the client.

The upstream is asked when everything has been played that stands before its answer, and on a
connection of its own. It is read only as fast as the client is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from mockllm.cassettes.cassette import Ending
from mockllm.engine.journal import Outcome
from mockllm.engine.lateness import Lateness
from mockllm.engine.live import Live
from mockllm.proxy.channel import Channel
from mockllm.record.upstream import Unreachable, Upstream
from mockllm.server.clock import Clock, Timer
from mockllm.server.kernel import Shortcut
from mockllm.timeline.events import FOREVER, WireEvent

FULL = 64 << 10
"""Bytes that may wait for the client before the upstream is no longer read."""

log = logging.getLogger("mockllm")


class Conversation(asyncio.Protocol):
    """The upstream's side of one call; it plays on the client's connection from the beginning."""

    def __init__(
        self,
        live: Live,
        upstream: Upstream,
        request: Callable[[], bytes],
        transport: asyncio.Transport,
        clock: Clock,
        *,
        shortcut: Shortcut | None = None,
        lateness: Lateness | None = None,
    ) -> None:
        self.over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._live = live
        self._upstream = upstream
        self._request = request
        self._clock = clock
        self._start = clock.now()
        self._asking: asyncio.Task[None] | None = None
        self._answering: asyncio.Transport | None = None
        self._heard = False
        self._timer: Timer | None = None
        self._channel = Channel(
            transport,
            clock,
            on_drained=self._drained,
            on_end=self._ended,
            shortcut=shortcut,
            lateness=lateness,
        )

    @property
    def outcome(self) -> Outcome:
        """How it goes so far."""
        return self._channel.outcome

    def begin(self) -> None:
        """Play what stands before the answer, then ask the upstream."""
        self._put(self._live.begin())

    def release(self) -> None:
        """Let go: the server stops or is reset."""
        self._channel.release()

    def _now(self) -> float:
        return self._clock.now() - self._start

    def _put(self, events: tuple[WireEvent, ...]) -> None:
        """Play events, and see what comes next."""
        self._channel.put(events, last=self._live.over)
        self._set_timer()
        if self._live.over:
            self._hang_up()
        elif self._channel.backlog > FULL and (answering := self._open()) is not None:
            answering.pause_reading()

    # The clock

    def _set_timer(self) -> None:
        """Wake up when something is due that waits for no bytes."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._live.due
        if due != FOREVER and not self.over.done():
            self._timer = self._clock.call_at(self._start + due, self._tick)

    def _tick(self) -> None:
        """Something is due."""
        self._timer = None
        self._put(self._live.tick(self._now()))

    # The client

    def _drained(self) -> None:
        """Everything has been played."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        elif (answering := self._open()) is not None:
            answering.resume_reading()

    def _ended(self, outcome: Outcome) -> None:
        """The exchange is over, or the client has left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._hang_up()
        if not self.over.done():
            self.over.set_result(outcome)

    # The upstream

    async def _ask(self) -> None:
        """Connect, and send the request."""
        try:
            await self._upstream.connect(lambda: self)
        except Unreachable as error:
            log.warning("%s: %s: %s", self._upstream.url, error.ending, error)
            self._answered(error.ending)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        # uvloop's transports are none of asyncio's classes.
        self._answering = cast(asyncio.Transport, transport)
        if self._heard:  # the client has left meanwhile
            self._answering.abort()
        else:
            self._answering.write(self._request())

    def data_received(self, data: bytes) -> None:
        """Bytes of the answer."""
        if self._heard:
            return
        self._put(self._live.feed(data, self._now()))
        if self._live.complete:
            self._answered("complete")

    def connection_lost(self, exc: Exception | None) -> None:
        """The upstream has closed or reset the connection."""
        self._answering = None  # asyncio ends once more what is aborted behind its end
        if exc is not None:
            self._answered("rst")
        else:
            self._answered("complete" if self._live.delimited else "fin")

    def _answered(self, ending: Ending) -> None:
        """The answer is over, this way."""
        if self._heard:
            return
        self._hang_up()
        self._put(self._live.end(ending, self._now()))

    def _open(self) -> asyncio.Transport | None:
        """The connection to the upstream, where there is one."""
        answering = self._answering
        return None if answering is None or answering.is_closing() else answering

    def _hang_up(self) -> None:
        """Nothing more is wanted of the upstream."""
        self._heard = True
        asking = self._asking
        if self._answering is not None:
            self._answering.abort()
        elif asking is not None and asking is not asyncio.current_task():
            asking.cancel()
