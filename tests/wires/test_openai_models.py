"""The list of models, and one of them."""

from __future__ import annotations

import pytest
from openai.types import Model

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_models import OpenAIModels
from mockllm.wires.wire import Refused, Setting

WIRE = OpenAIModels()
SETTING = Setting(Identity("key"), ("gpt-4o", "org/llama"))
GPT = b'{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"mockllm"}'
LLAMA = b'{"id":"org/llama","object":"model","created":1715367049,"owned_by":"mockllm"}'


def asked(path: str) -> Call:
    """A call, with what its path names."""
    model = path.removeprefix("/v1/models").strip("/")
    return Call("GET", path, params={"model": model} if model else {})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models", b'{"object":"list","data":[' + GPT + b"," + LLAMA + b"]}"),
        ("/v1/models/gpt-4o", GPT),
        ("/v1/models/org/llama", LLAMA),
    ],
)
def test_models(path: str, body: bytes) -> None:
    """The profile's models in its order, or the one that the path names, also with a slash."""
    head, frame, end = WIRE.answer(asked(path), Script(()), SETTING)
    assert isinstance(head, Head)
    assert (head.status, head.get("content-type")) == (200, "application/json")
    assert (frame, end) == (Frame(("body",), body), End())


def test_an_unknown_model() -> None:
    """A model that the profile does not have is OpenAI's 404."""
    with pytest.raises(Refused) as refused:
        WIRE.answer(asked("/v1/models/gpt-9"), Script(()), SETTING)
    assert refused.value.spec.model_dump(exclude_unset=True) == {
        "status": 404,
        "message": "The model 'gpt-9' does not exist",
        "error_type": "invalid_request_error",
        "param": "model",
        "code": "model_not_found",
    }


def test_the_sdk_reads_a_model() -> None:
    """A model is valid to OpenAI's type."""
    assert Model.model_validate_json(GPT, strict=True).id == "gpt-4o"
