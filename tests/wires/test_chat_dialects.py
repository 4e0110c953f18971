"""Chat and text completions in the forms of several servers, against extracts of captures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.encoding import dress
from mockllm.timeline.events import Frame, Head
from mockllm.wires.dialects import DIALECTS, dialect_of_path
from mockllm.wires.heads import SERVERS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import OpenAIChat
from mockllm.wires.openai_completions import OpenAICompletions
from mockllm.wires.wire import Setting, Wire

CHAT, TEXT = OpenAIChat(), OpenAICompletions()
IDENTITY = Identity("key")
HELLO = Script((Text(("Hel", "lo", " wor", "ld")),))
CALLS = Script((ToolCall("get_weather", ('{"ci', 'ty":1}')), ToolCall("get_time", ("{}",))), "tool_calls")  # fmt: skip
THOUGHT = Script((Text(("Hm", "."), "reasoning"), Text(("Why", " not"))))
USED: dict[str, Any] = {"stream_options": {"include_usage": True}}
NAMES = ("azure", "kserve", "vllm", "litserve", "tgi")


def call(wire: Wire, **data: Any) -> Call:
    """A call as the engine would read it."""
    said = {"messages": [{"role": "user", "content": "Hi"}]} if wire is CHAT else {"prompt": "Hi"}
    raw = Call("POST", wire.endpoints[0][1], data={"model": "tiny", **said, **data})
    understood = wire.understand(raw)
    return replace(raw, wire=wire.name, model=understood.model, stream=understood.stream)


def answer(wire: Wire, dialect: str, script: Script, **data: Any) -> tuple[Head, list[Frame]]:
    """The head and the frames of an answer."""
    setting = Setting(IDENTITY, ("tiny",), DIALECTS[dialect])
    head, *rest = wire.answer(call(wire, **data), script, setting)
    assert isinstance(head, Head)
    return head, [one for one in rest if isinstance(one, Frame)]


def lines(wire: Wire, dialect: str, script: Script = HELLO, **data: Any) -> list[str]:
    """The events of a stream, as they stand in the body, without the blank lines."""
    _, frames = answer(wire, dialect, script, stream=True, **data)
    return [dress(frame, stream=True).decode().removesuffix("\n\n") for frame in frames]


def whole(wire: Wire, dialect: str, script: Script = HELLO, **data: Any) -> str:
    """The document of an answer."""
    _, (frame,) = answer(wire, dialect, script, **data)
    return frame.data.decode()


def shown(text: str, other: Mapping[str, Any] | None = None) -> str:
    """An extract of a capture with this test's names in place of the captured ones."""
    hexadecimal = IDENTITY.hexadecimal("completion", 16)
    known = {"ID16": hexadecimal, "TIME": str(IDENTITY.created), **(other or {})}
    for name, value in known.items():
        text = text.replace(name, value)
    return text


VLLM = 'data: {"id":"chatcmpl-ID16","object":"chat.completion.chunk","created":TIME,"model":"tiny",'


@pytest.mark.parametrize("dialect", ["vllm", "kserve"])
def test_vllm_stream(dialect: str) -> None:
    """vLLM 0.24.0's chunks (a capture): role, content, finish with fingerprint, no obfuscation.

    The capture's engine ends with a text; a model that ends by itself ends with an empty one.
    """
    last = '"choices":[{"index":0,"delta":{"content":""},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null}]'  # fmt: skip
    expected = [
        VLLM + '"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null,"prompt_text":null}',
        VLLM + '"choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
        VLLM + '"choices":[{"index":0,"delta":{"content":"lo"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
        VLLM + '"choices":[{"index":0,"delta":{"content":" wor"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
        VLLM + '"choices":[{"index":0,"delta":{"content":"ld"},"logprobs":null,"finish_reason":null,"token_ids":null}]}',
    ]  # fmt: skip
    done = [VLLM + last + ',"system_fingerprint":"vllm-0.24.0-ed18ee32"}', "data: [DONE]"]
    assert lines(CHAT, dialect) == [*map(shown, [*expected, *done])]


def test_vllm_usage() -> None:
    """The usage has a chunk of its own, with the fingerprint; no chunk before has a null for it."""
    found = lines(CHAT, "vllm", **USED)
    usage = '"usage":{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4},"system_fingerprint":"vllm-0.24.0-ed18ee32"}'  # fmt: skip
    assert found[-2] == shown(VLLM + '"choices":[],' + usage)
    assert "usage" not in "".join(found[:-2])
    assert "system_fingerprint" not in "".join(found[:-2])


