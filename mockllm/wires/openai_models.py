"""`openai.models`: the list of models, and one of them."""

from __future__ import annotations

from typing import Any, ClassVar

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.heads import make_head
from mockllm.wires.openai_chat import compact
from mockllm.wires.wire import Refused, Setting, Wire

CREATED = 1_715_367_049


class OpenAIModels(Wire):
    """GET /v1/models and /v1/models/{model}."""

    name: ClassVar = "openai.models"
    endpoints: ClassVar = (("GET", "/v1/models"), ("GET", "/v1/models/{model}"))

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The profile's models, or the one that the path names."""
        wanted = call.params.get("model", "")
        if not wanted:
            document = {"object": "list", "data": [model(name) for name in setting.models]}
        elif wanted in setting.models:
            document = model(wanted)
        else:
            raise Refused(
                ErrorSpec(
                    status=404,
                    message=f"The model '{wanted}' does not exist",
                    error_type="invalid_request_error",
                    param="model",
                    code="model_not_found",
                )
            )
        head = make_head("openai", 200, "application/json", setting.identity)
        return (head, Frame(("body",), compact(document)), End())


def model(name: str) -> dict[str, Any]:
    """One model, as the list shows it."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mockllm"}
