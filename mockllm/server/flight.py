"""What a server holds of a request on its way from the socket to the journal."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from mockllm.engine.exchange import Here
from mockllm.engine.journal import Record, brief
from mockllm.engine.plan import Visit
from mockllm.matchers.call import Call
from mockllm.server.kernel import Shortcut
from mockllm.server.player import Player


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A head that has been read; two are equal where they are the same."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    stays: bool
    """Whether the client wants the connection to stay open."""
    http10: bool
    url: str
    """Where the client found the server."""
    is_long: bool = False
    """Whether it is too long to be remembered."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that has been read."""

    head: Head
    call: Call
    path_name: str | None
    """The profile that its path names."""


@dataclass(frozen=True, slots=True)
class Read:
    """A request of which all has come."""

    heard: Heard
    body: bytes | None
    """None where it is over the limit."""
    here: Here
    number: int
    """Its connection's."""
    visit: Visit | None
    """Where it was counted while its body arrived."""
    acted: frozenset[int]
    """The faults that acted meanwhile."""
    may_be_known: bool
    """Whether such a head may be answered without being read again."""


@dataclass(slots=True, eq=False)
class Flight:
    """A request from when its head has been read until its handler is done."""

    method: str
    path: str
    transport: asyncio.Transport
    shortcut: Shortcut | None = None
    """The way past the transport, if there is one."""
    since: float | None = None
    """When the last of it came, on the server's clock; None where it is not known, or where more has
    happened since."""
    taken: int = 0
    """Bytes of its answer that the kernel has taken already."""
    record: Record | None = None
    """Its place in the journal, as soon as it has one."""
    player: Player | None = None
    """What plays, or has played last, on its connection."""

    def __str__(self) -> str:
        """A line for messages: of the journal if the call is there."""
        if self.record is None:
            return f"  {self.method} {self.path}: its body has not arrived yet"
        return brief((self.record.entry,))
