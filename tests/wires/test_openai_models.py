"""The list of models, and one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from openai.types import Model

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Head
from mockllm.wires.dialects import DIALECTS
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


def document(dialect: str, path: str) -> str:
    """What a server of this kind says."""
    setting = replace(SETTING, dialect=DIALECTS[dialect])
    _, frame, _ = WIRE.answer(asked(path), Script(()), setting)
    assert isinstance(frame, Frame)
    return frame.data.decode()


def test_vllm_models() -> None:
    """A model of vLLM 0.24.0 (a capture): its permissions, and how many tokens it takes."""
    id = "modelperm-" + SETTING.identity.hexadecimal("permission/gpt-4o", 16)
    assert document("vllm", "/v1/models").startswith(
        '{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"vllm","root":"gpt-4o","parent":null,"max_model_len":131072,"permission":[{"id":"' + id + '","object":"model_permission","created":1715367049,"allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,"allow_search_indices":false,"allow_view":true,"allow_fine_tuning":false,"organization":"*","group":null,"is_blocking":false}]}'
    )  # fmt: skip


def test_kserve_models() -> None:
    """KServe 0.21.0 (captures): a list, null for one of them, and 503 for one that is not there."""
    assert document("kserve", "/v1/models").startswith(
        '{"object":"list","data":[{"id":"gpt-4o","object":"model","created":1715367049,"owned_by":"","root":null,"parent":null,"max_model_len":null,"permission":[]},'
    )  # fmt: skip
    assert document("kserve", "/v1/models/gpt-4o") == "null"
    with pytest.raises(Refused) as refused:
        document("kserve", "/v1/models/nope")
    spec = refused.value.spec
    assert (spec.status, spec.shape, spec.message) == (503, "kserve", "Model with name nope is not ready.")  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "path", "claimed"),
    [
        (None, "/v1/models", True),
        ("vllm", "/v1/models", True),
        ("vllm", "/v1/models/gpt-4o", False),
        ("litserve", "/v1/models", False),
        ("azure", "/openai/v1/models/gpt-4o", True),
    ],
)
def test_paths_that_servers_have(dialect: str | None, path: str, claimed: bool) -> None:
    """vLLM has no path for one model, LitServe none for any (captures)."""
    assert WIRE.claims(Call("GET", path), dialect) is claimed
