"""`openai.models`: the list of models, and one of them, in the forms of several servers.

OpenAI's form is documented; vLLM 0.24.0 and KServe 0.21.0 are observed. KServe says nothing of a
model that it has (`null`), and that one which it does not have is not ready. vLLM has no path for
one model, and LitServe none at all (observed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.dialects import dialect_of_path
from mockllm.wires.json_bytes import compact
from mockllm.wires.wire import Refused, Setting, Wire

CREATED = 1_715_367_049
MAX_MODEL_LEN = 131072
"""How many tokens vLLM's models take, prompt and answer together, where no account says so."""


class OpenAIModels(Wire):
    """GET /v1/models and /v1/models/{model}, and KServe's and Azure's /openai/v1/models."""

    name: ClassVar = "openai.models"
    source: ClassVar = "OpenAI's reference (documented); vLLM 0.24.0, KServe 0.21.0 (observed)."
    endpoints: ClassVar = (
        ("GET", "/v1/models"),
        ("GET", "/v1/models/{model:path}"),
        ("GET", "/openai/v1/models"),
        ("GET", "/openai/v1/models/{model:path}"),
    )

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Some servers have fewer paths; KServe's `/v1/models` are of its V1."""
        match dialect:
            case "litserve":
                return False
            case "vllm":
                return call.path.endswith("/models")
            case "kserve":
                return call.path.startswith("/openai/")
            case _:
                return True

    def dialect_of(self, call: Call) -> str:
        """OpenAI's, Azure's or KServe's."""
        return dialect_of_path(call)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The profile's models, or the one that the path names."""
        wanted = call.params.get("model", "")
        if wanted:
            document = one_of(wanted, setting)
        else:
            write = FORMS.get(setting.dialect.name, model)
            models = [write(name, setting) for name in setting.models]
            document = {"object": "list", "data": models}
        head = setting.dialect.head(setting.identity)
        return (head, Frame(("body",), compact(document)), End())


def one_of(wanted: str, setting: Setting) -> dict[str, Any] | None:
    """What is said of one model; raises `Refused` for one that is not there."""
    known = wanted in setting.models
    if setting.dialect.name == "kserve":
        if known:
            return None
        message = f"Model with name {wanted} is not ready."
        raise Refused(ErrorSpec(status=503, message=message, shape="kserve"))
    if known:
        return FORMS.get(setting.dialect.name, model)(wanted, setting)
    raise Refused(
        ErrorSpec(
            status=404,
            message=f"The model '{wanted}' does not exist",
            error_type="invalid_request_error",
            param="model",
            code="model_not_found",
        )
    )


def model(name: str, setting: Setting) -> dict[str, Any]:
    """One model in OpenAI's form."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "mockllm"}


def kserve_model(name: str, setting: Setting) -> dict[str, Any]:
    """One model in the form of KServe 0.21.0."""
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "",
        "root": None,
        "parent": None,
        "max_model_len": None,
        "permission": [],
    }


def vllm_model(name: str, setting: Setting) -> dict[str, Any]:
    """One model in the form of vLLM 0.24.0."""
    return {
        "id": name,
        "object": "model",
        "created": CREATED,
        "owned_by": "vllm",
        "root": name,
        "parent": None,
        "max_model_len": setting.context or MAX_MODEL_LEN,
        "permission": [
            {
                "id": "modelperm-" + setting.identity.hexadecimal(f"permission/{name}", 16),
                "object": "model_permission",
                "created": CREATED,
                "allow_create_engine": False,
                "allow_sampling": True,
                "allow_logprobs": True,
                "allow_search_indices": False,
                "allow_view": True,
                "allow_fine_tuning": False,
                "organization": "*",
                "group": None,
                "is_blocking": False,
            }
        ],
    }


FORMS: dict[str, Callable[[str, Setting], dict[str, Any]]] = {
    "kserve": kserve_model,
    "vllm": vllm_model,
}
"""How the dialects that have a form of their own write a model."""
