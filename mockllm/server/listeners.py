"""Further ports: connections that are refused, never accepted, reset at once, or greeted with TLS.

What a port does to connections has to be done to the socket that listens. `refuse` closes it while
the address stays the server's. `never-accept` listens with an empty queue and fills that queue
itself, so that Linux drops every further SYN. All other faults act on the bare socket of a
connection that has been accepted; what is left over of it gets a transport, with TLS or without,
and aiohttp's handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine
from functools import partial

from mockllm.engine.gate import Connection, GatePlan, Shut, gate_plan, shut_times
from mockllm.engine.plan import Conditions
from mockllm.profile.models import Listener
from mockllm.server.address import Address
from mockllm.server.clock import Clock, Timer
from mockllm.server.kernel import reset_on_close
from mockllm.timeline.events import FOREVER, Close, Wait

log = logging.getLogger("mockllm")

FILLERS = 4
"""Connections that fill the queue of a port that never accepts."""
CHUNK = 65536


class Port:
    """One listener's port, for as long as the server runs."""

    def __init__(
        self,
        listener: Listener,
        *,
        host: str,
        clock: Clock,
        conditions: Conditions,
        tls: ssl.SSLContext | None,
        handler: Callable[[], asyncio.Protocol],
        on_connection: Callable[[Connection], None],
        time: Callable[[], str],
    ) -> None:
        self._listener = listener
        self._host = host
        self._clock = clock
        self._conditions = conditions
        self._tls = tls
        self._handler = handler
        self._on_connection = on_connection
        self._time = time
        self._start = clock.now()
        self._count = 0
        self._address: Address | None = None
        self._sockets: list[socket.socket] = []
        self._acceptor: asyncio.Task[None] | None = None
        self._timers: list[Timer] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def open(self) -> None:
        """Take the port; raises `OSError` where it cannot be had."""
        try:
            self._address = Address(self._host, self._listener.port)
        except OSError as error:
            text = f"listener {self._listener.name}: {error.strerror or error}"
            raise OSError(error.errno, text) from None
        self.port = self._address.port
        shut = shut_times(self._listener.gates, self._conditions)
        if not any(one.start <= 0 for one in shut):
            self._listen()
        for one in shut:
            if one.start <= 0:
                self._shut(one)
            else:
                self._at(one.start, partial(self._shut, one))
            if one.end != float("inf"):
                self._at(one.end, self._listen)

    async def close(self) -> None:
        """Give the port up, and let go of every connection that is held here."""
        for timer in self._timers:
            timer.cancel()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._stop_listening()
        if self._address is not None:
            self._address.close()

    # The port

    def _listen(self) -> None:
        """Accept connections, from now on."""
        assert self._address is not None, "an open port"
        self._stop_listening()
        listening = self._address.listening()
        self._sockets = [listening]
        self._acceptor = self._spawn(self._accept(listening))

    def _shut(self, shut: Shut) -> None:
        """Accept no more connections."""
        assert self._address is not None, "an open port"
        self._stop_listening()
        if shut.how == "never-accept":
            self._sockets = [self._address.listening(0)]
            self._sockets += [self._address.connecting() for _ in range(FILLERS)]

    def _stop_listening(self) -> None:
        if self._acceptor is not None:
            self._acceptor.cancel()
            self._acceptor = None
        for sock in self._sockets:
            sock.close()
        self._sockets = []

    def _at(self, seconds: float, callback: Callable[[], None]) -> None:
        self._timers.append(self._clock.call_at(self._start + seconds, callback))

    def _spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # A connection

    async def _accept(self, listening: socket.socket) -> None:
        """Take connections, each in a task of its own."""
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listening)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._spawn(self._serve(sock))

    async def _serve(self, sock: socket.socket) -> None:
        """Do to a connection what is planned, and give it to the handler if it is left."""
        loop = asyncio.get_running_loop()
        plan = self._plan()
        try:
            with contextlib.suppress(ConnectionError):
                if not await self._passed(plan, sock):
                    return
                await loop.connect_accepted_socket(self._handler, sock, ssl=self._tls)
                return
        except ssl.SSLError as error:
            log.info("listener %s: no TLS handshake: %s", self._listener.name, error)
        except asyncio.CancelledError:
            sock.close()
            raise
        sock.close()

    async def _passed(self, plan: GatePlan, sock: socket.socket) -> bool:
        """Whether a connection is left over by the faults."""
        loop = asyncio.get_running_loop()
        if plan.reads_first:
            await loop.sock_recv(sock, CHUNK)
        for event in plan.events:
            match event:
                case Wait(seconds):
                    await self._wait(seconds)
                case Close("rst"):
                    reset_on_close(sock)
                    sock.close()
                    return False
                case Close():
                    # Closing with unread input would make an RST of the FIN.
                    sock.shutdown(socket.SHUT_WR)
                    while await loop.sock_recv(sock, CHUNK):
                        pass
                    sock.close()
                    return False
        return True

    async def _wait(self, seconds: float) -> None:
        """Wait on the clock, or until the port is closed."""
        over = asyncio.Event()
        if seconds == FOREVER:
            await over.wait()
            return
        timer = self._clock.call_at(self._clock.now() + seconds, over.set)
        try:
            await over.wait()
        finally:
            timer.cancel()

    def _plan(self) -> GatePlan:
        """What happens to the next connection; it is written down."""
        self._count += 1
        elapsed = self._clock.now() - self._start
        made = gate_plan(self._listener, self._count, elapsed, self._conditions)
        connection = Connection(
            self._listener.name, self._count, self._time(), made.fired, made.ends
        )
        self._on_connection(connection)
        return made
