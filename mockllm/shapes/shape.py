"""The shapes of error bodies, read from the data files beside this one.

A shape is independent of the wire: any server in front of a model may answer on any path. A file
`NAME.yaml` is a shape. In a body, a text that is one of these stands for the error's field:
`$message`, `$type`, `$param`, `$code`, `$status` (a number), `$reason` (the reason phrase),
`$model` (the model that was asked for). In a body that is one text they may stand within it, and
`$quoted` is the message as a JSON text. `{model}` in a message stands for the model too;
`{request_id}` and the like for what the server makes up (`mockllm.wires.heads.MADE_UP`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Any, Literal

from pydantic import Field

from mockllm.faults.fault import ErrorSpec
from mockllm.faults.values import Strict
from mockllm.shapes.answer import filled
from mockllm.shapes.data import ANSWERS, Named, documents, read
from mockllm.shapes.whole import leaves_unread, whole
from mockllm.timeline.events import Frame, Head, Message
from mockllm.timeline.framing import reason_phrase
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact

FIELD = re.compile(r"\$(message|quoted|type|param|code|status|reason|model)\b")

SIGNS = {"error_type": "$type", "param": "$param", "code": "$code"}
"""Where the fields of an error stand in a form."""


class Entry(Strict):
    """What a server says with one status."""

    message: str
    type: str | None = None
    code: int | str | None = None
    param: str | None = None
    reason: str | None = Field(None, description="The reason phrase, if not the standard one.")
    headers: dict[str, str] = {}
    beside: dict[str, Any] = Field({}, description="Keys beside `error` in the document.")
    body: Any = Field(None, description="Another form than the shape's, for this status alone.")
    content_type: str | None = Field(None, description="The type of that other form.")
    after_body: bool = Field(False, description="Said only when the request's body has been read.")
    closes: bool = Field(False, description="The connection ends with it, whatever the request.")


class InStream(Entry):
    """What a server says inside a stream: words, form and end."""

    spaced: bool | None = Field(None, description="As of the shape; the shape's own without it.")
    bare: bool = Field(False, description="No blank line ends the event.")
    done: bool = Field(False, description="Whether the wire's final marker follows.")


class Shape(Strict):
    """The form of an error body, and what its server says with each status."""

    about: str
    source: str
    server: str
    content_type: str
    body: Any
    spaced: bool = Field(False, description="JSON with spaces, as json.dumps writes it.")
    newline: bool = Field(False, description="The document ends with a newline.")
    status_code: Literal["number", "text"] | None = Field(
        None, description="How the status stands for a code that is not given."
    )
    statuses: dict[int, Entry]
    client_error: Entry
    """For any other status below 500."""
    server_error: Entry
    """For any other status."""
    in_stream: InStream | None = None
    """What its server says inside a stream, where that differs from the 500."""

    def entry(self, status: int) -> Entry:
        """What the server says with a status."""
        default = self.client_error if status < 500 else self.server_error
        return self.statuses.get(status, default)

    def document(self, spec: ErrorSpec, entry: Entry, model: str, identity: Identity) -> bytes:
        """The body of an error."""
        given = spec.model_fields_set
        message = spec.message if spec.message is not None else said(entry, model)
        values = {
            "message": message,
            "quoted": json.dumps(message, ensure_ascii=False),
            "type": spec.error_type if "error_type" in given else entry.type,
            "param": spec.param if "param" in given else entry.param,
            "code": spec.code if "code" in given else self.code(entry, spec.status),
            "status": spec.status,
            "reason": reason_phrase(Head(spec.status, (), entry.reason)),
            "model": model,
        }
        template = self.form(entry, given)
        if isinstance(template, str):
            return fill_text(template, values, identity).encode()
        document = fill(template, values, identity) | entry.beside
        spaced = entry.spaced if isinstance(entry, InStream) else None
        if self.spaced if spaced is None else spaced:
            return json.dumps(document).encode()
        return compact(document) + (b"\n" if self.newline else b"")

    def form(self, entry: Entry, given: AbstractSet[str]) -> Any:
        """The form of an entry; the shape's own where that alone has a place for what is given."""
        if entry.body is None:
            return self.body
        own, other = json.dumps(self.body), json.dumps(entry.body)
        lost = [sign for field, sign in SIGNS.items() if field in given and sign not in other]
        return self.body if any(sign in own for sign in lost) else entry.body

    def code(self, entry: Entry, status: int) -> int | str | None:
        """The code of an entry, or the status in its place."""
        if entry.code is not None or self.status_code is None:
            return entry.code
        return status if self.status_code == "number" else str(status)


def said(entry: Entry, model: str) -> str:
    """The message of an entry, with the model in its place."""
    return entry.message.replace("{model}", model)


def fill(template: Any, values: dict[str, Any], identity: Identity) -> Any:
    """A template with the fields in their places."""
    match template:
        case str() if FIELD.fullmatch(template):
            return values[template[1:]]
        case str():
            return filled(template, identity)
        case dict():
            return {key: fill(part, values, identity) for key, part in template.items()}
        case list():
            return [fill(part, values, identity) for part in template]
        case _:
            return template


def fill_text(template: str, values: dict[str, Any], identity: Identity) -> str:
    """A template that is one text, with the fields where they stand in it."""
    return FIELD.sub(lambda found: str(values[found[1]]), filled(template, identity))


def shape_names() -> Iterator[str]:
    """The names of all shapes."""
    return (name for name in documents() if not name.endswith(ANSWERS))


@cache
def shapes() -> Named[Shape]:
    """All shapes by name; raises `PluginError` where another distribution's cannot be found."""
    documents()
    return Named(shape_names, shape_of)


def shape_of(name: str) -> Shape:
    """The shape of this name; `KeyError` for none."""
    if name.endswith(ANSWERS):
        raise KeyError(name)
    return Shape.model_validate(read(name))


def render_error(
    name: str,
    spec: ErrorSpec,
    *,
    model: str,
    has_body: bool,
    identity: Identity,
    closing: bool = False,
) -> tuple[Message, ...]:
    """An error as a whole reply in the shape of this name; `has_body` and `closing` as of
    `render_answer`."""
    shape = shapes()[name]
    entry = shape.entry(spec.status)
    unread = leaves_unread(shape.server, has_body=has_body, after_body=entry.after_body)
    closes = entry.closes or unread
    kind = entry.content_type or shape.content_type
    head = make_head(shape.server, spec.status, kind, identity, closes=closes or closing)
    extra = tuple((key, filled(value, identity)) for key, value in entry.headers.items())
    head = Head(head.status, (*head.headers, *extra), entry.reason)
    document = shape.document(spec, entry, model, identity)
    return whole(shape.server, head, (Frame(("error",), document),), closes=closes)


def render_stream_error(name: str, spec: ErrorSpec, *, model: str, identity: Identity) -> bytes:
    """An error document for the inside of a stream.

    A status that is given decides the words; the form inside a stream stays the server's own.
    """
    shape = shapes()[name]
    inside = shape.in_stream
    if inside is None:
        return shape.document(spec, shape.entry(spec.status), model, identity)
    if "status" in spec.model_fields_set:
        words = shape.entry(spec.status)
        kept = {"message", "type", "code", "param"}
        inside = inside.model_copy(update={key: getattr(words, key) for key in kept})
    return shape.document(spec, inside, model, identity)
