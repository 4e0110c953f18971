"""A running server: a bound socket, its connections, and how it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from mockllm.engine.engine import Engine
from mockllm.engine.gate import profile_of
from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions, fitting
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Listener
from mockllm.server.admin import Guard, is_loopback
from mockllm.server.application import Application, Server, connections, iso_time
from mockllm.server.clock import LoopClock
from mockllm.server.kernel import cannot_listen
from mockllm.server.listeners import Port
from mockllm.server.tls import server_context

BACKLOG = 4096
GOODBYE = 0.05
"""Seconds that aiohttp gives its handlers at the stop; ours have ended by then. Not 0, which means
for ever there."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is set up."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free one."""
    conditions: Conditions = field(default_factory=Conditions)
    admin_token: str | None = None


class Service:
    """A server on the running event loop."""

    def __init__(
        self,
        library: Library,
        profile: Loaded,
        settings: Settings,
        *,
        on_entry: Callable[[Entry], None] = lambda entry: None,
    ) -> None:
        clock = LoopClock(asyncio.get_running_loop())
        self.engine = Engine(library, profile, conditions=settings.conditions, now=clock.now)
        self.guard = Guard(is_loopback(settings.host), settings.admin_token)
        self.application = Application(self.engine, clock, guard=self.guard, on_entry=on_entry)
        self._settings = settings
        self._clock = clock
        self._on_entry = on_entry
        self._profile = profile
        self._connections: Server | None = None
        self._server: asyncio.Server | None = None
        self._ports: list[Port] = []
        self._applications = [self.application]
        self._handlers: list[Server] = []
        self.url = ""

    async def start(self) -> None:
        """Bind and listen; raises `OSError` where the address cannot be had."""
        sock = bind(self._settings.host, self._settings.port)
        self._connections = connections(self.application)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connections, sock=sock, backlog=BACKLOG)
        self.url = url_of(self._settings.host, sock.getsockname()[1])
        for listener in self._profile.profile.listeners:
            self._open(listener)

    def _open(self, listener: Listener) -> None:
        """Open a further port of the profile."""
        application = Application(
            self.engine,
            self._clock,
            guard=self.guard,
            on_entry=self._on_entry,
            profile=profile_of(self._profile, listener),
        )
        handler = connections(application)
        port = Port(
            listener,
            host=self._settings.host,
            clock=self._clock,
            conditions=fitting(self._settings.conditions, self._profile.profile),
            tls=server_context() if listener.tls else None,
            handler=handler,
            on_connection=self.engine.connections.add,
            time=iso_time,
        )
        self._ports.append(port)
        self._applications.append(application)
        self._handlers.append(handler)
        port.open()
        url = url_of(self._settings.host, port.port)
        self.listeners[listener.name] = url.replace("http", "https", 1) if listener.tls else url

    @property
    def listeners(self) -> dict[str, str]:
        """The URLs of the further ports, by name."""
        return self.engine.listeners

    async def stop(self) -> None:
        """Stop accepting, let go of every stream, close every connection."""
        if self._server is None or self._connections is None:
            return
        self._server.close()
        for port in self._ports:
            await port.close()
        for application in self._applications:
            application.release()
        await asyncio.sleep(0)  # the handlers see that their players are over
        for handler in (self._connections, *self._handlers):
            await handler.shutdown(GOODBYE)


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that its port is known before anybody listens."""
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
        raise OSError(
            f"cannot listen on {host}:{port}: expected a port from 0 to 65535, got {port}"
        )
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise cannot_listen(host, port, error) from None
    return sock


def url_of(host: str, port: int) -> str:
    """The base URL under which this machine reaches the server."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"
