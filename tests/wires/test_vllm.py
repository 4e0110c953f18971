"""What vLLM serves beside OpenAI's API, and its words for wrong requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.endpoints import find, refuse
from mockllm.engine.engine import parse
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Head
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_models import OpenAIModels
from mockllm.wires.vllm_errors import check_fields, check_length
from mockllm.wires.vllm_server import VllmHealth, VllmLoad, VllmVersion
from mockllm.wires.vllm_tokens import VOCABULARY, VllmDetokenize, VllmTokenize, cut, id_of, text_of
from mockllm.wires.wire import Refused, Setting, Wire

SETTING = Setting(Identity("key"), ("tiny",), DIALECTS["vllm"])
PATHS = [
    ("GET", "/health"),
    ("GET", "/ping"),
    ("POST", "/ping"),
    ("GET", "/version"),
    ("GET", "/load"),
    ("GET", "/metrics"),
    ("POST", "/tokenize"),
    ("POST", "/detokenize"),
]


def said(wire: Wire, setting: Setting = SETTING, **data: Any) -> tuple[Head, bytes]:
    """The head and the body of an answer."""
    call = Call("POST", "/", data=data)
    wire.check(call, setting)
    head, frame, _ = wire.answer(call, Script(()), setting)
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    return head, frame.data


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_only_vllm_has_them(method: str, path: str) -> None:
    """The paths exist where a profile imitates vLLM, and nowhere else."""
    found, _ = find(Call(method, path), "vllm")
    assert found is not None
    assert found.name.startswith("vllm.")
    assert find(Call(method, path), None)[0] is None
    assert find(Call(method, path), "openai")[0] is None


def test_refusals_know_the_dialects_paths() -> None:
    """A wrong method is told so only where the path exists, and no other path is offered."""
    assert refuse(Call("POST", "/health"), "vllm").spec.status == 405
    elsewhere = refuse(Call("POST", "/tokenize")).spec
    assert elsewhere.status == 404
    assert "/tokenize?" not in (elsewhere.message or "")
    assert "did you mean /tokenize?" in (
        refuse(Call("POST", "/tokenise"), "vllm").spec.message or ""
    )


@pytest.mark.parametrize(("ready", "status"), [(True, 200), (False, 503)])
def test_health(ready: bool, status: int) -> None:
    """Neither a body nor its type (0.24.0, observed); 503 while there are no models."""
    setting = replace(SETTING, ready=ready)
    VllmHealth().check_ready(Call("GET", "/health"), setting)
    head, body = said(VllmHealth(), setting)
    assert (head.status, body) == (status, b"")
    assert [name for name, _ in head.headers] == ["date", "server", "content-length", "vary"]


@pytest.mark.parametrize(
    ("wire", "body"),
    [(VllmVersion(), b'{"version":"0.24.0"}'), (VllmLoad(), b'{"server_load":0}')],
)
def test_small_documents(wire: Wire, body: bytes) -> None:
    """To the byte as vLLM 0.24.0 sends them (observed)."""
    head, found = said(wire)
    assert (head.status, found) == (200, body)
    assert (head.get("content-type"), head.get("vary")) == ("application/json", "Origin")


def test_tokenize() -> None:
    """The fields in vLLM's order (0.24.0, observed); texts of tokens where they are wanted."""
    _, body = said(VllmTokenize(), prompt="Hi")
    assert body == b'{"count":1,"max_model_len":131072,"tokens":[18793],"token_strs":null}'
    document = json.loads(said(VllmTokenize(), prompt="Hello wörld", return_token_strs=True)[1])
    assert document["token_strs"] == ["Hel", "lo ", "wö", "rld"]
    assert document["count"] == len(document["tokens"]) == 4
    messages = [{"role": "user", "content": "Hel"}, {"role": "user", "content": [{"text": "lo"}]}]
    document = json.loads(said(VllmTokenize(), messages=messages, model="tiny")[1])
    assert text_of(document["tokens"]) == "Hel\nlo"


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_text_comes_back(text: str) -> None:
    """Whatever is cut into tokens is the same text behind `/detokenize`."""
    tokens = [id_of(part) for part in cut(text)]
    assert all(0 <= token < VOCABULARY for token in tokens)
    assert json.loads(said(VllmDetokenize(), tokens=tokens)[1]) == {"prompt": text}


@pytest.mark.parametrize(
    ("wire", "data", "param", "words"),
    [
        (VllmTokenize(), {}, "body.prompt", "'msg': 'Field required', 'input': {}"),
        (VllmTokenize(), {"prompt": 5}, "body.prompt", "Input should be a valid string"),
        (VllmTokenize(), {"messages": "a"}, "body.messages", "Input should be a valid list"),
        (VllmDetokenize(), {}, "body.tokens", "Field required"),
        (VllmDetokenize(), {"tokens": [1, "a"]}, "body.tokens.1", "unable to parse string as an integer"),
        (VllmDetokenize(), {"tokens": [1, -1]}, None, "Token id -1 is out of vocabulary"),
        (VllmDetokenize(), {"tokens": [VOCABULARY]}, None, "is out of vocabulary"),
    ],
)  # fmt: skip
def test_what_is_refused(wire: Wire, data: dict[str, Any], param: str | None, words: str) -> None:
    """Every refusal is a 400 in vLLM's own form, which is OpenAI's with a number as code."""
    with pytest.raises(Refused) as refused:
        said(wire, **data)
    spec = refused.value.spec
    assert (spec.status, spec.shape, spec.code, spec.param) == (400, "vllm", 400, param)
    assert words in (spec.message or "")


