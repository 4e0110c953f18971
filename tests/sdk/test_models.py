"""Every JSON that a healthy OpenAI wire sends fits the models of OpenAI's SDK, in strict mode.

Strict means that no text passes for a number. The SDK's models take fields that they do not know,
so those are looked for: OpenAI's own dialect has none but the few that its API has and the models
lack, and the others those of their servers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple
from urllib.request import Request, urlopen

import pytest
from openai.types import CreateEmbeddingResponse, Model, ModerationCreateResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionDeleted
from openai.types.completion import Completion
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, ConfigDict, TypeAdapter

from mockllm import MockLLM

GUARD = 30.0
DIALECTS = ("openai", "azure", "kserve", "vllm", "litserve", "tgi")
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"enum": ["a", "b"]}}}
SCRIPTS = {
    "text60": "text60",
    "tools2": "tools2",
    "reasoning60": "reasoning60",
    "refusal60": "refusal60",
    "cjk60": "cjk60",
    "schema": f"{{schema: {json.dumps(SCHEMA)}}}",
    "two": "{text: One and two., n: 2}",
}
MESSAGES = [{"role": "user", "content": "Hello!"}]


class Wire(NamedTuple):
    """How a wire is asked, and what it answers with."""

    path: str
    request: dict[str, Any]
    whole: TypeAdapter[Any]
    piece: TypeAdapter[Any]


CHAT = {"model": "m", "messages": MESSAGES, "logprobs": True, "top_logprobs": 2}
WIRES = {
    "chat": Wire(
        "/v1/chat/completions",
        CHAT,
        TypeAdapter(ChatCompletion),
        TypeAdapter(ChatCompletionChunk),
    ),
    "completions": Wire(
        "/v1/completions",
        {"model": "m", "prompt": "Hello!", "max_tokens": 100, "logprobs": 2},
        TypeAdapter(Completion),
        TypeAdapter(Completion),
    ),
    "responses": Wire(
        "/v1/responses",
        {"model": "m", "input": "Hello!"},
        TypeAdapter(Response),
        TypeAdapter(ResponseStreamEvent),
    ),
}
MODELLED = {"chat": "chat.completion.chunk", "completions": "text_completion"}
OPENAI_ALONE = {"responses"}
"""Wires that have no dialects."""

VLLM_CHAT = (
    *("choices.delta.reasoning", "choices.message.reasoning", "choices.routed_experts"),
    *("choices.stop_reason", "choices.token_ids", "kv_transfer_params", "prompt_logprobs"),
    *("prompt_text", "prompt_token_ids"),
)
VLLM_TEXT = (
    *("choices.prompt_logprobs", "choices.prompt_token_ids", "choices.routed_experts"),
    *("choices.stop_reason", "choices.token_ids", "kv_transfer_params", "service_tier"),
)
AZURE = ("choices.content_filter_results", "prompt_filter_results")
BEYOND: dict[Any, tuple[str, ...]] = {
    # Not OpenAI's, but DeepSeek's and others', whose clients look for it.
    "chat": ("choices.message.reasoning_content", "choices.delta.reasoning_content"),
    # In captures of OpenAI's API; the models came before them.
    "responses": (
        "obfuscation",
        *(
            prefix + name
            for prefix in ("", "response.")
            for name in ("frequency_penalty", "presence_penalty", "store")
        ),
    ),
    ("chat", "azure"): AZURE,
    ("completions", "azure"): AZURE,
    ("chat", "vllm"): VLLM_CHAT,
    ("chat", "kserve"): VLLM_CHAT,
    ("completions", "vllm"): VLLM_TEXT,
    ("completions", "kserve"): VLLM_TEXT,
    ("chat", "litserve"): (
        *("choices.message.name", "choices.message.tool_call_id"),
        *("choices.delta.name", "choices.delta.tool_call_id", "choices.message.tool_calls.index"),
    ),
}
"""The fields that servers send and the SDK's models lack, by wire, or by wire and dialect."""


class Models(BaseModel):
    """The list of models, which the SDK reads as a page of its own."""

    model_config = ConfigDict(extra="allow")
    object: Literal["list"]
    data: list[Model]