def test_vllm_continuous_usage() -> None:
    """The usage so far stands on every chunk, in its place (a capture)."""
    options = {"include_usage": True, "continuous_usage_stats": True}
    found = lines(CHAT, "vllm", stream_options=options)
    assert '"finish_reason":null}],"usage":{"prompt_tokens":8,"total_tokens":8,"completion_tokens":0},"prompt_token_ids":null' in found[0]  # fmt: skip
    counts = [json.loads(line[6:])["usage"]["completion_tokens"] for line in found[:-1]]
    assert counts == [0, 1, 2, 3, 4, 4, 4]
    tools = lines(CHAT, "vllm", CALLS, stream_options=options)
    counts = [json.loads(line[6:])["usage"]["completion_tokens"] for line in tools[:-1]]
    assert counts == [0, 0, 1, 2, 2, 3, 3, 3]


@pytest.mark.parametrize("dialect", ["vllm", "kserve"])
def test_vllm_document(dialect: str) -> None:
    """vLLM 0.24.0's whole completion (a capture)."""
    assert whole(CHAT, dialect) == shown(
        '{"id":"chatcmpl-ID16","object":"chat.completion","created":TIME,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"Hello world","refusal":null,"annotations":null,"audio":null,"function_call":null,"reasoning":null},"logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"routed_experts":null}],"service_tier":null,"system_fingerprint":"vllm-0.24.0-ed18ee32","usage":{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4,"prompt_tokens_details":null},"prompt_logprobs":null,"prompt_token_ids":null,"prompt_text":null,"kv_transfer_params":null}'
    )  # fmt: skip


def test_vllm_says_what_it_thinks() -> None:
    """`reasoning`, in the stream and in the document."""
    assert '"delta":{"reasoning":"Hm"}' in lines(CHAT, "vllm", THOUGHT)[1]
    message = json.loads(whole(CHAT, "vllm", THOUGHT))["choices"][0]["message"]
    assert (message["reasoning"], message["content"]) == ("Hm.", "Why not")
    assert "reasoning_content" not in message


def test_vllm_tool_calls() -> None:
    """The first delta of a call has id, type, index and name (captures of NIM and vLLM 0.23)."""
    first = "chatcmpl-tool-" + IDENTITY.hexadecimal("call/0/0", 16)
    deltas = [json.loads(line[6:])["choices"][0]["delta"] for line in lines(CHAT, "vllm", CALLS)[:-1]]  # fmt: skip
    assert json.dumps(deltas[1]) == json.dumps(
        {"tool_calls": [{"id": first, "type": "function", "index": 0, "function": {"name": "get_weather"}}]}
    )  # fmt: skip
    assert deltas[2] == {"tool_calls": [{"index": 0, "function": {"arguments": '{"ci'}}]}
    message = json.loads(whole(CHAT, "vllm", CALLS))["choices"][0]["message"]
    assert list(message)[-3:] == ["function_call", "tool_calls", "reasoning"]
    assert message["tool_calls"][0]["id"] == first


def test_logprobs() -> None:
    """vLLM's have content alone (a capture), TGI's no bytes (its source), Azure's keys in order;
    LitServe has none."""

    def of(dialect: str) -> Any:
        found = lines(CHAT, dialect, logprobs=True, top_logprobs=1)
        place = 2 if dialect == "azure" else 1
        return json.loads(found[place].partition(":")[2])["choices"][0]["logprobs"]

    token = of("vllm")["content"][0]
    assert list(of("vllm")) == ["content"]
    assert list(token) == ["token", "logprob", "bytes", "top_logprobs"]
    assert list(of("tgi")["content"][0]) == ["token", "logprob", "top_logprobs"]
    assert list(of("tgi")["content"][0]["top_logprobs"][0]) == ["token", "logprob"]
    assert list(of("azure")["content"][0]) == ["bytes", "logprob", "token", "top_logprobs"]
    assert of("litserve") is None
    for dialect in NAMES:
        read = whole(CHAT, dialect, logprobs=True, top_logprobs=1)
        ChatCompletion.model_validate_json(read, strict=True)


