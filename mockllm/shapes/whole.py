"""How a whole reply is put together and ended, as its server does it."""

from __future__ import annotations

from collections.abc import Sequence

from mockllm.timeline.events import End, Extra, Frame, Head, Message, Wait
from mockllm.wires.heads import SERVERS


def leaves_unread(server: str, *, has_body: bool, after_body: bool) -> bool:
    """Whether the server replies before it has read the request's body, and therefore closes."""
    return SERVERS[server].leaves_body_unread and has_body and not after_body


def whole(
    server: str, head: Head, body: Sequence[Frame | Extra], *, closes: bool
) -> tuple[Message, ...]:
    """A reply; where it closes the connection, the FIN comes when its server sends it."""
    delay = SERVERS[server].close_delay if closes else 0.0
    wait = (Wait(delay),) if delay else ()
    return (head, *body, *wait, End())
