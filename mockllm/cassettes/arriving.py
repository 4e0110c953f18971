"""The messages of a response while its bytes arrive: what `playing` reads from a whole recording."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mockllm.cassettes.playing import EventReader, Unpacker, document, fitting, is_final
from mockllm.cassettes.response import Framing, Part, ResponseReader
from mockllm.timeline.encoding import is_event_stream
from mockllm.timeline.events import Extra, Head, Message

MAX_HELD = 32 << 20
"""Bytes of a body that are held back until they are whole."""


def never(head: Head, framing: Framing) -> bool:
    """Nothing is held back."""
    return False


class Arriving:
    """Reads a response to a request of a method.

    Events are there with their last byte, a document with the last of all. `unpacks`: whether a
    packed body is unpacked; one that is not, or cannot be, has no frames. `holds` says of a head
    whether it has to wait until the body is whole, because it tells of it.
    """

    def __init__(
        self,
        method: str,
        *,
        unpacks: bool = True,
        holds: Callable[[Head, Framing], bool] = never,
    ) -> None:
        self.reader = ResponseReader(method)
        self.holding = False
        """Whether the answer is held back as a whole."""
        self.over_limit = False
        """Whether more would have had to be held back than may be."""
        self._unpacks = unpacks
        self._holds = holds
        self._head: Head | None = None
        self._unpacker: Unpacker | None = None
        self._events: EventReader | None = None
        self._document: list[bytes] | None = None
        self._size = 0
        self._held: list[Message] = []

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are there with these bytes."""
        found = [message for part in self.reader.feed(data) for message in self._part(part)]
        if not self.holding:
            return found
        self._held += found
        return []

    def end(self, *, complete: bool) -> list[Message]:
        """What is left when nothing more comes; `complete`: the response is whole."""
        rest: list[Message] = [Extra(self.reader.rest)] if self.reader.rest else []
        if self._events is not None:
            rest += [one.message for one in self._events.end()]
        elif self._document is not None and self._head is not None and (self._document or complete):
            rest.append(document(self._head, b"".join(self._document)))
        if not self.holding:
            return rest
        measured = complete and self.reader.framing == "length"
        return [
            fitting(one, unpacks=False, measured=measured) if isinstance(one, Head) else one
            for one in (*self._held, *rest)
        ]

    def _part(self, part: Part) -> Iterator[Message]:
        """The messages of a part."""
        if part.kind == "head" and self._head is None:
            if self.reader.head is None or not is_final(part.raw):
                yield Extra(part.raw)
            else:
                yield self._begin(self.reader.head)
        elif self._head is None:
            yield Extra(part.raw)
        elif part.data:
            yield from self._body(part.data)

    def _begin(self, head: Head) -> Head:
        """The head: what kind of body follows."""
        self._head = head
        packed = (head.get("content-encoding") or "identity").strip().lower() != "identity"
        self._unpacker = Unpacker.of(head) if self._unpacks else None
        unpacks = self._unpacker is not None
        framing = self.reader.framing
        self.holding = self._holds(head, framing) or (unpacks and framing == "length")
        if not packed or unpacks:
            if is_event_stream(head):
                self._events = EventReader()
            else:
                self._document = []
        return fitting(head, unpacks=unpacks, measured=False)

    def _body(self, data: bytes) -> Iterator[Message]:
        """The messages of some bytes of the body."""
        if self._unpacker is not None:
            data = self._unpacker.feed(data)
        self._size += len(data)
        large = self._size > MAX_HELD
        if large and (self.holding or self._document is not None):
            self.over_limit = True
        if self._events is not None:
            yield from (one.message for one in self._events.feed(0, data))
        elif self._document is None:
            yield Extra(data)
        elif large:  # too large to be looked at: it passes as it comes
            yield Extra(b"".join((*self._document, data)))
            self._document = None
        else:
            self._document.append(data)
