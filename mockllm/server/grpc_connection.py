"""HTTP/2 as gRPC uses it: connections, their streams, and streams as transports for the player.

h2 knows the protocol and does no I/O. A library of gRPC would not let a mock end a call without
trailers, send half a message, or reset one stream and leave the others alone.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from mockllm.server.grpc_timeline import TRAILERS
from mockllm.server.handler import NUMBERS
from mockllm.server.player import Player
from mockllm.server.upload import MAX_BODY

PREFIX = struct.Struct(">BI")
WINDOW = 1 << 20
"""Bytes of requests that may be on their way."""

Headers = list[tuple[str, str]]
Serve = Callable[["Stream"], Coroutine[Any, Any, None]]


class TooLarge(Exception):
    """A message over the limit; the text is for its sender."""


class Compressed(Exception):
    """A message that is compressed, which was never offered."""


class NoSocket:
    """What the player asks before a reset, of a call whose connection stays."""

    def fileno(self) -> int:
        """The kernel holds nothing that belongs to one call alone."""
        raise OSError("a call has no socket of its own")

    def setsockopt(self, *_: Any) -> None:
        """No option is needed."""


class Stream(asyncio.Transport):
    """One call: its messages, and a transport on which a player writes the answer."""

    def __init__(self, connection: Connection, number: int, headers: Headers) -> None:
        super().__init__()
        self.headers = headers
        self.connection = connection
        self._number = number
        self._buffer = b""
        self._messages: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()
        self._protocol: asyncio.BaseProtocol = asyncio.Protocol()
        self._pending: list[bytes] = []
        self._last: Headers | None = None
        self._begun = self._over = self._gone = False

    def header(self, name: str) -> str:
        """A header of the request; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")

    # The request

    async def messages(self) -> AsyncIterator[bytes]:
        """The messages of the client as they come; raises `TooLarge` and `Compressed`."""
        while (message := await self._messages.get()) is not None:
            if isinstance(message, Exception):
                raise message
            yield message

    def feed(self, data: bytes) -> None:
        """Take bytes of the client."""
        self._buffer += data
        while len(self._buffer) >= PREFIX.size:
            flag, length = PREFIX.unpack_from(self._buffer)
            if length > MAX_BODY:
                text = f"Received message larger than max ({length} vs. {MAX_BODY})"
                self._messages.put_nowait(TooLarge(text))
                return
            if len(self._buffer) < PREFIX.size + length:
                return
            message = self._buffer[PREFIX.size : PREFIX.size + length]
            self._buffer = self._buffer[PREFIX.size + length :]
            self._messages.put_nowait(Compressed() if flag else message)

    def feed_end(self) -> None:
        """The client says no more."""
        self._messages.put_nowait(None)

    def lost(self, error: Exception | None) -> None:
        """The client has left the call, or the connection is gone."""
        if not self._over:
            self._over = self._gone = True
            self._messages.put_nowait(None)
            self._protocol.connection_lost(error)

    # The answer, as the player writes it

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Send a unit of `grpc_timeline`."""
        unit = bytes(data)
        if self._over:
            return
        if unit[:1] == bytes([TRAILERS]):
            lines = unit[PREFIX.size :].decode().splitlines()
            self._last = [
                (name, value) for name, _, value in (one.partition(": ") for one in lines)
            ]
            self.flush()
        else:
            self._begin()
            self._pending += [unit] if unit else []
            self.flush()

    def _begin(self) -> None:
        """Send the head, once."""
        if not self._begun:
            self._begun = True
            self.connection.send_headers(self._number, head(), end=False)

    def flush(self) -> None:
        """Send as much as the client's window allows, and then the trailers."""
        while self._pending and not self._over:
            sent = self.connection.send_data(self._number, self._pending[0])
            self._pending[0] = self._pending[0][sent:]
            if self._pending[0]:
                return  # until the window opens
            del self._pending[0]
        if self._last is not None and not self._over:
            self._over = True
            first = [] if self._begun else head()
            self.connection.send_headers(self._number, first + self._last, end=True)

    def close(self) -> None:
        """End the connection, unless the call has ended."""
        if not self._over:
            self._over = self._gone = True
            self.connection.close()

    def write_eof(self) -> None:
        """The same: a call has no half."""
        self.close()

    def abort(self) -> None:
        """Reset the stream; the connection stays."""
        if not self._over:
            self._over = self._gone = True
            self.connection.reset(self._number)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The socket: none of its own, so a reset has nothing to wait for and to prepare."""
        return NoSocket() if name == "socket" else default

    def is_closing(self) -> bool:
        """Whether the call was cut short; one that has its trailers was not."""
        return self._gone

    def get_write_buffer_size(self) -> int:
        """The bytes that wait for the client's window."""
        return sum(map(len, self._pending))

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Who hears of the client's leaving."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Somebody else hears of it."""
        self._protocol = protocol


