"""A running server: a bound socket, its connections, and how it stops."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

from mockllm.engine.engine import Engine
from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.server.admin import Guard, is_loopback
from mockllm.server.application import Application, Server, connections
from mockllm.server.clock import LoopClock

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
        self._connections: Server | None = None
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self) -> None:
        """Bind and listen; raises `OSError` where the address cannot be had."""
        sock = bind(self._settings.host, self._settings.port)
        self._connections = connections(self.application)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connections, sock=sock, backlog=BACKLOG)
        self.url = url_of(self._settings.host, sock.getsockname()[1])

    async def stop(self) -> None:
        """Stop accepting, let go of every stream, close every connection."""
        if self._server is None or self._connections is None:
            return
        self._server.close()
        self.application.release()
        await asyncio.sleep(0)  # the handlers see that their players are over
        await self._connections.shutdown(GOODBYE)


def bind(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that its port is known before anybody listens."""
    if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
        raise OSError(f"expected a port from 0 to 65535, got {port}")
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
    except OSError:
        sock.close()
        raise
    return sock


def url_of(host: str, port: int) -> str:
    """The base URL under which this machine reaches the server."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)  # noqa: S104
    if ":" in reachable and not reachable.startswith("["):
        reachable = f"[{reachable}]"
    return f"http://{reachable}:{port}"
