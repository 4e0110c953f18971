"""A running server: a bound socket, its connections, how it goes down and up, and how it stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from mockllm.engine.engine import Engine
from mockllm.engine.gate import Connection, profile_of
from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions, fitting
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Listener
from mockllm.server.address import BACKLOG, Address
from mockllm.server.admin import Guard, is_loopback
from mockllm.server.application import Application
from mockllm.server.clock import LoopClock
from mockllm.server.flight import Flight
from mockllm.server.grpc_extra import make_grpc
from mockllm.server.handler import Server
from mockllm.server.listeners import Port
from mockllm.server.times import iso_time
from mockllm.server.tls import server_context
from mockllm.timeline.valueclass import replace

if TYPE_CHECKING:
    from mockllm.server.grpc import Grpc

GOODBYE = 0.05
"""Seconds that aiohttp gives its handlers at the stop; ours end without their connections. Not 0, which means
for ever there."""
TURNS = 16
"""Turns of the loop that have to be quiet before all calls count as over. A request that lies in the
kernel reaches its handler in five: it is accepted, its connection made, read and parsed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is set up."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    conditions: Conditions = field(default_factory=Conditions)
    admin_token: str | None = None
    grpc_port: int | None = None
    """The port for gRPC (extra `grpc`); 0 takes a free one, None opens none."""


