"""`kserve.models`: the models of KServe's V1 and V2 (kserve 0.21.0, observed).

V1's paths are OpenAI's too; they are KServe's where a profile says `dialect: kserve`.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Message
from mockllm.wires.kserve import (
    KServe,
    loaded,
    model_of,
    require_known,
    require_no_version,
    require_ready,
    whole,
)
from mockllm.wires.wire import Setting

METADATA = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
READY = ("/v2/models/{model}/ready", "/v2/models/{model}/versions/{version}/ready")


class KServeModels(KServe):
    """GET /v1/models[/{model}] and /v2/models[/{model}[/versions/{version}][/ready]]."""

    name: ClassVar = "kserve.models"
    source: ClassVar = "KServe 0.21.0 (observed)."
    endpoints: ClassVar = tuple(
        ("GET", path)
        for path in ("/v1/models", "/v1/models/{model}", "/v2/models", *METADATA, *READY)
    )

    def claims(self, call: Call, dialect: str | None) -> bool:
        """V2's paths are nobody else's."""
        return call.path.startswith("/v2/") or dialect == self.dialect

    def check(self, call: Call, setting: Setting) -> None:
        """A version is refused first, then the model must be there, and ready if that is asked."""
        require_no_version(call)
        if self.asks_readiness(call):
            require_ready(call, setting)
        elif call.params:
            require_known(call, setting)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The names of the models, the metadata of one, or that it is ready."""
        return whole(self.document(call, setting), setting.identity)

    def document(self, call: Call, setting: Setting) -> dict[str, Any]:
        """The answer; KServe's models say nothing of their tensors unless they are told to."""
        if not call.params:
            return {"models": list(loaded(setting))}
        if self.asks_readiness(call):
            return {"name": model_of(call), "ready": True}
        return {
            "name": model_of(call),
            "versions": None,
            "platform": "",
            "inputs": [],
            "outputs": [],
        }

    def asks_readiness(self, call: Call) -> bool:
        """Whether the question is if a model is ready, which in V1 its own path asks."""
        return bool(call.params) and (call.path.startswith("/v1/") or call.path.endswith("/ready"))
