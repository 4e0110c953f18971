"""What a response is made of: frozen values on two levels.

The message level says what a server means (`Head`, `Frame`, …, `End`); faults rewrite it. The wire
level says what a socket must do (`Write`, `Wait`, `Close`); the player carries it out. Nothing
here knows a provider, a socket or a clock: times are seconds relative to the event before.
"""

from __future__ import annotations

import math
from typing import Literal

from mockllm.timeline.valueclass import replace, valueclass

Ending = Literal["fin", "rst", "half"]

AUTO = "{auto}"
"""A header value that lowering fills in: `content-length` from the body, `date` from the caller.

It keeps the place of the header, because servers differ in the order of their headers.
"""

FOREVER = math.inf
"""The length of a `Wait` that only the peer, or the server's stop, ends."""

ROUNDING = 1e-9
"""Seconds by which sums of times may miss each other and still be the same time."""


@valueclass(frozen=True, slots=True)
class Head:
    """Status line and headers. The headers alone decide how the body is framed."""

    status: int
    headers: tuple[tuple[str, str], ...]
    reason: str | None = None
    """The reason phrase; None for the standard one. An empty text leaves it empty."""
    dressed: bool | None = None
    """Whether the frames are server-sent events; None: where the content type says so."""

    def get(self, name: str) -> str | None:
        """The value of the first header of this name, whatever its case."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def closing(self) -> Head:
        """The head that says `connection: close`, which it may say already."""
        if self.has("connection", "close"):
            return self
        return replace(self, headers=(*self.headers, ("connection", "close")))

    def has(self, name: str, token: str) -> bool:
        """Whether a header of this name holds the token (`connection: keep-alive, close`)."""
        value = self.get(name)
        return value is not None and token in (part.strip().lower() for part in value.split(","))


@valueclass(frozen=True, slots=True)
class Frame:
    """One body unit of the provider: a server-sent event, or the whole JSON document."""

    kinds: tuple[str, ...]
    """What the frame carries: role, content, tool, finish, usage, done, error, body. A frame may
    carry several (OpenAI's first tool chunk holds the role too)."""
    data: bytes
    """The payload without the dressing of its stream (`data: ` and the blank line)."""
    event: str | None = None
    """The name in the `event:` line, where the wire has one."""
    part: int = 0
    """Which tool call it belongs to, from 1; 0 for none."""
    tokens: int = 0
    """The pieces of text it carries, which usage counts as tokens."""
    spaced: bool = True
    """Whether its lines in an event stream have the optional space: `data: `."""
    around: tuple[bytes, bytes] | None = None
    """What stands before and behind the data in an event stream, where that is not the plain
    dressing: in a recording, say, with an id, a comment or other ends of lines."""

    def dressed(self) -> bytes:
        """The frame as a server-sent event."""
        if self.around is not None:
            return self.around[0] + self.data + self.around[1]
        space = b" " if self.spaced else b""
        event = b"" if self.event is None else b"event:%b%b\n" % (space, self.event.encode())
        return b"%bdata:%b%b\n\n" % (event, space, self.data)


@valueclass(frozen=True, slots=True)
class Extra:
    """Body bytes that are no frame: a comment, or raw bytes of a fault."""

    data: bytes


@valueclass(frozen=True, slots=True)
class Wait:
    """Silence.

    A paced wait belongs to a schedule: a late one shortens the next, so that a stream as a whole
    stays on time. A wait that is not paced is a fault's: it lasts its full length from the moment
    it begins.
    """

    seconds: float
    paced: bool = False
    beat: Beat | None = None
    """What is sent again and again while it lasts."""
    joins: bool = False
    """Whether the writes before and behind it may be one where it is over before it could begin."""

    @property
    def strikes(self) -> float:
        """How often its heartbeat comes: neither at its beginning nor at its end."""
        if self.beat is None:
            return 0
        if self.seconds == FOREVER:
            return FOREVER
        return max(0, math.ceil(self.seconds / self.beat.every - ROUNDING) - 1)


@valueclass(frozen=True, slots=True)
class Beat:
    """A heartbeat: the same body unit, each time after so many seconds."""

    every: float
    unit: Frame | Extra


@valueclass(frozen=True, slots=True)
class Onward:
    """Another pace from here to the end; it takes no time itself and puts no bytes on the wire.

    `drip` puts so many seconds before each further frame, instead of the script's own pacing;
    `bandwidth` sends all further bytes of the body at so many bytes a second.
    """

    drip: float | None = None
    bandwidth: float | None = None


@valueclass(frozen=True, slots=True)
class End:
    """The proper end of the body: the terminating chunk, or the last byte that was announced."""


@valueclass(frozen=True, slots=True)
class Close:
    """The end of the connection: `fin` after what was written, `rst` after it has left.

    `half` closes the writing side alone: the reader sees the end, and may still send.
    """

    how: Ending
    complete: bool = False
    """Whether the answer is whole, so that this is the ordinary end of a connection."""


Message = Head | Frame | Extra | Wait | Onward | End | Close


@valueclass(frozen=True, slots=True)
class Write:
    """Bytes for the socket."""

    data: bytes
    apart: bool = False
    """Whether they are handed to the transport in a call of their own, because a fault cut the
    answer there; others may share a call with what is right behind them."""


WireEvent = Write | Wait | Close