DOCUMENTS: dict[str, tuple[str, dict[str, Any] | None, type[BaseModel]]] = {
    "models": ("/v1/models", None, Models),
    "model": ("/v1/models/gpt-4o-mini", None, Model),
    "embeddings": (
        "/v1/embeddings",
        {"model": "m", "input": ["a", "b"]},
        CreateEmbeddingResponse,
    ),
    "moderations": ("/v1/moderations", {"input": ["a", "b"]}, ModerationCreateResponse),
}
"""The answers that are the same in all scripts; without a request it is a GET."""

CASES = [
    pytest.param(wire, dialect, script, id=f"{wire}-{dialect}-{script}")
    for wire in WIRES
    for dialect in (DIALECTS[:1] if wire in OPENAI_ALONE else DIALECTS)
    for script in SCRIPTS
]


def ask(url: str, request: dict[str, Any] | None, method: str | None = None) -> str:
    """The body of an answer; without a request it is a GET, or another method."""
    headers = {"content-type": "application/json", "authorization": "Bearer none"}
    body = None if request is None else json.dumps(request).encode()
    with urlopen(Request(url, body, headers, method=method), timeout=GUARD) as answer:
        return str(answer.read().decode())


def frames(body: str) -> list[str]:
    """The data of the events of a stream, but for the mark of its end."""
    data = [line.removeprefix("data:").strip() for line in body.splitlines() if line[:5] == "data:"]
    return [text for text in data if text != "[DONE]"]


def as_modelled(name: str, frame: str) -> str:
    """A frame without what servers send and the SDK's models forbid.

    Azure begins a stream with a frame for the filter of the prompt, whose `object` is empty; the
    reason of the end is null until there is one, which the model of a text completion does not say.
    """
    document = json.loads(frame)
    if document.get("object") == "" and "prompt_filter_results" in document:
        document["object"] = MODELLED[name]
    if name == "completions":
        for choice in document["choices"]:
            choice["finish_reason"] = choice["finish_reason"] or "stop"
    return json.dumps(document)


def unknown(value: Any, path: str = "") -> Iterator[str]:
    """The paths of fields that a model does not have."""
    if isinstance(value, BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from unknown(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from unknown(item, path)


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
@pytest.mark.parametrize(("name", "dialect", "script"), CASES)
def test_an_answer_fits(name: str, dialect: str, script: str, stream: bool) -> None:
    """A whole answer, or every frame of a stream."""
    wire = WIRES[name]
    request = {**wire.request, "stream": stream}
    with MockLLM(f"mockllm: 1\ndialect: {dialect}\nscript: {SCRIPTS[script]}\n") as server:
        body = ask(server.url + wire.path, request)
    texts = [as_modelled(name, text) for text in frames(body)] if stream else [body]
    adapter = wire.piece if stream else wire.whole
    assert texts
    found = {path for text in texts for path in unknown(adapter.validate_json(text, strict=True))}
    assert found <= {*BEYOND.get(name, ()), *BEYOND.get((name, dialect), ())}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_smaller_answer_fits(name: str) -> None:
    """Models, embeddings and moderations, without a field that the models lack."""
    path, request, model = DOCUMENTS[name]
    with MockLLM() as server:
        text = ask(server.url + path, request)
    answer = TypeAdapter(model).validate_json(text, strict=True)
    assert list(unknown(answer)) == []


def test_what_is_stored_fits() -> None:
    """A stored completion as it is made, read and deleted."""
    with MockLLM() as server:
        url = f"{server.url}/v1/chat/completions"
        made = ChatCompletion.model_validate_json(
            ask(url, {"model": "m", "messages": MESSAGES, "store": True}), strict=True
        )
        read = ChatCompletion.model_validate_json(ask(f"{url}/{made.id}", None), strict=True)
        gone = ask(f"{url}/{made.id}", None, method="DELETE")
    assert read.choices[0].message.content == made.choices[0].message.content
    assert ChatCompletionDeleted.model_validate_json(gone, strict=True).deleted


def test_unknown_fields_are_found() -> None:
    """The search for fields that a model lacks goes into objects and lists."""
    text = '{"id": "a", "created": 1, "object": "model", "owned_by": "b", "more": 1}'
    assert list(unknown(Model.model_validate_json(text))) == ["more"]
    page = f'{{"object": "list", "data": [{text}]}}'
    assert list(unknown(Models.model_validate_json(page))) == ["data.more"]