def test_vllm_text_completion() -> None:
    """Text completions of vLLM 0.24.0 (captures), streamed and whole."""
    common = 'data: {"id":"cmpl-ID16","object":"text_completion","created":TIME,"model":"tiny",'
    tail = '"stop_reason":null,"prompt_token_ids":null,"token_ids":null}]}'
    found = lines(TEXT, "vllm", **USED)
    assert found[0] == shown(common + '"choices":[{"index":0,"text":"Hel","logprobs":null,"finish_reason":null,' + tail)  # fmt: skip
    assert found[4] == shown(common + '"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop",' + tail)  # fmt: skip
    usage = '"choices":[],"usage":{"prompt_tokens":1,"total_tokens":5,"completion_tokens":4},"system_fingerprint":"vllm-0.24.0-ed18ee32"}'  # fmt: skip
    assert found[5:] == [shown(common + usage), "data: [DONE]"]
    assert whole(TEXT, "vllm") == shown(
        '{"id":"cmpl-ID16","object":"text_completion","created":TIME,"model":"tiny","choices":[{"index":0,"text":"Hello world","logprobs":null,"finish_reason":"stop","stop_reason":null,"token_ids":null,"prompt_logprobs":null,"prompt_token_ids":null,"routed_experts":null}],"service_tier":null,"system_fingerprint":"vllm-0.24.0-ed18ee32","usage":{"prompt_tokens":1,"total_tokens":5,"completion_tokens":4,"prompt_tokens_details":null},"kv_transfer_params":null}'
    )  # fmt: skip


def test_litserve_stream() -> None:
    """LitServe 0.2.19's chunks (a capture): an id each, nulls, the role on every one, the usage at
    the end."""
    found = [json.loads(line[6:]) for line in lines(CHAT, "litserve")[:-1]]
    ids = [chunk["id"] for chunk in found]
    assert len(set(ids)) == 5
    assert all(len(id) == len("chatcmpl-3fdf5f") for id in ids)
    common = (
        '"object":"chat.completion.chunk","created":TIME,"model":"tiny","system_fingerprint":null,'
    )
    assert lines(CHAT, "litserve")[1] == shown(
        f'data: {{"id":"{ids[1]}",{common}"choices":[{{"delta":{{"role":"assistant","content":"lo","name":null,"tool_calls":null,"tool_call_id":null}},"finish_reason":null,"index":0,"logprobs":null}}],"usage":null}}'
    )  # fmt: skip
    assert lines(CHAT, "litserve")[-2:] == [
        shown(f'data: {{"id":"{ids[4]}",{common}"choices":[{{"delta":{{"role":null,"content":null,"name":null,"tool_calls":null,"tool_call_id":null}},"finish_reason":"stop","index":0,"logprobs":null}}],"usage":{{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4}}}}'),
        "data: [DONE]",
    ]  # fmt: skip


def test_litserve_document() -> None:
    """LitServe 0.2.19's whole completion (a capture)."""
    id = "chatcmpl-" + IDENTITY.hexadecimal("completion", 6)
    assert whole(CHAT, "litserve") == shown(
        '{"id":"ID","object":"chat.completion","created":TIME,"model":"tiny","choices":[{"index":0,"message":{"role":"assistant","content":"Hello world","name":null,"tool_calls":null,"tool_call_id":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":8,"total_tokens":12,"completion_tokens":4}}',
        {"ID": id},
    )  # fmt: skip


def test_litserve_always_stops() -> None:
    """Whatever the reason is, LitServe says `stop`; a usage that is absent stays null."""
    last = json.loads(lines(CHAT, "litserve", replace(CALLS, has_usage=False))[-2][6:])
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["usage"] is None


def test_tgi_stream() -> None:
    """TGI's chunks (captures of 3.0, its source): the type first, no id, no space after the colon."""
    common = 'data:{"object":"chat.completion.chunk","id":"","created":TIME,"model":"tiny","system_fingerprint":"3.3.6-native","choices":['  # fmt: skip
    found = lines(CHAT, "tgi", **USED)
    assert found[0] == shown(common + '{"index":0,"delta":{"role":"assistant","content":"Hel"},"logprobs":null,"finish_reason":null}],"usage":null}')  # fmt: skip
    assert found[4:] == [
        shown(common + '{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":"stop"}],"usage":null}'),
        shown(common + '],"usage":{"prompt_tokens":8,"completion_tokens":4,"total_tokens":12}}'),
        "data:[DONE]",
    ]  # fmt: skip


