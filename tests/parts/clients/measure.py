"""What a client is asked, and what it makes of it: healthy answers, tools, errors, faults."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from mockllm import MockLLM
from mockllm.shapes.shape import shape_names
from tests.parts.clients.run import GUARD, Client, ask_all
from tests.sdk.drive import MESSAGES, Ask, Outcome

STATUSES = {400: False, 401: True, 429: False, 503: True}
"""The statuses of errors, and whether a stream is asked for."""

FAULTS = ("reset", "cut", "truncate", "error", "garble")
"""The named faults that act after five words of a stream."""

SHAPES = tuple(sorted(shape_names()))


class Case(NamedTuple):
    """One call: to which profile, and whether it asks for a stream."""

    profile: str
    stream: bool


HEALTHY = tuple(Case("healthy", stream) for stream in (True, False))
TOOLS = tuple(Case("tools", stream) for stream in (True, False))
MID_STREAM = {fault: Case(fault, True) for fault in FAULTS}
REFUSED = {
    (shape, status): Case(f"{shape}-{status}", stream)
    for shape in SHAPES
    for status, stream in STATUSES.items()
}
AFTERWARDS = Case("afterwards", True)
"""The last call, which is healthy again."""

CASES = (*HEALTHY, *TOOLS, *REFUSED.values(), *MID_STREAM.values(), AFTERWARDS)

Outcomes = dict[Case, Outcome]


def profiles() -> dict[str, str]:
    """The profiles by name, without their first lines."""
    return {
        "healthy": "",
        "afterwards": "",
        "tools": "script: tools2",
        **{fault: f"faults: [{fault}]" for fault in FAULTS},
        **{
            case.profile: f"faults: [{{fail: {{status: {status}, shape: {shape}}}}}]"
            for (shape, status), case in REFUSED.items()
        },
    }


@contextmanager
def serving(folder: Path) -> Iterator[MockLLM]:
    """A server with all profiles, which are written to a folder."""
    for name, text in profiles().items():
        about = f"mockllm: 1\nabout: One case for a client, {name}.\n"
        (folder / f"{name}.yaml").write_text(about + text + "\n", "utf-8")
    with MockLLM(profiles=folder) as server:
        yield server


def measure(client: Client, url: str) -> Outcomes:
    """What a client makes of all cases at a server."""
    library = "litellm" if client.part == "litellm" else "openai"
    asks = [
        Ask(library, client.base(url, case.profile), "m", case.stream, client.asynchronous)
        for case in CASES
    ]
    return dict(zip(CASES, ask_all(client, asks), strict=True))


def error_is_text(url: str, case: Case) -> bool:
    """Whether the answer is JSON whose `error` is a text and not an object."""
    headers = {"content-type": "application/json"}
    body = json.dumps({"model": "m", "messages": MESSAGES, "stream": case.stream}).encode()
    path = f"{url}/p/{case.profile}/v1/chat/completions"
    try:
        with urlopen(Request(path, body, headers), timeout=GUARD):
            return False
    except HTTPError as refused:
        said = refused.read()
    try:
        return isinstance(json.loads(said).get("error"), str)
    except ValueError:
        return False
