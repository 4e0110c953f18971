"""The connections of a server: aiohttp's, past which requests go whose head is known."""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from mockllm.engine.garbage import SHOWN
from mockllm.server.application import Application
from mockllm.server.kernel import Shortcut, shortcut
from mockllm.server.known import split
from mockllm.server.played import STAYS

log = logging.getLogger("mockllm")

NUMBERS = itertools.count(1)
"""The numbers of connections, never twice in a process."""
INSIDE = ("_waiter", "_keepalive_timeout", "_next_keepalive_close_time", "_process_keepalive")
SHOWS_ITSELF = all(hasattr(RequestHandler, name) for name in INSIDE)
"""Whether this aiohttp lets us see if it waits for a request; without that it parses all of them."""
MOST_KEPT = 64 << 10
"""Bytes of pipelined requests from which on a connection is not read until its answer is over."""


class Handler(RequestHandler):
    """aiohttp's connection, which has a number and says what it could not read."""

    __slots__ = (
        "_clean",
        "_fed",
        "_first",
        "_held",
        "_kept",
        "_server",
        "answered",
        "came",
        "chunk",
        "failed",
        "number",
        "shortcut",
    )

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self.number = next(NUMBERS)
        self._server = server
        self._first = b""
        self.shortcut: Shortcut | None = None
        self.came = 0.0
        """When the last bytes came, or an answer was over, on the server's clock."""
        self._fed = self.answered = 0
        """Requests that aiohttp was given, and answers to them behind which the connection stays, since
        it has last been seen to wait."""
        self._clean = SHOWS_ITSELF
        """Whether all that came were whole requests, one at a time."""
        self.chunk: bytes | None = None
        """The bytes of the request that is handled, if they came alone."""
        self.failed: Exception | None = None
        """What has gone wrong with the request before it was handled."""
        self._held = False
        """Whether somebody else than aiohttp, who knows nothing of it, answers a request."""
        self._kept = b""
        """What has come meanwhile."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection, which is closed if the server went down while it was being made."""
        super().connection_made(transport)
        self.shortcut = shortcut(transport)
        if self._server.down:
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Bytes for aiohttp, if they are not known; the first are remembered, in case that they are
        no HTTP."""
        if not data:  # aiohttp itself, which looks at what it has kept
            super().data_received(data)
            return
        if self._held:
            self._keep(data)
            return
        self._first = self._first or data[:SHOWN]
        application = self._server.application
        self.came = application.now
        self.chunk = None
        if self._clean:
            waits = self._waits()
            if waits:
                known = application.known.find(data)
                if known is not None and application.answer_known(self, *known):
                    # aiohttp has not seen that the connection is in use.
                    self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
                    return
            self._clean = split(data) is not None
            if waits and self._clean and self.failed is None:
                self.chunk = data
        self._fed += 1
        super().data_received(data)

    def hold(self) -> None:
        """Keep what comes until `go_on`: somebody answers a request that aiohttp does not know of."""
        self._held = True

    def go_on(self, *, stays: bool) -> None:
        """The answer is over: take the next request, or close."""
        if not stays:
            self._held = False
            self.force_close()
            return
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._kept:  # in a turn of its own: who calls this may be in the midst of other things
            self._loop.call_soon(self._take_kept)
        else:
            self._held = False

    def _keep(self, data: bytes) -> None:
        """Keep pipelined requests; of too much of them the kernel keeps the rest."""
        self._kept += data
        if len(self._kept) >= MOST_KEPT and self.transport is not None:
            self.transport.pause_reading()

    def _take_kept(self) -> None:
        """Look at what has come during an answer."""
        data, self._kept, self._held = self._kept, b"", False
        if self.transport is not None:
            self.transport.resume_reading()
            self.data_received(data)

    def _process_keepalive(self) -> None:
        """Close a connection that is idle, which one that is answered is not."""
        if self._held:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    def _waits(self) -> bool:
        """Whether every request that came is over, and aiohttp waits for the next, or is about to."""
        if self._waiter is not None and not self._waiter.done():
            self._fed = self.answered = 0
        return self._fed == self.answered

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is no HTTP, or one that made the server fail."""
        if status < 500:
            log.warning("a client sent no valid HTTP: %s", message or exc)
            self._server.application.discard(self._first, message or str(exc))
            text = f"Bad Request: {(message or str(exc)).strip()}"
            response = web.Response(status=status, text=text)
            response.force_close()
            return response
        log.error("the server failed on %s %s", request.method, request.path, exc_info=exc)
        return web.Response(status=status, text=f"mockllm failed: {type(exc).__name__}: {exc}")


class Server(web.Server):
    """aiohttp's server of connections, with ours. Its access log is off: it counts no bytes that it
    has not sent itself, and the journal is ours."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            self.handle,
            access_log=None,
            handler_cancellation=False,
            auto_decompress=application.unpacks,
        )
        self.application = application
        self.down = False
        """Whether new connections are closed; those that are open stay."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        connection = request.protocol
        assert isinstance(connection, Handler)
        try:
            response = await self.application.respond(request, connection)
        finally:
            connection.came = self.application.now
        connection.answered += response is STAYS
        return response

    def __call__(self) -> RequestHandler:
        """One more connection."""
        return Handler(self, loop=self._loop, **self._kwargs)

    async def close(self) -> None:
        """Let go of every stream, and close every connection, also those in the making."""
        self.down = True
        self.application.release()
        await asyncio.sleep(0)  # the handlers see that their players are over
        for connection in tuple(self.connections):
            connection.force_close()
