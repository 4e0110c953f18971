"""Wrong requests, as several servers refuse them, against extracts of captures."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from mockllm.matchers.call import Call
from mockllm.timeline.events import Frame, Head
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import OpenAIChat
from mockllm.wires.openai_completions import OpenAICompletions
from mockllm.wires.openai_embeddings import OpenAIEmbeddings
from mockllm.wires.wire import Refused, Setting, Wire

CHAT, TEXT, EMBED = OpenAIChat(), OpenAICompletions(), OpenAIEmbeddings()
HI = [{"role": "user", "content": "Hi"}]
CHATS = {"model": "g", "messages": HI}


def refused(wire: Wire, dialect: str, data: dict[str, Any], body: bytes = b"{}", problem: str | None = None) -> Refused:  # fmt: skip
    """How a server of this kind refuses a request."""
    raw = Call("POST", wire.endpoints[0][1], data=data, body=body, problem=problem)
    understood = wire.understand(raw)
    call = replace(raw, model=understood.model, stream=understood.stream)
    with pytest.raises(Refused) as caught:
        wire.check(call, Setting(Identity("key"), ("g",), DIALECTS[dialect]))
    return caught.value


def document(refusal: Refused) -> tuple[Head, str]:
    """The head and the body of a refusal that has an answer of its own."""
    assert refusal.answer is not None
    head, frame, _ = refusal.answer
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    return head, frame.data.decode()


@pytest.mark.parametrize("dialect", ["kserve", "litserve"])
def test_a_missing_field(dialect: str) -> None:
    """FastAPI lists what is missing with 422 (captures of KServe 0.21.0 and LitServe 0.2.19)."""
    head, body = document(refused(CHAT, dialect, {"model": "g"}))
    assert (head.status, head.get("server")) == (422, "uvicorn")
    assert body == '{"detail":[{"type":"missing","loc":["body","messages"],"msg":"Field required","input":{"model":"g"}}]}'  # fmt: skip


def test_a_wrong_type_and_bad_json() -> None:
    """A type that is wrong, and a body that is no JSON (captures of KServe 0.21.0)."""
    _, body = document(refused(CHAT, "kserve", {**CHATS, "temperature": "hot"}))
    assert body == '{"detail":[{"type":"float_parsing","loc":["body","temperature"],"msg":"Input should be a valid number, unable to parse string as a number","input":"hot"}]}'  # fmt: skip
    problem = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    _, body = document(refused(CHAT, "kserve", {}, b"{bad", problem))
    assert body == '{"detail":[{"type":"json_invalid","loc":["body",1],"msg":"JSON decode error","input":{},"ctx":{"error":"Expecting property name enclosed in double quotes"}}]}'  # fmt: skip


@pytest.mark.parametrize("wire", [CHAT, TEXT, EMBED])
def test_what_else_fastapi_lists(wire: Wire) -> None:
    """What OpenAI alone would refuse is listed, too."""
    data = {**CHATS, "input": "", "n": 0} if wire is not EMBED else {"model": "g", "input": []}
    _, body = document(refused(wire, "kserve", data))
    (error,) = json.loads(body)["detail"]
    assert error["type"] == "value_error"
    assert error["loc"][0] == "body"


def test_vllm() -> None:
    """vLLM 0.24.0: 400 with pydantic's list, or the engine's words (captures)."""
    spec = refused(CHAT, "vllm", {"model": "g"}).spec
    assert (spec.status, spec.shape, spec.error_type, spec.code) == (400, "vllm", "Bad Request", 400)  # fmt: skip
    assert spec.param == "body.messages"
    assert "line 40, in create_chat_completion\n" in (spec.message or "")
    spec = refused(CHAT, "vllm", {**CHATS, "n": 0}).spec
    assert (spec.message, spec.error_type, spec.param) == ("n must be at least 1, got 0.", "BadRequestError", None)  # fmt: skip
    spec = refused(TEXT, "vllm", {"prompt": {}}).spec
    assert (spec.error_type, spec.code) == ("BadRequestError", 400)


def test_azure() -> None:
    """Azure says OpenAI's words under its own headers, and nothing of its content filter."""
    head, body = document(refused(CHAT, "azure", {"model": "g"}))
    assert (head.status, bool(head.get("apim-request-id"))) == (400, True)
    assert body == '{"error":{"message":"Missing required parameter: \'messages\'.","type":"invalid_request_error","param":"messages","code":"missing_required_parameter"}}'  # fmt: skip


NULL = {"error": {"message": "Invalid value for 'content': expected a string, got null.", "type": "invalid_request_error", "param": "messages.[1].content", "code": None}}  # fmt: skip


@pytest.mark.parametrize("role", ["system", "developer", "user", "tool"])
def test_null_as_content(role: str) -> None:
    """OpenAI's words (documented), with an index behind a dot, in both of its dialects."""
    data = {**CHATS, "messages": [*HI, {"role": role, "content": None}]}
    spec = refused(CHAT, "openai", data).spec
    assert (spec.status, spec.code) == (400, None)
    assert (spec.message, spec.param) == (NULL["error"]["message"], NULL["error"]["param"])
    assert json.loads(document(refused(CHAT, "azure", data))[1]) == NULL


@pytest.mark.parametrize(
    ("dialect", "message"),
    [
        ("openai", {"role": "assistant", "content": None, "tool_calls": []}),
        ("azure", {"role": "assistant", "content": None}),
        ("openai", {"role": "function", "name": "f", "content": None}),
        ("openai", {"role": "user"}),
        ("vllm", {"role": "user", "content": None}),
        ("kserve", {"role": "user", "content": None}),
        ("tgi", {"role": "user", "content": None}),
    ],
)
def test_null_that_may_be(dialect: str, message: dict[str, Any]) -> None:
    """Messages of the assistant and of functions may have it, and elsewhere any message."""
    call = Call("POST", "/", data={**CHATS, "messages": [message]})
    CHAT.check(call, Setting(Identity(""), ("g",), DIALECTS[dialect]))


def test_tgi() -> None:
    """TGI refuses with 422 and a prefix."""
    spec = refused(CHAT, "tgi", {"messages": []}).spec
    assert (spec.status, spec.error_type) == (422, "validation")
    assert (spec.message or "").startswith("Input validation error: Invalid 'messages'")


@pytest.mark.parametrize("wire", [CHAT, TEXT, EMBED])
@pytest.mark.parametrize(
    ("dialect", "needed"),
    [("openai", True), ("azure", True), ("kserve", True), ("vllm", False), ("litserve", False), ("tgi", False)],
)  # fmt: skip
def test_who_needs_a_model(wire: Wire, dialect: str, needed: bool) -> None:
    """Servers that have one model ask for no name."""
    data = {"messages": HI, "prompt": "a", "input": "a"}
    if needed:
        assert "model" in str(refused(wire, dialect, data))
    else:
        wire.check(Call("POST", "/", data=data), Setting(Identity(""), ("g",), DIALECTS[dialect]))
