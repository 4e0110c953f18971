"""What stands in for aiohttp's protocol at a connection while somebody else writes to it."""

from __future__ import annotations

import asyncio

from mockllm.engine.journal import Leaving


class StandIn(asyncio.Protocol):
    """Hears at once when the transport's buffer is full and when the peer leaves; what the peer sends
    is aiohttp's, for later."""

    __slots__ = ("_upstream", "transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self._upstream = transport.get_protocol()

    def take_over(self) -> None:
        """Stand at the transport."""
        self.transport.set_protocol(self)

    def give_back(self) -> None:
        """Let who was there stand there again, unless somebody else does."""
        if self.transport.get_protocol() is self:
            self.transport.set_protocol(self._upstream)

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

    def _note_departure(self, how: Leaving) -> None:
        """The peer leaves, or has left already."""
        raise NotImplementedError
