"""One exchange that passes through: bytes go to the client as they come, and are kept with times.

Nothing is read into the stream before it is passed on: what came in one read leaves in one write.
The end is passed on as it was: a FIN as a FIN, a reset as a reset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import cast

from mockllm.cassettes.cassette import Ending, Piece, Recording, merged
from mockllm.cassettes.playing import MICRO
from mockllm.cassettes.redacting import head_without_secrets, reads_without_secrets
from mockllm.cassettes.response import ResponseReader
from mockllm.engine.journal import Leaving
from mockllm.server.standin import StandIn


class Relay(asyncio.Protocol):
    """The upstream's side of an exchange; `client` is the other. It is made when the request has been
    read: its times count from then."""

    def __init__(
        self, client: asyncio.Transport, method: str, now: Callable[[], float] = perf_counter
    ) -> None:
        self._client = client
        self._seconds = now  # uvloop's own time knows milliseconds only
        self._start = now()
        self._method = method
        self._reader = ResponseReader(method)
        self._transport: asyncio.Transport | None = None
        self._pieces: list[Piece] = []
        self._head: list[Piece] = []
        """The reads of a head that has not ended."""
        self._ended = 0
        self.over: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()

    @property
    def closes(self) -> bool:
        """Whether a whole response is followed by the end of its connection."""
        return self._reader.closes

    @property
    def status(self) -> int | None:
        """The status of the response; None where none came."""
        return self._reader.head.status if self._reader.head is not None else None

    def now(self) -> int:
        """Microseconds since the request had been read."""
        return round((self._seconds() - self._start) * MICRO)

    def send(self, request: bytes) -> None:
        """Send the request, unless the upstream has closed the connection already."""
        if self._transport is not None:
            self._transport.write(request)

    def recording(self, ending: Ending) -> Recording:
        """What came, without secrets."""
        pieces = (*self._pieces, *reads_without_secrets(self._head))
        return Recording(merged(pieces), ending, self._ended, self._method)

    # What the upstream's transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """There is a connection."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Bytes of the response: passed on first, then looked at."""
        if self.over.done():
            return
        at = self.now()
        self._client.write(data)
        self._keep(at, data)
        if self._reader.complete and not self._reader.closes:
            self.end("complete")

    def _keep(self, at: int, data: bytes) -> None:
        """Keep what came for the recording; a head when it is whole, without its secrets."""
        parts = self._reader.feed(data)
        if not parts:
            self._head.append(Piece(at, data))
        for part in parts:
            if self._head:
                before = sum(len(one.data) for one in self._head)
                self._head.append(Piece(at, part.raw[before:]))
                self._pieces += reads_without_secrets(self._head)
                self._head.clear()
            else:
                raw = head_without_secrets(part.raw) if part.kind == "head" else part.raw
                self._pieces.append(Piece(at, raw))

    def connection_lost(self, exc: Exception | None) -> None:
        """The upstream has closed or reset the connection."""
        self._transport = None  # asyncio ends once more what is aborted behind its end
        if exc is not None:
            self.end("rst")
            return
        reader = self._reader
        whole = reader.complete or (reader.head is not None and reader.framing == "close")
        self.end("complete" if whole else "fin")

    def end(self, ending: Ending) -> None:
        """The exchange is over."""
        if not self.over.done():
            self._ended = self.now()
            self.over.set_result(ending)
        if self._transport is not None:
            self._transport.abort()

    # What the client does

    def leave(self) -> None:
        """The client has left; before the end, unless only the end of the connection is missing."""
        self.end("complete" if self._reader.complete else "open")

    def pause(self) -> None:
        """The client reads slowly."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """The client has read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()


class ClientSide(StandIn):
    """Stands in for aiohttp's protocol while bytes pass: it hears when the client reads slowly, and
    when it leaves."""

    def __init__(self, transport: asyncio.Transport, relay: Relay) -> None:
        super().__init__(transport)
        self._relay = relay
        self.take_over()

    def pause_writing(self) -> None:
        """The buffer is full."""
        self._relay.pause()

    def resume_writing(self) -> None:
        """The buffer has drained."""
        self._relay.resume()

    def _note_departure(self, how: Leaving) -> None:
        """The client has left."""
        self._relay.leave()