def head() -> Headers:
    """The head of every answer."""
    return [(":status", "200"), ("content-type", "application/grpc")]


class Connection(asyncio.Protocol):
    """One client's connection and its streams, each of which is served in a task."""

    def __init__(self, serve: Serve, connections: set[Connection]) -> None:
        self.number = next(NUMBERS)
        self._serve = serve
        self._connections = connections
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the connection is gone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say who we are."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it
        self._connections.add(self)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(WINDOW)
        self._send()

    def data_received(self, data: bytes) -> None:
        """Take what the client says; what is no HTTP/2 ends the connection."""
        try:
            events = self._h2.receive_data(data)
        except ProtocolError:
            self._send()
            self.close()
            return
        for event in events:
            self._take(event)
        self._send()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int(number), headers=list() as headers):
                stream = self._streams[number] = Stream(self, number, list(headers))
                task = asyncio.get_running_loop().create_task(self._serve(stream))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case DataReceived(stream_id=int(number)):
                self._h2.acknowledge_received_data(event.flow_controlled_length or 0, number)
                if number in self._streams:
                    self._streams[number].feed(event.data or b"")
            case StreamEnded(stream_id=int(number)) if number in self._streams:
                self._streams[number].feed_end()
            case StreamReset(stream_id=int(number)) if number in self._streams:
                self._streams.pop(number).lost(ConnectionResetError("the client cancelled"))
            case WindowUpdated() | RemoteSettingsChanged():
                for stream in tuple(self._streams.values()):
                    stream.flush()
            case ConnectionTerminated():
                self.close()

    def _send(self) -> None:
        """Hand over what h2 has to say."""
        data = self._h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def send_headers(self, number: int, headers: Headers, *, end: bool) -> None:
        """Send a head or trailers; with the last, the stream is forgotten."""
        try:
            self._h2.send_headers(number, headers, end_stream=end)
            if end and number in self._streams:
                del self._streams[number]
                stream = self._h2.streams.get(number)
                if stream is not None and not stream.closed:  # the client has more to say
                    self._h2.reset_stream(number, ErrorCodes.NO_ERROR)
        except ProtocolError:
            return
        self._send()

    def send_data(self, number: int, data: bytes) -> int:
        """Send as much as the window allows; how much that was."""
        try:
            window = self._h2.local_flow_control_window(number)
            size = min(window, self._h2.max_outbound_frame_size, len(data))
            if size > 0:
                self._h2.send_data(number, data[:size])
        except ProtocolError:
            return len(data)  # the stream is gone
        self._send()
        return max(0, size)

    def reset(self, number: int) -> None:
        """Reset one stream."""
        self._streams.pop(number, None)
        try:
            self._h2.reset_stream(number, ErrorCodes.CANCEL)
        except ProtocolError:
            return
        self._send()

    def close(self) -> None:
        """Close the connection when everything is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def release(self) -> None:
        """Let go of every call that is playing, and close."""
        for stream in tuple(self._streams.values()):
            player = stream.get_protocol()
            if isinstance(player, Player):
                player.release()
        self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._connections.discard(self)
        if not self.lost.done():
            self.lost.set_result(None)
        for stream in tuple(self._streams.values()):
            stream.lost(exc)
        self._streams.clear()