def test_tgi_faults_have_no_space_either() -> None:
    """What faults put into a stream of TGI looks like its other lines."""
    setting = Setting(IDENTITY, ("tiny",), DIALECTS["tgi"])
    for wire in (CHAT, TEXT):
        asked = call(wire, stream=True)
        made = [wire.error_frame(asked, b"{}", setting), *wire.done(asked, setting)]
        assert [dress(frame, stream=True)[:6] for frame in made] == [b"data:{", b"data:["]
    assert dress(CHAT.delta(call(CHAT), {"a": 1}, setting), stream=True).startswith(b"data:{")


def test_tgi_tool_calls() -> None:
    """Each delta has role, id and type; only the first of a call has the name (its source)."""
    deltas = [json.loads(line[5:])["choices"][0]["delta"] for line in lines(CHAT, "tgi", CALLS)[:-1]]  # fmt: skip
    names = [delta["tool_calls"][0]["function"]["name"] for delta in deltas[:-1]]
    assert names == ["get_weather", None, "get_time"]
    assert {delta["role"] for delta in deltas} == {"assistant"}


AZURE_SAFE = '{"hate":{"filtered":false,"severity":"safe"},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}'  # fmt: skip


def test_azure_stream() -> None:
    """Azure's chunks (captures of 2025 and 2026): a first one about the prompt, keys in order."""
    first, role, text, *_, finish, usage, done = lines(CHAT, "azure", **USED)
    id = "chatcmpl-" + IDENTITY.letters("completion", 29)
    fingerprint = "fp_" + IDENTITY.hexadecimal("fingerprint", 10)
    masks = IDENTITY.hexadecimals("masks/0", 8, 16)
    names = {"ID": id, "FP": fingerprint}
    tail = '"created":TIME,"id":"ID","model":"tiny","obfuscation":"MASK","object":"chat.completion.chunk","system_fingerprint":"FP","usage":null}'  # fmt: skip
    assert first == 'data: {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"},"jailbreak":{"filtered":false,"detected":false},"self_harm":{"filtered":false,"severity":"safe"},"sexual":{"filtered":false,"severity":"safe"},"violence":{"filtered":false,"severity":"safe"}}}]}'  # fmt: skip
    assert role == shown('data: {"choices":[{"content_filter_results":{},"delta":{"content":"","refusal":null,"role":"assistant"},"finish_reason":null,"index":0,"logprobs":null}],' + tail, {**names, "MASK": masks[0]})  # fmt: skip
    assert text == shown('data: {"choices":[{"content_filter_results":' + AZURE_SAFE + ',"delta":{"content":"Hel"},"finish_reason":null,"index":0,"logprobs":null}],' + tail, {**names, "MASK": masks[0]})  # fmt: skip
    assert finish == shown('data: {"choices":[{"content_filter_results":{},"delta":{},"finish_reason":"stop","index":0,"logprobs":null}],' + tail, {**names, "MASK": ""})  # fmt: skip
    assert usage.endswith('"usage":{"completion_tokens":4,"completion_tokens_details":{"accepted_prediction_tokens":0,"audio_tokens":0,"reasoning_tokens":0,"rejected_prediction_tokens":0},"prompt_tokens":8,"prompt_tokens_details":{"audio_tokens":0,"cached_tokens":0},"total_tokens":12}}')  # fmt: skip
    assert done == "data: [DONE]"


@pytest.mark.parametrize("wire", [CHAT, TEXT])
def test_azure_document(wire: Wire) -> None:
    """The keys are in order, and the filters' results are there for prompt and choices."""
    document = json.loads(whole(wire, "azure"))
    assert list(document) == sorted(document)
    assert document["choices"][0]["content_filter_results"]["hate"] == SAFE_HATE
    assert document["prompt_filter_results"][0]["prompt_index"] == 0


