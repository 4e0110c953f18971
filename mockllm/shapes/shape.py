"""The shapes of error bodies and the captured answers, read from the data files beside this one.

A shape is independent of the wire: any server in front of a model may answer on any path. A file
`NAME.yaml` is a shape, a file `NAME.answers.yaml` holds the answers of one producer. In a body,
`$message`, `$type`, `$param` and `$code` stand for the error's fields; `{model}` in a message
stands for the model that was asked for.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import Field

from mockllm.faults.fault import ErrorSpec
from mockllm.faults.values import Strict
from mockllm.timeline.events import End, Frame, Head, Message, Wait
from mockllm.timeline.registry import folders, refuse_twins
from mockllm.wires.heads import SERVERS, make_head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import compact


class Entry(Strict):
    """What a server says with one status."""

    message: str
    type: str | None = None
    code: int | str | None = None
    param: str | None = None
    headers: dict[str, str] = {}
    beside: dict[str, Any] = Field({}, description="Keys beside `error` in the document.")
    after_body: bool = Field(False, description="Said only when the request's body has been read.")


class Shape(Strict):
    """The form of an error body, and what its server says with each status."""

    about: str
    source: str
    server: str
    content_type: str
    body: Any
    spaced: bool = Field(False, description="JSON with spaces, as json.dumps writes it.")
    statuses: dict[int, Entry]
    client_error: Entry
    """For any other status below 500."""
    server_error: Entry
    """For any other status."""
    in_stream: Entry | None = None
    """What its server says inside a stream, where that differs from the 500."""

    def entry(self, status: int) -> Entry:
        """What the server says with a status."""
        default = self.client_error if status < 500 else self.server_error
        return self.statuses.get(status, default)

    def document(self, spec: ErrorSpec, entry: Entry, model: str) -> bytes:
        """The body of an error."""
        given = spec.model_fields_set
        values = {
            "$message": spec.message if spec.message is not None else said(entry, model),
            "$type": spec.error_type if "error_type" in given else entry.type,
            "$param": spec.param if "param" in given else entry.param,
            "$code": spec.code if "code" in given else entry.code,
        }
        body = fill(self.body, values)
        if isinstance(body, str):
            return body.encode()
        document = body | entry.beside
        return json.dumps(document).encode() if self.spaced else compact(document)


def said(entry: Entry, model: str) -> str:
    """The message of an entry, with the model in its place."""
    return entry.message.replace("{model}", model)


class Answer(Strict):
    """A whole reply as it was captured."""

    about: str
    evidence: Literal["observed", "documented"]
    source: str
    status: int
    server: str
    content_type: str
    body: str
    after_body: bool = Field(False, description="Said only when the request's body has been read.")


def fill(template: Any, values: dict[str, Any]) -> Any:
    """A template with the fields in their places."""
    match template:
        case str():
            return values.get(template, template)
        case dict():
            return {key: fill(part, values) for key, part in template.items()}
        case _:
            return template


@cache
def shapes() -> dict[str, Shape]:
    """All shapes by name."""
    return {
        name: Shape.model_validate(document)
        for name, document in documents()
        if not name.endswith(".answers")
    }


@cache
def answers() -> dict[str, Answer]:
    """All named answers, as `producer.name`."""
    return {
        f"{name.removesuffix('.answers')}.{key}": Answer.model_validate(value)
        for name, document in documents()
        if name.endswith(".answers")
        for key, value in document.items()
    }


def documents() -> list[tuple[str, Any]]:
    """The data files of this folder and of those that other distributions add, by name."""
    found = [
        (name.removesuffix(".yaml"), folder / name)
        for folder in (files("mockllm.shapes"), *folders("mockllm.shapes"))
        for name in sorted(item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    ]
    return [
        (name, yaml.safe_load(file.read_text("utf-8")))
        for name, file in refuse_twins(found, lambda one: one[0])
    ]


def render_error(
    name: str, spec: ErrorSpec, *, model: str, has_body: bool, identity: Identity
) -> tuple[Message, ...]:
    """An error as a whole reply in the shape of this name."""
    shape = shapes()[name]
    entry = shape.entry(spec.status)
    head = make_head(shape.server, spec.status, shape.content_type, identity)
    if entry.headers:
        extra = tuple(entry.headers.items())
        head = Head(head.status, (*head.headers, *extra), head.reason)
    document = shape.document(spec, entry, model)
    return whole(shape.server, head, document, unread=has_body and not entry.after_body)


def render_answer(name: str, *, has_body: bool, identity: Identity) -> tuple[Message, ...]:
    """A named answer as it was captured."""
    answer = answers()[name]
    head = make_head(answer.server, answer.status, answer.content_type, identity)
    unread = has_body and not answer.after_body
    return whole(answer.server, head, answer.body.encode(), unread=unread)


def whole(server: str, head: Head, body: bytes, *, unread: bool) -> tuple[Message, ...]:
    """A reply of one frame, ended as its server ends it; `unread`: it comes before the request's
    body has been read."""
    frame = Frame(("error",), body)
    kind = SERVERS[server]
    if not (kind.leaves_body_unread and unread):
        return (head, frame, End())
    return (head.closing(), frame, Wait(kind.close_delay), End())


def render_stream_error(name: str, spec: ErrorSpec, *, model: str) -> bytes:
    """An error document for the inside of a stream."""
    shape = shapes()[name]
    default = shape.in_stream if "status" not in spec.model_fields_set else None
    return shape.document(spec, default or shape.entry(spec.status), model)
