"""h11 reads back what lowering made: a parser that shares nothing with it."""

from __future__ import annotations

from dataclasses import dataclass

import h11

from mockllm.timeline.events import FOREVER, Beat, Extra, Wait, WireEvent, Write


@dataclass(frozen=True)
class Read:
    """A response as h11 understands it."""

    status: int
    reason: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    chunks: tuple[bytes, ...]
    complete: bool
    """Whether the body came to its proper end."""

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)


def written(events: tuple[WireEvent, ...]) -> bytes:
    """The bytes of a wire timeline, heartbeats included, but for those of a wait forever."""
    return b"".join(map(bytes_of, events))


def bytes_of(event: WireEvent) -> bytes:
    """The bytes of one event."""
    match event:
        case Write(data):
            return data
        case Wait(beat=Beat(unit=Extra(data))) if event.seconds != FOREVER:
            return data * int(event.strikes)
        case _:
            return b""


def read(data: bytes, *, method: str = "POST", closed: bool = False) -> Read:
    """Parse one response; `closed` tells that the connection ended behind it."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("host", "a")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if closed:
        client.receive_data(b"")
    response = client.next_event()
    assert isinstance(response, h11.Response)
    chunks: list[bytes] = []
    while isinstance(event := client.next_event(), h11.Data):
        chunks.append(bytes(event.data))
    assert client.trailing_data[0] == b"", "nothing stands behind the body"
    return Read(
        response.status_code,
        bytes(response.reason),
        tuple((bytes(name), bytes(value)) for name, value in response.headers.raw_items()),
        tuple(chunks),
        isinstance(event, h11.EndOfMessage),
    )