CHAT = "/v1/chat/completions"


def message_of(body: bytes, fields: Mapping[str, type], *needed: str) -> str:
    """What is said of a body."""
    data, problem = parse(body)
    call = Call("POST", CHAT, body=body, data=data, problem=problem)
    with pytest.raises(Refused) as refused:
        check_fields(call, "create_chat_completion", fields, *needed)
    assert refused.value.spec.error_type == "Bad Request"
    return refused.value.spec.message or ""


def test_a_missing_field() -> None:
    """The message of vLLM 0.24.0 to the byte (observed): the list twice, and a traceback's line."""
    assert message_of(b'{"model": "tiny"}', {"messages": list}, "messages") == (
        "1 validation error:\n"
        "  {'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'model': 'tiny'}}\n\n"
        '  File "site-packages/vllm/entrypoints/serve/utils/api_utils.py", line 40, in create_chat_completion\n'
        "    POST /v1/chat/completions [{'type': 'missing', 'loc': ('body', 'messages'), 'msg': 'Field required', 'input': {'model': 'tiny'}}]"
    )  # fmt: skip


def test_a_wrong_type() -> None:
    """The same of a value of another type (observed)."""
    assert message_of(b'{"temperature": "hot"}', {"temperature": float}) == (
        "1 validation error:\n"
        "  {'type': 'float_parsing', 'loc': ('body', 'temperature'), 'msg': 'Input should be a valid number, unable to parse string as a number', 'input': 'hot'}\n\n"
        '  File "site-packages/vllm/entrypoints/serve/utils/api_utils.py", line 40, in create_chat_completion\n'
        "    POST /v1/chat/completions [{'type': 'float_parsing', 'loc': ('body', 'temperature'), 'msg': 'Input should be a valid number, unable to parse string as a number', 'input': 'hot'}]"
    )  # fmt: skip


def test_several_errors() -> None:
    """They come in the order of the fields, and the first one is the parameter."""
    fields = {"messages": list, "model": str}
    text = message_of(b'{"model": 5}', fields, "messages", "model")
    assert text.startswith("2 validation errors:\n  {'type': 'missing'")
    assert text.index("missing") < text.index("string_type")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "{'type': 'missing', 'loc': ('body',), 'msg': 'Field required', 'input': None}"),
        (b"{", "{'type': 'json_invalid', 'loc': ('body', 1), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': 'Expecting property name enclosed in double quotes'}}"),
        (b"[1]", "{'type': 'model_attributes_type', 'loc': ('body',), 'msg': 'Input should be a valid dictionary or object to extract fields from', 'input': [1]}"),
        (b"[" * 99999, "'input': None}"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_object(body: bytes, words: str) -> None:
    """FastAPI's words for what is no JSON object."""
    assert words in message_of(body, {})


@pytest.mark.parametrize(
    "body", [b'{"n": null, "s": true}', b"{}", b'{"n": "5", "s": "yes"}', b'{"n": 5.0}']
)
def test_pydantic_is_generous(body: bytes) -> None:
    """Null stands for a field that is not needed, and texts for what they say."""
    data, _ = parse(body)
    check_fields(Call("POST", CHAT, body=body, data=data), "f", {"n": int, "s": bool})


@pytest.mark.parametrize(
    ("prompt", "asked", "param", "message"),
    [
        (8, 0, "max_tokens", "max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)"),
        (8, 99999999, "max_tokens", "max_tokens=99999999 cannot be greater than max_model_len=max_total_tokens=131072. Please request fewer output tokens. (parameter=max_tokens, value=99999999)"),
        (131060, 20, "input_tokens", "This model's maximum context length is 131072 tokens. However, you requested 20 output tokens and your prompt contains at least 131053 input tokens, for a total of at least 131073 tokens. Please reduce the length of the input prompt or the number of requested output tokens. (parameter=input_tokens, value=131053)"),
    ],
)  # fmt: skip
def test_lengths_that_are_refused(prompt: int, asked: int, param: str, message: str) -> None:
    """The texts of vLLM 0.24.0 (observed), with the length of the model that is imitated."""
    with pytest.raises(Refused) as refused:
        check_length(prompt, asked)
    spec = refused.value.spec
    assert (spec.status, spec.shape, spec.error_type) == (400, "vllm", "BadRequestError")
    assert (spec.param, spec.message) == (param, message)


def test_what_just_fits() -> None:
    """The length counts prompt and answer together."""
    check_length(131052, 20)
    check_length(8, None)
    check_length(80, 20, limit=100)


@pytest.mark.parametrize(
    ("prompt", "asked", "words"),
    [(81, 20, "at least 81 input tokens, for a total of at least 101"), (8, 101, "max_total_tokens=100.")],
)  # fmt: skip
def test_another_length(prompt: int, asked: int, words: str) -> None:
    """The model may be shorter, and the words then say so."""
    with pytest.raises(Refused) as refused:
        check_length(prompt, asked, limit=100)
    assert words in (refused.value.spec.message or "")


def test_the_context_of_an_account_is_the_models() -> None:
    """`/tokenize` and the list of models tell it."""
    setting = replace(SETTING, context=4096)
    assert json.loads(said(VllmTokenize(), setting, prompt="Hi")[1])["max_model_len"] == 4096
    (model,) = json.loads(said(OpenAIModels(), setting)[1])["data"]
    assert model["max_model_len"] == 4096
