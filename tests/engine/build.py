"""An engine with a clock that a test moves, and requests to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.plan import Conditions, Plan
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded, load
from mockllm.timeline.events import Frame, Write

HERE = Here(1795248000.0)
CHAT = "/v1/chat/completions"


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def profile(text: str = "", name: str = "p") -> Loaded:
    """A profile from the lines behind the first."""
    return load(f"mockllm: 1\n{text}", name=name)


def engine(
    text: str = "",
    *others: Loaded,
    clock: Clock | None = None,
    seed: int | None = None,
    speed: float = 1.0,
    paced: bool = False,
) -> Engine:
    """A server's engine with a profile named p, and others that it knows."""
    conditions = Conditions(seed, speed, paced)
    made = Engine(Library(), profile(text), conditions=conditions, now=clock or Clock())
    for other in others:
        made.add(other)
    return made


def ask(
    to: Engine,
    target: str = CHAT,
    *,
    method: str = "POST",
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | None = None,
    keep_alive: bool = True,
    http10: bool = False,
    **data: Any,
) -> Plan:
    """The plan for a request; without a body it is an ordinary one, with these fields."""
    if body is None:
        messages = [{"role": "user", "content": "Hi"}]
        body = b"" if method != "POST" else json.dumps({"model": "gpt-4o", "messages": messages, **data}).encode()  # fmt: skip
    call, name = to.read(method, target, tuple(headers), body, keep_alive=keep_alive, http10=http10)
    return to.plan(call, name, HERE)


def status(plan: Plan) -> int | None:
    """The status that is sent."""
    return plan.head.status if plan.head else None


def error(plan: Plan) -> dict[str, Any]:
    """The error in the body of a plan, in OpenAI's shape."""
    frame = next(step.event for step in plan.steps if isinstance(step.event, Frame))
    document: dict[str, Any] = json.loads(frame.data)
    found: dict[str, Any] = document["error"]
    return found


def written(plan: Plan) -> bytes:
    """The bytes of a plan."""
    return b"".join(event.data for event in plan.lowered.events if isinstance(event, Write))


def acts(plan: Plan) -> list[bool]:
    """Which faults of the route act."""
    return [report.skipped is None for report in plan.reports]
