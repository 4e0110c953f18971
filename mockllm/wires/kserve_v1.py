"""`kserve.v1`: KServe's V1 protocol, predict and explain (kserve 0.21.0, observed).

Every instance is predicted to be the script's text. The model behind the server is the mock's own,
so what KServe leaves to a model is decided here: `inputs` is taken for `instances`, as KServe's
helpers do, and what is no list counts as one instance. Explanations have the form of KServe's
documentation, one text for each instance too; a server without an explainer would say 501.
CloudEvents are not spoken.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any, ClassVar

from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script
from mockllm.timeline.events import Message
from mockllm.timeline.valueclass import replace
from mockllm.wires.kserve import KServe, crashed, refused, require_ready, texts, tokens_of, whole
from mockllm.wires.orjson_errors import orjson_problem
from mockllm.wires.wire import Setting, Understood

JSON_TYPES = (
    "application/json",
    "application/cloudevents+json",
    "application/ld+json",
    "application/octet-stream",
)
"""The content types, to the letter, of bodies that are read; others reach the model as bytes."""


class KServeV1(KServe):
    """POST /v1/models/{model}:predict and :explain."""

    name: ClassVar = "kserve.v1"
    source: ClassVar = "KServe 0.21.0 (observed); explanations: KServe's documentation."
    endpoints: ClassVar = (
        ("POST", "/v1/models/{model}:predict"),
        ("POST", "/v1/models/{model}:explain"),
    )

    def understand(self, call: Call) -> Understood:
        """The model is in the path; the last text of the instances is the user's message."""
        said = texts(instances(call))
        conversation = Conversation(message=said[-1] if said else None)
        return replace(
            super().understand(call), model=call.params["model"], conversation=conversation
        )

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """How many instances there are."""
        return count(call) if type(self) is KServeV1 else None

    def check(self, call: Call, setting: Setting) -> None:
        """The model, then the body, in KServe's order."""
        require_ready(call, setting)
        content_type = call.header("content-type")
        if content_type is not None and content_type not in JSON_TYPES:
            raise refused(400, f"unsupported payload type {bytes}")
        if call.problem is not None:
            problem = orjson_problem(call.body)
            if problem is not None:
                raise refused(400, f"Unrecognized request format: {problem}")
            raise refused(400, f"unsupported payload type {type(json.loads(call.body))}")
        if not isinstance(call.data.get("instances", []), list):
            raise refused(400, 'Expected "instances" to be a list')
        if "inputs" not in call.data and "instances" not in call.data:
            raise crashed(KeyError("instances"))

    def prompt_tokens(self, call: Call) -> int:
        """Of all texts of the instances."""
        return tokens_of(instances(call))

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """A prediction for each instance, and an explanation where that is asked."""
        number = count(call)
        document = {"predictions": [script.text] * number}
        if call.path.endswith(":explain"):
            document["explanations"] = document["predictions"]
        return whole(document, setting.identity, tokens=script.tokens * number)


def instances(call: Call) -> Any:
    """What a model is asked about: `inputs`, else `instances`."""
    return call.data.get("inputs", call.data.get("instances"))


def count(call: Call) -> int:
    """How many answers it gives."""
    rows = instances(call)
    return len(rows) if isinstance(rows, list) else 1