class Service:
    """A server on the running event loop, and only to be used there.

    `answers` makes what answers on each port: the server itself, or another one in its place.
    """

    def __init__(
        self,
        library: Library,
        profile: Loaded,
        settings: Settings,
        *,
        on_entry: Callable[[Entry], None] = lambda entry: None,
        answers: Callable[..., Application] = Application,
    ) -> None:
        self._answers = answers
        self.clock = LoopClock(asyncio.get_running_loop())
        self.engine = Engine(library, profile, conditions=settings.conditions, now=self.clock.now)
        self.guard = Guard(is_loopback(settings.host), settings.admin_token)
        self._settings = settings
        self._on_entry = on_entry
        self._profile = profile
        self._watchers: set[Callable[[], None]] = set()
        self._changes = 0
        self.application = self._application()
        self._applications = [self.application]
        self._handler = Server(self.application)
        self._handlers = [self._handler]
        self._address: Address | None = None
        self._server: asyncio.Server | None = None
        self._switching = asyncio.Lock()
        self._ports: list[Port] = []
        self._grpc: Grpc | None = None
        self.url = ""
        self.grpc_target = ""
        """Host and port for clients of gRPC; empty where none is open."""

    def _application(self, profile: Loaded | None = None) -> Application:
        """What answers on one port."""
        return self._answers(
            self.engine,
            self.clock,
            guard=self.guard,
            on_entry=self._on_entry,
            on_change=self._changed,
            desk=self,
            profile=profile,
        )

    # Life

    async def start(self) -> None:
        """Bind and listen; raises `OSError` where the address cannot be had, and `GrpcMissing`."""
        settings = self._settings
        if settings.grpc_port is not None:
            self._grpc = make_grpc(self.application, settings.host, settings.grpc_port)
            await self._grpc.start()
            self.grpc_target = url_of(settings.host, self._grpc.port).removeprefix("http://")
        self._address = Address(self._settings.host, self._settings.port)
        self.url = url_of(self._settings.host, self._address.port)
        await self.up()
        for listener in self._profile.profile.listeners:
            self._open(listener)

    def _open(self, listener: Listener) -> None:
        """Open a further port of the profile."""
        application = self._application(profile_of(self._profile, listener))
        handler = Server(application)
        port = Port(
            listener,
            host=self._settings.host,
            clock=self.clock,
            conditions=fitting(self._settings.conditions, self._profile.profile),
            tls=server_context() if listener.tls else None,
            handler=handler,
            on_connection=self._connected,
            time=iso_time,
        )
        self._ports.append(port)
        self._applications.append(application)
        self._handlers.append(handler)
        port.open()
        url = url_of(self._settings.host, port.port)
        self.listeners[listener.name] = url.replace("http", "https", 1) if listener.tls else url

    async def listen(self, profile: Loaded, conditions: Conditions) -> None:
        """Play under other conditions, and open the further ports of a profile instead of those
        that are open. Raises `OSError` where a port cannot be had."""
        self.engine.conditions = conditions
        if not (self._ports or profile.profile.listeners):
            return
        for port in self._ports:
            await port.close()
        for application in self._applications[1:]:
            application.release()
        await asyncio.sleep(0)  # the handlers see that their players are over
        for handler in self._handlers[1:]:
            await handler.shutdown(GOODBYE)
        self._ports.clear()
        del self._applications[1:], self._handlers[1:]
        self.listeners.clear()
        self._profile = profile
        self._settings = replace(self._settings, conditions=conditions)
        for listener in profile.profile.listeners:
            self._open(listener)

    @property
    def listeners(self) -> dict[str, str]:
        """The URLs of the further ports, by name."""
        return self.engine.listeners

    @property
    def client_url(self) -> str:
        """Where a client of the profile belongs: the listener whose connections fail, where that is
        all that the profile is about; else the server's own port."""
        profile = self._profile.profile
        if not any(route.faults for route in profile.all_routes):
            for listener in profile.listeners:
                if listener.gates and listener.name in self.listeners:
                    return self.listeners[listener.name]
        return self.url

    async def stop(self) -> None:
        """Stop accepting, let go of every stream, close every connection, give the ports up."""
        if self._address is None:
            return
        async with self._switching:
            await self._deafen()
        if self._grpc is not None:
            await self._grpc.stop()
        for port in self._ports:
            await port.close()
        for handler in self._handlers:
            await handler.close()
        for handler in self._handlers:
            await handler.shutdown(GOODBYE)
        self._address.close()

    def release(self) -> None:
        """Let go of every stream that is playing or held, on all ports."""
        for application in self._applications:
            application.release()

    # Down and up

    @property
    def is_down(self) -> bool:
        """Whether nobody listens on the server's own port."""
        return self._server is None

    async def down(self, connections: Literal["close", "keep"] = "close") -> None:
        """Stop listening on the server's own port, which stays ours: a SYN gets an RST.

        `close` lets go of every stream and closes every connection there, as a process does that
        ends: with a FIN, or an RST where the client's bytes were not read. `keep` leaves the
        connections that are open alone, as a drain does. Further ports go on. The admin API is on
        this port, so it is down as well: only this process can say `up`. Harmless when down
        already; `close` then closes what was kept.

        Raises `ValueError` for another word.
        """
        if connections not in ("close", "keep"):
            raise ValueError(f"connections: expected close or keep, got {connections!r}")
        async with self._switching:
            await self._deafen()
            if connections == "close":
                await self._handler.close()

    async def up(self) -> None:
        """Listen again, on the same port; returns when clients can connect. Harmless when up.

        Raises `RuntimeError` for a server that has not been started.
        """
        if self._address is None:
            raise RuntimeError("this server has not been started")
        async with self._switching:
            if self._server is None:
                self._handler.down = False
                loop = asyncio.get_running_loop()
                self._server = await loop.create_server(
                    self._handler, sock=self._address.listening(), backlog=BACKLOG
                )

    async def _deafen(self) -> None:
        """Close the socket that listens, and reset what waits there to be accepted."""
        if self._server is None:
            return
        server, self._server = self._server, None
        # asyncio makes a connection one turn after it has accepted it, and loses it if the server
        # is closed in between (`Server._attach` fails; its client hangs). So: accept no more, let
        # those be made, then close. uvloop knows no such reader, and does not mind.
        for sock in server.sockets:
            asyncio.get_running_loop().remove_reader(sock.fileno())
        await asyncio.sleep(0)
        server.close()

    # Waiting

    @property
    def in_flight(self) -> tuple[Flight, ...]:
        """The requests that are being read or answered, on all ports."""
        return tuple(flight for one in self._applications for flight in one.in_flight)

    async def until(self, condition: Callable[[Service], bool]) -> None:
        """Wait for a condition: it is looked at now, and each time that a call begins or ends, the
        journal changes or a listener takes a connection. It must not change anything.

        Raises what the condition raises.
        """
        if condition(self):
            return
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look() -> None:
            if met.done():
                return
            try:
                if condition(self):
                    met.set_result(None)
            except Exception as error:
                met.set_exception(error)

        self._watchers.add(look)
        try:
            await met
        finally:
            self._watchers.discard(look)

    async def settle(self, limit: float) -> None:
        """Wait as `settled` does. Raises `TimeoutError` with the calls that are still in flight after
        so many seconds."""
        try:
            async with asyncio.timeout(limit):
                await self.settled()
        except TimeoutError:
            calls = "\n".join(map(str, self.in_flight)) or "  calls keep coming"
            text = f"calls are still in flight after {limit:g} seconds:\n{calls}"
            raise TimeoutError(text) from None

    async def settled(self) -> None:
        """Wait until no call is in flight and the kernel holds none that came before this.

        A client that has left counts as soon as its FIN or RST is here, so a stream that hangs is
        over when its client has closed.
        """
        quiet = 0
        while quiet < TURNS:
            await self.until(lambda service: not service.in_flight)
            seen = self._changes
            await asyncio.sleep(0)
            quiet = quiet + 1 if seen == self._changes else 0

    def _connected(self, connection: Connection) -> None:
        """A listener has taken a connection."""
        self.engine.connections.add(connection)
        self._changed()

    def _changed(self) -> None:
        """Tell those who wait."""
        self._changes += 1
        if self._watchers:
            for look in tuple(self._watchers):
                look()


def url_of(host: str, port: int) -> str:
    """The base URL under which this machine reaches the server."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"
