"""What vLLM serves beside its APIs: `/health`, `/ping`, `/version`, `/load`, under the dialect
`vllm`.

vLLM 0.24.0 (observed): `/health` is an empty 200; with a dead engine an empty 503 (its source),
which here stands for models that are not loaded. `/ping` is the same for SageMaker, also with POST.
`/load` counts nothing unless it is told to.
"""

from __future__ import annotations

from abc import ABC
from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Head, Message
from mockllm.wires.heads import make_head
from mockllm.wires.wire import Setting, Wire

DIALECT = "vllm"
VERSION = "0.24.0"
JSON = "application/json"


class VllmWire(Wire, ABC):
    """A path that only vLLM has."""

    dialect: ClassVar = DIALECT

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Only where a profile imitates vLLM."""
        return dialect == DIALECT

    def document(self, data: bytes, setting: Setting) -> tuple[Message, ...]:
        """A JSON document with status 200."""
        return (make_head(DIALECT, 200, JSON, setting.identity), Frame(("body",), data), End())


class VllmHealth(VllmWire):
    """GET /health, GET and POST /ping."""

    name: ClassVar = "vllm.health"
    source: ClassVar = "vLLM 0.24.0 (observed); a dead engine: its source (documented)."
    endpoints: ClassVar = (("GET", "/health"), ("GET", "/ping"), ("POST", "/ping"))

    def check_ready(self, call: Call, setting: Setting) -> None:
        """Nothing is refused: the answer tells of it."""

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """A status without a body, and without its type."""
        made = make_head(DIALECT, 200 if setting.ready else 503, "", setting.identity)
        headers = tuple(pair for pair in made.headers if pair[0] != "content-type")
        return (Head(made.status, headers), Frame(("body",), b""), End())


class VllmVersion(VllmWire):
    """GET /version."""

    name: ClassVar = "vllm.version"
    source: ClassVar = "vLLM 0.24.0 (observed)."
    endpoints: ClassVar = (("GET", "/version"),)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The version that is imitated."""
        return self.document(b'{"version":"%b"}' % VERSION.encode(), setting)


class VllmLoad(VllmWire):
    """GET /load."""

    name: ClassVar = "vllm.load"
    source: ClassVar = "vLLM 0.24.0 (observed)."
    endpoints: ClassVar = (("GET", "/load"),)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """0, as without `--enable-server-load-tracking`."""
        return self.document(b'{"server_load":0}', setting)