SAFE_HATE = {"filtered": False, "severity": "safe"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("script", [HELLO, CALLS, THOUGHT, Script(())])
def test_the_sdk_reads_chat(name: str, script: Script) -> None:
    """Every document, and every chunk that says what it is, is valid to OpenAI's types."""
    read = ChatCompletion.model_validate_json(whole(CHAT, name, script, n=2), strict=True)
    assert [choice.index for choice in read.choices] == [0, 1]
    for line in lines(CHAT, name, script, n=2, **USED)[:-1]:
        data = line.partition(":")[2]
        if '"object":""' not in data:  # Azure's first chunk says of itself that it is nothing
            ChatCompletionChunk.model_validate_json(data, strict=True)


@pytest.mark.parametrize("name", ["azure", "kserve", "vllm", "tgi"])
def test_the_sdk_reads_text_completions(name: str) -> None:
    """The same of text completions; the SDK's type knows no open finish reason, but reads it."""
    Completion.model_validate_json(whole(TEXT, name, prompt=["a", "b"], logprobs=2), strict=True)
    for line in lines(TEXT, name, logprobs=2, **USED)[:-1]:
        data = line.partition(":")[2].replace('"finish_reason":null', '"finish_reason":"stop"')
        if '"object":""' not in data:
            Completion.model_validate_json(data, strict=True)


@pytest.mark.parametrize("name", list(DIALECTS))
def test_each_dialect_has_frames_of_every_kind(name: str) -> None:
    """Selectors find role, content, finish and done whatever the dialect; each piece is a frame."""
    _, frames = answer(CHAT, name, HELLO, stream=True)
    kinds = [kind for frame in frames for kind in frame.kinds]
    assert kinds.count("role") == 1
    assert kinds.count("content") == sum(frame.tokens for frame in frames) == 4
    assert kinds[-1] == "done"
    assert kinds.count("finish") == 1


@pytest.mark.parametrize("name", list(DIALECTS))
def test_heads_are_the_dialects_own(name: str) -> None:
    """Server and stream's type follow the dialect."""
    dialect = DIALECTS[name]
    assert dialect.server in SERVERS
    head, _ = answer(CHAT, name, HELLO, stream=True)
    assert head.get("content-type") == dialect.event_stream
    for key, value in dialect.stream_headers:
        assert head.get(key) == value
    head, _ = answer(CHAT, name, HELLO)
    assert head.get("content-type") == "application/json"
    assert head.get("cache-control") is None


def test_the_heads_of_captures() -> None:
    """vLLM varies by origin, Azure names request and region, TGI forbids buffering."""
    assert answer(CHAT, "vllm", HELLO)[0].get("vary") == "Origin"
    azure = answer(CHAT, "azure", HELLO)[0]
    assert azure.get("apim-request-id")
    assert azure.get("x-ms-region")
    assert answer(CHAT, "tgi", HELLO, stream=True)[0].get("x-accel-buffering") == "no"


@pytest.mark.parametrize(
    ("path", "query", "headers", "dialect"),
    [
        ("/v1/chat/completions", "", (), "openai"),
        ("/v1/chat/completions", "api-version=1", (("api-key", "k"),), "openai"),
        ("/openai/deployments/gpt/chat/completions", "", (), "azure"),
        ("/openai/v1/chat/completions", "", (), "kserve"),
        ("/openai/v1/chat/completions", "api-version=preview", (), "azure"),
        ("/openai/v1/chat/completions", "", (("API-Key", "k"),), "azure"),
        ("/openai/v1/chat/completions", "", (("authorization", "Bearer k"),), "kserve"),
    ],
)
def test_the_dialect_of_a_path(
    path: str, query: str, headers: tuple[tuple[str, str], ...], dialect: str
) -> None:
    """Azure's clients are known by their deployments, key and version."""
    asked = Call("POST", path, query=query, headers=headers)
    assert dialect_of_path(asked) == dialect
    assert CHAT.dialect_of(asked) == TEXT.dialect_of(asked) == dialect


@pytest.mark.parametrize("wire", [CHAT, TEXT])
def test_a_deployment_is_a_model(wire: Wire) -> None:
    """Where the body names no model the deployment is one; the request is in order."""
    data = dict(call(wire).data)
    del data["model"]
    asked = Call("POST", "/openai/deployments/gpt/x", data=data, params={"deployment": "gpt"})
    assert wire.understand(asked).model == "gpt"
    wire.check(asked, Setting(IDENTITY, ("tiny",), DIALECTS["azure"]))
    named = replace(asked, data={**data, "model": "o1"})
    assert wire.understand(named).model == "o1"
