"""Which wire serves a path, and what to say where none does."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache, lru_cache

import mockllm.wires
from mockllm.faults.fault import ErrorSpec
from mockllm.timeline.registry import subclasses
from mockllm.wires.wire import Refused, Wire, pattern


@cache
def wires() -> tuple[Wire, ...]:
    """One of each wire, in the order of their files."""
    return tuple(wire() for wire in subclasses(mockllm.wires, Wire))  # type: ignore[type-abstract]


@lru_cache(maxsize=1024)  # clients choose the paths, so there may be any number of them
def find(method: str, path: str) -> Wire | None:
    """The wire that serves this method on this path; HEAD is served where GET is."""
    wanted = "GET" if method == "HEAD" else method
    return next(
        (
            wire
            for wire in wires()
            for served, template in wire.endpoints
            if served == wanted and pattern(template).fullmatch(path)
        ),
        None,
    )


def refuse(method: str, path: str) -> Refused:
    """What OpenAI says of a path or a method that it does not have, with the nearest path.

    The first sentence of the 404 and the 405's code are OpenAI's (documented).
    """
    served = [
        served
        for wire in wires()
        for served, template in wire.endpoints
        if pattern(template).fullmatch(path)
    ]
    if served:
        return Refused(
            ErrorSpec(
                status=405,
                message=f"Not allowed to {method} on {path}; use {' or '.join(served)}.",
                error_type="invalid_request_error",
                code="method_not_supported",
            )
        )
    paths = {template for wire in wires() for _, template in wire.endpoints}
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
