"""What a drill asks a client, so that its request meets the incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from mockllm.matchers.message import Message
from mockllm.matchers.stream import Stream
from mockllm.profile.expect import Expect, ExpectCaller
from mockllm.profile.incidents import Incident, is_for, says_something
from mockllm.profile.models import Route
from mockllm.scripts.tools import ToolsSource

TOOLS: tuple[dict[str, Any], ...] = tuple(
    {
        "type": "function",
        "function": {
            "name": name,
            "description": about,
            "parameters": {
                "type": "object",
                "properties": {argument: {"type": "string"}},
                "required": [argument],
            },
        },
    }
    for name, about, argument in (
        ("get_weather", "The weather in a city.", "city"),
        ("get_time", "The time in a zone.", "tz"),
    )
)
HELLO = "Hello! Please answer at length."


@dataclass(frozen=True, slots=True)
class Task:
    """One request."""

    wire: str
    stream: bool
    message: str = HELLO
    tools: tuple[dict[str, Any], ...] = ()
    usage: bool = False
    """Whether it asks for the tokens at the end of a stream."""
    leaves_after: int | None = None
    """Chunks or events after which the caller leaves."""
    pause: float = 0.0
    """Seconds that it reads nothing before it leaves."""

    def marked(self, mark: str) -> Task:
        """The same, with a mark in its message by which a server knows its calls again."""
        return replace(self, message=f"{self.message} ({mark})")

    def order(self, model: str) -> dict[str, Any]:
        """The order for a client's process."""
        return {
            "op": "call",
            "wire": self.wire,
            "model": model,
            "stream": self.stream,
            "messages": [{"role": "user", "content": self.message}],
            "tools": list(self.tools) or None,
            "usage": self.usage,
            "leaves_after": self.leaves_after,
            "pause": self.pause,
        }


PADDING = " More words, so that the request is long."
"""Behind the message where an incident is about a body on its way."""


def uploaded(route: Route) -> int:
    """Bytes after which faults of a route act while the body arrives, and twice as many."""
    sizes = [fault.anchor.size for fault in route.faults if fault.anchor.point == "upload"]
    return 2 * max(sizes, default=0)


class CannotAsk(Exception):
    """No request of a drill meets the incident; the message says why."""


def task_of(incident: Incident, wires: Sequence[str]) -> Task:
    """A request that meets an incident, on one of the wires that a system speaks.

    Raises `CannotAsk` where there is none.
    """
    profile = incident.loaded.profile
    wire = next((wire for wire in wires if wire in incident.wires), None)
    if wire is None:
        raise CannotAsk(f"it is about {', '.join(incident.wires)}, which the system does not speak")
    route = route_of(incident.routes or profile.all_routes, wire)
    given = {matcher.key: matcher for matcher in route.match.matchers}
    stream, message = given.get("stream"), given.get("message")
    text = HELLO
    if isinstance(message, Message) and message.wanted.tests:
        text = f"{HELLO} {message.wanted.tests[0]}"
    expect = profile.expect or Expect()
    caller = expect.caller or ExpectCaller()
    return Task(
        wire,
        stream.wanted if isinstance(stream, Stream) else True,
        text + PADDING * (uploaded(route) // len(PADDING)),
        TOOLS if isinstance(route.script, ToolsSource) or "tools" in given else (),
        # Where a number is expected, the incident itself sends it.
        usage=any("client.usage: whole" in line for line in expect.lines()),
        leaves_after=caller.leaves_after,
        pause=caller.pause,
    )


def route_of(routes: Sequence[Route], wire: str) -> Route:
    """The route that an incident is about."""
    fitting = [route for route in routes if is_for(route, wire)] or list(routes)
    return next(filter(says_something, fitting), fitting[0])
