"""Which wire serves a path, and what to say where none does."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache, lru_cache

import mockllm.wires
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.timeline.events import End, Frame, Message
from mockllm.timeline.registry import subclasses
from mockllm.timeline.valueclass import finish, replace
from mockllm.wires.dialects import asks_azure
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.sinks import Sinks
from mockllm.wires.wire import HOLE, Refused, Wire, pattern


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
    return len(HOLE.sub("", template))


def find(
    call: Call, dialect: str | None, sinks: Collection[str] = ()
) -> tuple[Wire | None, Mapping[str, str]]:
    """The wire that serves a call, and what its path names; no wire where none does.

    `dialect` is the profile's, None where it names none; `sinks` are the paths that it says take
    reports, whatever else is served there.
    """
    if call.path in sinks and call.method == "POST":
        return next(wire for wire in wires() if isinstance(wire, Sinks)), {}
    for wire, params in candidates(call.method, call.path):
        if wire.claims(call, dialect):
            return wire, params
    return None, {}


def served(
    call: Call, dialect: str | None, sinks: Collection[str] = (), *, fresh: bool = False
) -> tuple[Wire | None, Call]:
    """The wire of a call, and the call as this wire understands it; see `find`. A call that is `fresh`
    is nobody else's, and is finished instead of copied."""
    wire, params = find(call, dialect, sinks)
    if wire is None:
        return None, call if call.wire is None else replace(call, wire=None)
    if call.wire == wire.name:
        return wire, call
    change = finish if fresh else replace
    understood = wire.understand(replace(call, params=params) if params else call)
    return wire, change(
        call,
        wire=wire.name,
        params=params,
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
    (r"/openai/|/v2(/|$)", "kserve"),
    (r"/v1/messages", "anthropic"),
)
"""Whose paths begin so."""

FRAMEWORKS = {"kserve": "uvicorn", "litserve": "uvicorn", "vllm": "vllm"}
"""The servers that leave unknown paths to FastAPI, and whose headers it sends (`heads.SERVERS`)."""
FASTAPI = "fastapi"
"""The shape of its errors."""


def refuse(call: Call, dialect: str | None = None) -> Refused:
    """What is said of a path or a method that nobody serves, with the nearest path.

    The first sentence of the 404 and the 405's code are OpenAI's (documented). The form of the
    error is the one of the server whose path it is. FastAPI's servers say no more than its own
    words, and `allow` with the 405 (KServe 0.21.0, LitServe 0.2.19, vLLM 0.24.0, observed); the
    nearest path is then in the journal alone. `dialect` is the profile's: some paths exist under
    one alone.
    """
    known = [
        (served, template)
        for wire in wires()
        for served, template in wire.endpoints
        if wire.claims(replace(call, method=served), dialect)
    ]
    allowed = {served: None for served, path in known if pattern(path).fullmatch(call.path)}
    status, code = (405, "method_not_supported") if allowed else (404, None)
    if allowed:
        message = (
            f"Not allowed to {call.method} on {call.path}; use {' or '.join(sorted(allowed))}."
        )
    else:
        paths = {template for _, template in known}
        message = f"Invalid URL ({call.method} {call.path}){hint(call.path, paths)}"
    owner = owner_of(call, dialect)
    if owner in FRAMEWORKS:
        spec = ErrorSpec(status=status, message=message, shape=FASTAPI)
        return Refused(spec, in_fastapi(status, FRAMEWORKS[owner], next(iter(allowed), None)))
    if owner is not None:  # which has its own words for type and code
        return Refused(ErrorSpec(status=status, message=message, shape=owner))
    return Refused(
        ErrorSpec(status=status, message=message, error_type="invalid_request_error", code=code)
    )


def in_fastapi(status: int, server: str, allowed: str | None) -> tuple[Message, ...]:
    """FastAPI's own answer, with the method of the first route that has the path."""
    detail = b"Not Found" if allowed is None else b"Method Not Allowed"
    # None of these servers makes up a header.
    head = make_head(server, status, "application/json", Identity(""))
    if allowed is not None:
        place = 1 + [name for name, _ in head.headers].index("server")
        headers = (*head.headers[:place], ("allow", allowed), *head.headers[place:])
        head = replace(head, headers=headers)
    return head, Frame(("error",), b'{"detail":"%b"}' % detail), End()


def hint(path: str, paths: Collection[str]) -> str:
    """What helps where nothing is served: the nearest path, or that there is no such API here."""
    found = re.fullmatch(r"(?:/openai)?/v1/(\w+)(?:/.*)?", path)
    if found and found[1] in NOT_SERVED:
        return f": mockllm does not serve the API /v1/{found[1]}"
    near = get_close_matches(path, paths, n=1, cutoff=0.3)
    return f"; did you mean {near[0]}?" if near else f"; known paths: {', '.join(sorted(paths))}"


def owner_of(call: Call, dialect: str | None) -> str | None:
    """Whose way of refusing a path that nobody serves has: a server with FastAPI, or a shape; None:
    that of the profile."""
    if dialect is not None:
        return dialect if dialect in FRAMEWORKS else None
    if call.header("anthropic-version") is not None:
        return "anthropic"
    if call.path.startswith("/openai/") and asks_azure(call):
        return "azure"
    return next((name for start, name in FAMILIES if re.match(start, call.path)), None)
