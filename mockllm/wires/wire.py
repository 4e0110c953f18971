"""What all wires share: how a provider's API reads a call and says a script."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Message
from mockllm.wires.identity import Identity


class Refused(Exception):
    """The request is wrong, as the wire's own server would say; `spec` is its answer."""

    def __init__(self, spec: ErrorSpec) -> None:
        super().__init__(spec.message)
        self.spec = spec


@dataclass(frozen=True, slots=True)
class Understood:
    """What a wire has read from a request."""

    model: str | None = None
    stream: bool = False
    conversation: Conversation = field(default_factory=Conversation)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an answer depends on beside the call and the script."""

    identity: Identity
    models: tuple[str, ...]


class Wire(ABC):
    """One provider API on its paths."""

    name: ClassVar[str]
    shape: ClassVar[str]
    """The shape of its own errors."""
    endpoints: ClassVar[tuple[tuple[str, str], ...]]
    """Method and path; `{name}` stands for one or more segments."""

    def understand(self, data: Mapping[str, Any]) -> Understood:
        """What matchers and the selection of a profile want to know; never refuses."""
        model = data.get("model")
        return Understood(model if isinstance(model, str) else None, data.get("stream") is True)

    def check(self, call: Call) -> None:  # noqa: B027  most wires accept any request
        """Validate the request as the provider does; raises `Refused`."""

    @abstractmethod
    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The healthy answer: head, frames, end."""

    def prompt_tokens(self, call: Call) -> int:
        """The tokens of the request."""
        return 0

    def token_limit(self, call: Call) -> int | None:
        """How many tokens the client allows."""
        return None

    def error_frame(self, document: bytes) -> Frame:
        """An error document as a frame of this wire's stream."""
        return Frame(("error",), document)

    def done(self) -> tuple[Frame, ...]:
        """The frame that ends the wire's streams; none where the wire has none."""
        return ()

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A frame of this wire's stream with such a delta; the delta alone where it has none."""
        return Frame(("extra",), json.dumps({"delta": delta}).encode())


def pattern(path: str) -> re.Pattern[str]:
    """The regular expression of an endpoint's path."""
    parts = re.split(r"(\{\w+\})", path)
    return re.compile(
        "".join(f"(?P<{p[1:-1]}>.+)" if p.startswith("{") else re.escape(p) for p in parts)
    )
