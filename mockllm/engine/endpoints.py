"""Which wire serves a path, and what to say where none does."""

from __future__ import annotations

import re
from collections.abc import Mapping
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


def refuse(method: str, path: str, dialect: str | None = None) -> Refused:
    """What OpenAI says of a path or a method that it does not have, with the nearest path.

    The first sentence of the 404 and the 405's code are OpenAI's (documented). `dialect` is the
    profile's: some paths exist under one alone.
    """
    known = [
        (served, template)
        for wire in wires()
        for served, template in wire.endpoints
        if wire.claims(Call(served, path), dialect)
    ]
    served = [served for served, template in known if pattern(template).fullmatch(path)]
    if served:
        return Refused(
            ErrorSpec(
                status=405,
                message=f"Not allowed to {method} on {path}; use {' or '.join(served)}.",
                error_type="invalid_request_error",
                code="method_not_supported",
            )
        )
    paths = {template for _, template in known}
    near = get_close_matches(path, paths, n=1, cutoff=0.3)
    hint = f"; did you mean {near[0]}?" if near else f"; known paths: {', '.join(sorted(paths))}"
    return Refused(
        ErrorSpec(
            status=404,
            message=f"Invalid URL ({method} {path}){hint}",
            error_type="invalid_request_error",
            code=None,
        )
    )
