"""Which wire serves a path, and what to say where none does."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache, lru_cache

import mockllm.wires
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.timeline.registry import subclasses
from mockllm.wires.wire import Refused, Wire, pattern


@cache
def wires() -> tuple[Wire, ...]:
    """One of each wire, in the order of their files."""
    return tuple(wire() for wire in subclasses(mockllm.wires, Wire))  # type: ignore[type-abstract]


@lru_cache(maxsize=1024)  # clients choose the paths, so there may be any number of them
def candidates(method: str, path: str) -> tuple[tuple[Wire, Mapping[str, str]], ...]:
    """The wires that serve this method on this path, the most literal path first, and what the
    path names; HEAD is served where GET is."""
    wanted = "GET" if method == "HEAD" else method
    found = [
        (literal(template), wire, match.groupdict())
        for wire in wires()
        for served, template in wire.endpoints
        if served == wanted and (match := pattern(template).fullmatch(path))
    ]
    found.sort(key=lambda one: -one[0])
    return tuple((wire, params) for _, wire, params in found)


def literal(template: str) -> int:
    """How much of a path is the same for every call."""
    return len(re.sub(r"\{\w+\}", "", template))


def find(call: Call, dialect: str | None) -> tuple[Wire | None, Mapping[str, str]]:
    """The wire that serves a call, and what its path names; no wire where none does.

    `dialect` is the profile's, None where it names none.
    """
    for wire, params in candidates(call.method, call.path):
        if wire.claims(call, dialect):
            return wire, params
    return None, {}


def served(call: Call, dialect: str | None) -> tuple[Wire | None, Call]:
    """The wire of a call, and the call as this wire understands it."""
    wire, params = find(call, dialect)
    if wire is None:
        return None, replace(call, wire=None)
    if call.wire == wire.name:
        return wire, call
    call = replace(call, wire=wire.name, params=params)
    understood = wire.understand(call)
    return wire, replace(
        call,
        model=call.model or understood.model,  # which may have lost what chose a profile
        stream=understood.stream,
        conversation=understood.conversation,
    )


NOT_SERVED = (
    "assistants",
    "audio",
    "batches",
    "containers",
    "conversations",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "organization",
    "realtime",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
)
"""What OpenAI's API has below `/v1/`, and mockllm does not."""

FAMILIES = (
    (r"/openai/deployments/", "azure"),
    (r"/openai/|/v2(/|$)", "fastapi"),
    (r"/v1/messages", "anthropic"),
)
"""The shape of the errors of paths that begin so; KServe's server says FastAPI's own."""

DIALECT_SHAPES = {"vllm": "fastapi", "kserve": "fastapi"}
"""What a server's framework says of unknown paths, where the server itself says other errors."""


def refuse(call: Call, dialect: str | None = None) -> Refused:
    """What is said of a path or a method that nobody serves, with the nearest path.

    The first sentence of the 404 and the 405's code are OpenAI's (documented). The form of the
    error is the one of the server whose path it is. `dialect` is the profile's: some paths exist
    under one alone.
    """
    known = [
        (served, template)
        for wire in wires()
        for served, template in wire.endpoints
        if wire.claims(replace(call, method=served), dialect)
    ]
    served = {served for served, template in known if pattern(template).fullmatch(call.path)}
    status, code = (405, "method_not_supported") if served else (404, None)
    if served:
        allowed = " or ".join(sorted(served))
        message = f"Not allowed to {call.method} on {call.path}; use {allowed}."
    else:
        paths = {template for _, template in known}
        message = f"Invalid URL ({call.method} {call.path}){hint(call.path, paths)}"
    form = shape(call, dialect)
    if form is not None:  # which has its own words for type and code
        return Refused(ErrorSpec(status=status, message=message, shape=form))
    return Refused(
        ErrorSpec(status=status, message=message, error_type="invalid_request_error", code=code)
    )


def hint(path: str, paths: Collection[str]) -> str:
    """What helps where nothing is served: the nearest path, or that there is no such API here."""
    found = re.fullmatch(r"(?:/openai)?/v1/(\w+)(?:/.*)?", path)
    if found and found[1] in NOT_SERVED:
        return f": mockllm does not serve the API /v1/{found[1]}"
    near = get_close_matches(path, paths, n=1, cutoff=0.3)
    return f"; did you mean {near[0]}?" if near else f"; known paths: {', '.join(sorted(paths))}"


def shape(call: Call, dialect: str | None) -> str | None:
    """The shape of an error on a path that nobody serves; None: the dialect's."""
    if dialect is not None:
        return DIALECT_SHAPES.get(dialect)
    if call.header("anthropic-version") is not None:
        return "anthropic"
    return next((name for start, name in FAMILIES if re.match(start, call.path)), None)
