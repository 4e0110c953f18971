"""Named answers: whole replies as they were captured or documented.

A file `PRODUCER.answers.yaml` holds the answers of one producer; the answer's name is
`PRODUCER.KEY`. `captures` names the rows of the table of captures (`tests/shapes/captures.yaml`)
that an answer reproduces; a test compares them byte by byte.

In a header or a body, `{request_id}`, `{request_letters}`, `{ray}` and `{uuid}` stand for what the
server makes up for each answer (`mockllm.wires.heads.MADE_UP`). A header whose value is `auto` is
filled in when the answer is sent (`mockllm.wires.heads.VOLATILE`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from pydantic import Field

from mockllm.faults.values import Strict
from mockllm.shapes.data import ANSWERS, Named, documents, read
from mockllm.shapes.whole import leaves_unread, whole
from mockllm.timeline.events import AUTO, Extra, Frame, Head, Message
from mockllm.wires.heads import MADE_UP, MadeUp, make_head, with_connection
from mockllm.wires.identity import Identity

Evidence = Literal["observed", "documented"]

PLACEHOLDER = re.compile(rf"\{{({'|'.join(MADE_UP)})\}}")


class Answer(Strict):
    """A whole reply as it was captured."""

    about: str = Field(description="When the server says so.")
    evidence: Evidence
    source: str = Field(description="Server and version, and where the bytes are from.")
    captures: tuple[str, ...] = Field((), description="The rows of the table of captures.")
    status: int
    reason: str | None = Field(None, description="The reason phrase; the standard one without it.")
    server: str = Field(description="Whose headers, and whose way to end a connection.")
    content_type: str = "application/json"
    headers: dict[str, str] | None = Field(
        None, description="All headers in order and case, instead of those of the server."
    )
    body: str | bytes | tuple[str | bytes, ...] = Field(
        "", description="The body; a list for one that is sent in these chunks."
    )
    after_body: bool = Field(False, description="Said only when the request's body has been read.")
    closes: bool = Field(False, description="The connection ends with it, whatever the request.")

    @property
    def text(self) -> bytes:
        """The whole body before its values are filled in."""
        return b"".join(self.units)

    @property
    def units(self) -> tuple[bytes, ...]:
        """The body as it is sent: at once, or in chunks."""
        parts = self.body if isinstance(self.body, tuple) else (self.body,)
        return tuple(part.encode() if isinstance(part, str) else part for part in parts)

    def head(self, identity: Identity, *, closes: bool) -> Head:
        """Status line and headers."""
        if self.headers is None:
            made = make_head(
                self.server, self.status, self.content_type, identity, closes=closes
            ).headers
        else:
            made = with_connection(
                tuple(
                    (name, AUTO if value == "auto" else filled(value, identity))
                    for name, value in self.headers.items()
                ),
                closes=closes,
            )
        return Head(self.status, made, self.reason)


def filled(text: str, identity: Identity) -> str:
    """A text with what the server makes up in its place."""
    values = MadeUp(identity)
    return PLACEHOLDER.sub(lambda found: values[found[1]], text)


@cache
def of_producer(producer: str) -> dict[str, Answer]:
    """The answers of one producer by their own names; none where nobody has such a file."""
    name = f"{producer}{ANSWERS}"
    found: dict[str, Any] = read(name) if name in documents() else {}
    return {key: Answer.model_validate(value) for key, value in found.items()}


def producers() -> tuple[str, ...]:
    """Whose answers there are."""
    return tuple(sorted(name.removesuffix(ANSWERS) for name in documents() if ANSWERS in name))


def names() -> Iterator[str]:
    """Every answer's name, by producer."""
    return (f"{producer}.{key}" for producer in producers() for key in of_producer(producer))


def find(name: str) -> Answer:
    """The answer of this name; `KeyError` for none."""
    producer, _, key = name.partition(".")
    return of_producer(producer)[key]


@cache
def answers() -> Named[Answer]:
    """All named answers, as `producer.name`."""
    return Named(names, find)


def render_answer(
    name: str, *, has_body: bool, identity: Identity, closing: bool = False
) -> tuple[Message, ...]:
    """A named answer as it was captured; `has_body`: the request has one; `closing`: it asks for
    the end of the connection, which the head then confirms where its server does."""
    answer = find(name)
    unread = leaves_unread(answer.server, has_body=has_body, after_body=answer.after_body)
    closes = answer.closes or unread
    head = answer.head(identity, closes=closes or closing)
    parts = [filled_bytes(unit, identity) for unit in answer.units]
    body: tuple[Frame | Extra, ...]
    if isinstance(answer.body, tuple):
        # Chunks are dressed already, as server-sent events or not at all.
        body = tuple(Extra(part) for part in parts)
    else:
        body = (Frame(("error",), parts[0]),)
    return whole(answer.server, head, body, closes=closes)


def filled_bytes(data: bytes, identity: Identity) -> bytes:
    """Bytes with what the server makes up in its place; those that are no UTF-8 stay as they are."""
    try:
        return filled(data.decode(), identity).encode()
    except UnicodeDecodeError:
        return data
