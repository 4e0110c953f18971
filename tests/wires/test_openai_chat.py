"""OpenAI chat completions, byte by byte and as OpenAI's own types read them."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from mockllm.matchers.call import Call
from mockllm.scripts.named import NAMED
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import AUTO, End, Frame, Head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import OpenAIChat
from mockllm.wires.wire import Refused, Setting, Understood

WIRE = OpenAIChat()
PATH = "/v1/chat/completions"
SETTING = Setting(Identity("key"), ("gpt-4o-mini",))
HI = [{"role": "user", "content": "Hi there"}]
WHY = Script((Text(("Why", " not")),))
CALLS = Script(
    (ToolCall("get_weather", ('{"ci', 'ty":1}')), ToolCall("get_time", ("{}",))), "tool_calls"
)


def call(**data: Any) -> Call:
    """A call as the engine would read it."""
    data = {"model": "gpt-4o", "messages": HI, **data}
    understood = WIRE.understand(Call("POST", PATH, data=data))
    return Call(
        "POST",
        "/v1/chat/completions",
        wire="openai.chat",
        data=data,
        model=understood.model,
        stream=understood.stream,
    )


def frames(script: Script, **data: Any) -> list[Frame]:
    """The frames of an answer."""
    answer = WIRE.answer(call(**data), script, SETTING)
    assert isinstance(answer[0], Head)
    assert answer[-1] == End()
    return [event for event in answer if isinstance(event, Frame)]


def texts(script: Script, **data: Any) -> list[str]:
    """The payloads, with the names that the identity gave in place of their values."""
    identity = SETTING.identity
    known = {
        "chatcmpl-" + identity.letters("completion", 29): "ID",
        "fp_" + identity.hexadecimal("fingerprint", 10): "FP",
        str(identity.created): "TIME",
        **{
            "call_" + identity.letters(f"call/{choice}/{number}", 24): f"CALL{choice}{number}"
            for choice in range(2)
            for number in range(2)
        },
        **{
            f'"obfuscation":"{mask}"': '"obfuscation":"MASK"'
            for choice in range(2)
            for mask in identity.hexadecimals(f"masks/{choice}", 8, 16)
        },
    }  # fmt: skip
    found = [frame.data.decode() for frame in frames(script, **data)]
    for value, name in known.items():
        found = [text.replace(value, name) for text in found]
    return found


def test_stream_with_usage() -> None:
    """The chunks of a captured stream (OpenAI, 2024-2026): order of keys, nulls and values."""
    common = '{"id":"ID","object":"chat.completion.chunk","created":TIME,"model":"gpt-4o",'
    plain = common + '"system_fingerprint":"FP","choices":['
    tail = '],"usage":null,"obfuscation":"MASK"}'
    assert texts(WHY, stream=True, stream_options={"include_usage": True}) == [
        common + '"service_tier":"default","system_fingerprint":"FP","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}' + tail,
        plain + '{"index":0,"delta":{"content":"Why"},"logprobs":null,"finish_reason":null}' + tail,
        plain + '{"index":0,"delta":{"content":" not"},"logprobs":null,"finish_reason":null}' + tail,
        plain + '{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null,"obfuscation":""}',
        plain + '],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}',
        "[DONE]",
    ]  # fmt: skip


def test_stream_of_tool_calls() -> None:
    """The first chunk of a call has id, type, name and empty arguments, the later ones pieces.

    Without usage no chunk has the key, and without obfuscation none has that.
    """
    common = '{"id":"ID","object":"chat.completion.chunk","created":TIME,"model":"gpt-4o",'
    plain = common + '"system_fingerprint":"FP","choices":[{"index":0,"delta":'
    null = ',"logprobs":null,"finish_reason":null}]}'
    assert texts(CALLS, stream=True, stream_options={"include_obfuscation": False}) == [
        common + '"service_tier":"default","system_fingerprint":"FP","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"CALL00","type":"function","function":{"name":"get_weather","arguments":""}}],"refusal":null}' + null,
        plain + '{"tool_calls":[{"index":0,"function":{"arguments":"{\\"ci"}}]}' + null,
        plain + '{"tool_calls":[{"index":0,"function":{"arguments":"ty\\":1}"}}]}' + null,
        plain + '{"tool_calls":[{"index":1,"id":"CALL01","type":"function","function":{"name":"get_time","arguments":""}}]}' + null,
        plain + '{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}' + null,
        plain + '{},"logprobs":null,"finish_reason":"tool_calls"}]}',
        "[DONE]",
    ]  # fmt: skip


def test_whole_text() -> None:
    """The completion that is not streamed, whole."""
    assert texts(WHY) == [
        '{"id":"ID","object":"chat.completion","created":TIME,"model":"gpt-4o",'
        '"choices":[{"index":0,"message":{"role":"assistant","content":"Why not",'
        '"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],'
        '"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,'
        '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},'
        '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
        '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},'
        '"service_tier":"default","system_fingerprint":"FP"}'
    ]


def test_whole_tool_calls() -> None:
    """Tool calls that are not streamed have whole arguments, and content is null."""
    (document,) = (json.loads(text.replace("TIME", "0")) for text in texts(CALLS))
    assert document["choices"] == [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "CALL00",
                        "type": "function",
                        "function": {"name": "get_weather", "arguments": '{"city":1}'},
                    },
                    {
                        "id": "CALL01",
                        "type": "function",
                        "function": {"name": "get_time", "arguments": "{}"},
                    },
                ],
                "refusal": None,
                "annotations": [],
            },
            "logprobs": None,
            "finish_reason": "tool_calls",
        }
    ]


HEADERS = (
    ("openai-organization", "user-mockllm"),
    ("openai-processing-ms", "34"),
    ("openai-version", "2020-10-01"),
    ("x-ratelimit-limit-requests", "30000"),
    ("x-ratelimit-limit-tokens", "150000000"),
    ("x-ratelimit-remaining-requests", "29999"),
    ("x-ratelimit-remaining-tokens", "149999979"),
    ("x-ratelimit-reset-requests", "2ms"),
    ("x-ratelimit-reset-tokens", "0s"),
    ("x-request-id", "req_ab016d7600343369a3308317322cb525"),
    ("server", "cloudflare"),
)


@pytest.mark.parametrize(
    ("stream", "first"),
    [
        (
            True,
            (
                ("date", AUTO),
                ("content-type", "text/event-stream; charset=utf-8"),
                ("transfer-encoding", "chunked"),
            ),
        ),
        (False, (("date", AUTO), ("content-type", "application/json"), ("content-length", AUTO))),
    ],
)
def test_heads(stream: bool, first: tuple[tuple[str, str], ...]) -> None:
    """The headers of OpenAI's captures, in their order; only the framing differs."""
    head = WIRE.answer(call(stream=stream), WHY, SETTING)[0]
    assert head == Head(200, (*first, *HEADERS))


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("count", [1, 3])
def test_usage_counts_the_pieces(name: str, count: int) -> None:
    """completion_tokens is the number of pieces that were streamed, over all choices."""
    script = NAMED[name].make(call(), Random(1))
    streamed = frames(script, stream=True, n=count, stream_options={"include_usage": True})
    usage = json.loads(streamed[-2].data)["usage"]
    assert usage["completion_tokens"] == sum(frame.tokens for frame in streamed)
    assert usage["completion_tokens"] == script.tokens * count
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    (whole,) = frames(script, n=count)
    assert json.loads(whole.data)["usage"] == usage
    assert whole.tokens == script.tokens * count


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("options", [None, {"include_usage": True}, {"include_obfuscation": False}])
def test_the_sdk_reads_the_stream(name: str, options: dict[str, bool] | None) -> None:
    """Every chunk is valid to OpenAI's types, and together they say the script."""
    script = NAMED[name].make(call(), Random(1))
    *chunks, done = frames(script, stream=True, stream_options=options)
    assert done == Frame(("done",), b"[DONE]")
    read = [ChatCompletionChunk.model_validate_json(frame.data, strict=True) for frame in chunks]
    deltas = [chunk.choices[0].delta for chunk in read if chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == script.text
    assert deltas[0].role == "assistant"
    arguments: dict[int, str] = {}
    for delta in deltas:
        for tool in delta.tool_calls or ():
            assert tool.function is not None
            arguments[tool.index] = arguments.get(tool.index, "") + (tool.function.arguments or "")
    assert list(arguments.values()) == ["".join(tool.arguments) for tool in script.tools]
    assert [c.choices[0].finish_reason for c in read if c.choices][-1] == script.finish
    assert len({(chunk.id, chunk.created, chunk.system_fingerprint) for chunk in read}) == 1


@pytest.mark.parametrize("name", list(NAMED))
def test_the_sdk_reads_the_document(name: str) -> None:
    """The whole completion is valid to OpenAI's types."""
    script = NAMED[name].make(call(), Random(1))
    (whole,) = frames(script, n=2)
    read = ChatCompletion.model_validate_json(whole.data, strict=True)
    assert [choice.index for choice in read.choices] == [0, 1]
    assert all((choice.message.content or "") == script.text for choice in read.choices)
    assert all(choice.finish_reason == script.finish for choice in read.choices)


def test_choices_take_turns() -> None:
    """With n the chunks of the choices alternate; only the first of all carries the tier."""
    read = [json.loads(frame.data) for frame in frames(WHY, stream=True, n=2)[:-1]]
    assert [chunk["choices"][0]["index"] for chunk in read] == [0, 1] * 4
    assert ["service_tier" in chunk for chunk in read] == [True] + [False] * 7
    tools = [json.loads(frame.data) for frame in frames(CALLS, stream=True, n=2)[:-1]]
    assert ["service_tier" in chunk for chunk in tools] == [True] + [False] * 11


def test_frames_know_what_they_carry() -> None:
    """Kinds, tool numbers and tokens of the frames, for selectors and for usage."""
    options = {"include_usage": True}
    assert [(f.kinds, f.part, f.tokens) for f in frames(WHY, stream=True, stream_options=options)] == [
        (("role",), 0, 0), (("content",), 0, 1), (("content",), 0, 1), (("finish",), 0, 0), (("usage",), 0, 0), (("done",), 0, 0),
    ]  # fmt: skip
    assert [(f.kinds, f.part, f.tokens) for f in frames(CALLS, stream=True)] == [
        (("role", "tool"), 1, 0), (("tool",), 1, 1), (("tool",), 1, 1), (("tool",), 2, 0), (("tool",), 2, 1), (("finish",), 0, 0), (("done",), 0, 0),
    ]  # fmt: skip


def test_a_script_of_nothing_and_one_of_both() -> None:
    """A script without parts opens and finishes; text before tools keeps the role in its place."""
    assert [f.kinds for f in frames(Script(()), stream=True)] == [("role",), ("finish",), ("done",)]
    both = Script((Text(("a",)), *CALLS.parts), "tool_calls")
    kinds = [frame.kinds for frame in frames(both, stream=True)]
    assert kinds[:3] == [("role",), ("content",), ("tool",)]
    (whole,) = (json.loads(frame.data) for frame in frames(both))
    assert whole["choices"][0]["message"]["content"] == "a"


def test_text_is_json_whatever_it_holds() -> None:
    """Quotes, controls, emoji and lone surrogates make valid JSON in UTF-8."""
    script = Script((Text(('"\n', "😀", "\ud800")),))
    found = [json.loads(f.data)["choices"][0]["delta"].get("content") for f in frames(script, stream=True)[1:4]]  # fmt: skip
    assert found == ['"\n', "😀", "?"]


def test_masks_differ_and_repeat() -> None:
    """Obfuscation changes from chunk to chunk, and begins anew after sixteen."""
    masks = [json.loads(f.data).get("obfuscation") for f in frames(NAMED["text60"].make(call(), Random(1)), stream=True)[1:61]]  # fmt: skip
    assert len(set(masks)) == 16
    assert masks[:16] == masks[16:32]


@pytest.mark.parametrize(
    ("messages", "tokens"),
    [
        ([], 3),
        ([{"role": "user", "content": "one two three"}], 10),
        ([{"role": "user"}], 7),
        ([{"role": "user", "content": None}, {"role": "user", "content": 5}], 11),
        ([{"role": "user", "content": [{"type": "text", "text": "a b"}, {"type": "image_url"}, 5]}], 9),
    ],
)  # fmt: skip
def test_prompt_tokens(messages: list[Any], tokens: int) -> None:
    """Prompt tokens are about those of all texts, four for a message and three for the reply."""
    (whole,) = frames(WHY, messages=messages)
    assert json.loads(whole.data)["usage"]["prompt_tokens"] == tokens


@pytest.mark.parametrize(
    ("data", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6, "max_tokens": 5}, 6),
        ({"max_tokens": "5"}, None),
    ],
)
def test_token_limit(data: dict[str, Any], limit: int | None) -> None:
    """The new name wins over the old one; what is no number limits nothing."""
    assert WIRE.token_limit(call(**data)) == limit


@pytest.mark.parametrize(
    ("data", "understood"),
    [
        ({"model": "a", "stream": True}, Understood("a", True)),
        ({"model": 5, "stream": "true"}, Understood(None, False)),
        ({}, Understood()),
    ],
)
def test_understand_never_refuses(data: dict[str, Any], understood: Understood) -> None:
    """Model and stream are read where they are what they should be."""
    assert WIRE.understand(Call("POST", PATH, data=data)) == understood


def test_delta_and_done() -> None:
    """A fault's delta is a chunk of the same completion; the final marker is [DONE]."""
    one = WIRE.delta(call(stream=True), {"content": "x"}, SETTING)
    assert one.kinds == ("extra",)
    document = json.loads(one.data)
    assert document["id"] == json.loads(frames(WHY, stream=True)[0].data)["id"]
    assert document["choices"][0]["delta"] == {"content": "x"}
    assert WIRE.done(call(), SETTING) == (Frame(("done",), b"[DONE]"),)
    assert WIRE.error_frame(call(), b"{}", SETTING) == Frame(("error",), b"{}")


def user(**fields: Any) -> list[Any]:
    """One message of a user."""
    return [{"role": "user", "content": "a", **fields}]


@pytest.mark.parametrize(
    ("data", "message", "param", "code"),
    [
        ({"model": None}, "you must provide a model parameter", None, None),
        ({"model": ""}, "you must provide a model parameter", None, None),
        ({"model": 5}, "you must provide a model parameter", None, None),
        ({"messages": None}, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
        ({"messages": "hi"}, "Invalid type for 'messages': expected an array of objects, but got a string instead.", "messages", "invalid_type"),
        ({"messages": []}, "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.", "messages", "empty_array"),
        ({"messages": [5]}, "Invalid type for 'messages[0]': expected an object, but got an integer instead.", "messages[0]", "invalid_type"),
        ({"messages": [*HI, {"content": "a"}]}, "Missing required parameter: 'messages[1].role'.", "messages[1].role", "missing_required_parameter"),
        (
            {"messages": user(role="robot")},
            "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
            "messages[0].role",
            "invalid_value",
        ),
        ({"stream": "yes"}, "Invalid type for 'stream': expected a boolean, but got a string instead.", "stream", "invalid_type"),
        ({"stream": 1}, "Invalid type for 'stream': expected a boolean, but got an integer instead.", "stream", "invalid_type"),
        ({"stream": True, "stream_options": []}, "Invalid type for 'stream_options': expected an object, but got an array instead.", "stream_options", "invalid_type"),
        ({"stream_options": {}}, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options", None),
        ({"n": True}, "Invalid type for 'n': expected an integer, but got a boolean instead.", "n", "invalid_type"),
        ({"n": 1.5}, "Invalid type for 'n': expected an integer, but got a decimal number instead.", "n", "invalid_type"),
        ({"n": {}}, "Invalid type for 'n': expected an integer, but got an object instead.", "n", "invalid_type"),
        ({"n": 0}, "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.", "n", "integer_below_min_value"),
        ({"n": 129}, "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead.", "n", "integer_above_max_value"),
        ({"max_tokens": 0}, "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.", "max_tokens", "integer_below_min_value"),
        ({"max_completion_tokens": "5"}, "Invalid type for 'max_completion_tokens': expected an integer, but got a string instead.", "max_completion_tokens", "invalid_type"),
    ],
)  # fmt: skip
def test_refusals(data: dict[str, Any], message: str, param: str | None, code: str | None) -> None:
    """What OpenAI refuses is refused with its 400, its message, parameter and code."""
    with pytest.raises(Refused) as refused:
        WIRE.check(call(**data), SETTING)
    spec = refused.value.spec
    assert (spec.status, spec.error_type) == (400, "invalid_request_error")
    assert (spec.message, spec.param, spec.code) == (message, param, code)
    assert str(refused.value) == message


def test_a_body_that_is_no_json() -> None:
    """The reason why the body is no JSON stands in OpenAI's sentence."""
    with pytest.raises(Refused) as refused:
        WIRE.check(Call("POST", "/v1/chat/completions", problem="it is empty"), SETTING)
    assert refused.value.spec.message == (
        "We could not parse the JSON body of your request. (HINT: This likely means you aren't "
        "using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was "
        "sent was not valid JSON: it is empty.)"
    )


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"stream": None, "stream_options": None, "n": None, "max_tokens": None},
        {"stream": True, "stream_options": {"include_usage": True}},
        {"n": 128, "max_tokens": 10**9},
        {"temperature": 9, "unknown": []},
        {"messages": [{"role": role} for role in ("system", "assistant", "user", "function", "tool", "developer")]},
    ],
)  # fmt: skip
def test_what_is_accepted(data: dict[str, Any]) -> None:
    """A request in order passes, and parameters that change nothing here are not looked at."""
    WIRE.check(call(**data), SETTING)


THOUGHT = Script((Text(("Hm", "."), "reasoning"), Text(("Why", " not"))))
DECLINED = Script((Text(("No", "."), "refusal"),))


def deltas(script: Script, **data: Any) -> list[tuple[tuple[str, ...], Any]]:
    """The kinds and deltas of a stream, without `[DONE]`."""
    *chunks, _ = frames(script, stream=True, **data)
    return [
        (frame.kinds, choice["delta"])
        for frame in chunks
        for choice in json.loads(frame.data)["choices"]
    ]


def test_reasoning_comes_before_the_answer() -> None:
    """What is thought has frames and a field of its own, in the stream and in the document."""
    assert deltas(THOUGHT) == [
        (("role",), {"role": "assistant", "content": "", "refusal": None}),
        (("reasoning",), {"reasoning_content": "Hm"}),
        (("reasoning",), {"reasoning_content": "."}),
        (("content",), {"content": "Why"}),
        (("content",), {"content": " not"}),
        (("finish",), {}),
    ]
    document = json.loads(frames(THOUGHT)[0].data)
    message = document["choices"][0]["message"]
    assert (message["reasoning_content"], message["content"]) == ("Hm.", "Why not")
    assert document["usage"]["completion_tokens"] == 4
    assert document["usage"]["completion_tokens_details"]["reasoning_tokens"] == 2


def test_a_refusal_is_no_answer() -> None:
    """A refusal streams as such; in the document the content is null."""
    assert deltas(DECLINED)[1:] == [
        (("refusal",), {"refusal": "No"}),
        (("refusal",), {"refusal": "."}),
        (("finish",), {}),
    ]
    choice = json.loads(frames(DECLINED)[0].data)["choices"][0]
    assert (choice["message"]["refusal"], choice["message"]["content"]) == ("No.", None)
    assert choice["finish_reason"] == "stop"


def test_usage_can_be_overridden() -> None:
    """Other values replace parts of the usage, null is one of them; or there is none."""
    other = replace(
        WHY,
        usage={"completion_tokens": 0, "total_tokens": None, "x": {"y": 1},
               "completion_tokens_details": {"reasoning_tokens": 7}},
    )  # fmt: skip
    usage = json.loads(frames(other)[0].data)["usage"]
    assert (usage["completion_tokens"], usage["total_tokens"], usage["x"]) == (0, None, {"y": 1})
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 7
    assert usage["completion_tokens_details"]["audio_tokens"] == 0
    assert usage["prompt_tokens"] > 0
    streamed = frames(other, stream=True, stream_options={"include_usage": True})
    assert json.loads(streamed[-2].data)["usage"] == usage
    absent = replace(WHY, has_usage=False)
    assert "usage" not in json.loads(frames(absent)[0].data)
    kinds = [
        frame.kinds for frame in frames(absent, stream=True, stream_options={"include_usage": True})
    ]
    assert ("usage",) not in kinds


@pytest.mark.parametrize("count", [0, 1, 3])
def test_choices_can_be_overridden(count: int) -> None:
    """A script may give more or fewer choices than were asked for, also none."""
    script = replace(WHY, choices=count)
    document = json.loads(frames(script, n=2)[0].data)
    assert len(document["choices"]) == count
    assert document["usage"]["completion_tokens"] == 2 * count
    kinds = [frame.kinds for frame in frames(script, n=2, stream=True)]
    assert kinds.count(("content",)) == 2 * count
    assert kinds[-1] == ("done",)


def test_logprobs_of_a_stream() -> None:
    """The role has empty lists, each piece its own entry, the last chunk null."""
    *chunks, _ = frames(THOUGHT, stream=True, logprobs=True)
    found = [json.loads(frame.data)["choices"][0]["logprobs"] for frame in chunks]
    assert found[0] == {"content": [], "refusal": None}
    assert found[1:3] == [None, None]
    assert [one["content"][0]["token"] for one in found[3:5]] == ["Why", " not"]
    assert found[4]["content"][0]["bytes"] == [32, 110, 111, 116]
    assert found[4]["content"][0]["top_logprobs"] == []
    assert found[4]["content"][0]["logprob"] <= 0
    assert found[4]["refusal"] is None
    assert found[5] is None


@pytest.mark.parametrize("script", [THOUGHT, DECLINED, WHY, CALLS])
@pytest.mark.parametrize("top", [None, 0, 5])
def test_the_sdk_reads_logprobs(script: Script, top: int | None) -> None:
    """They are valid to OpenAI's types; alternatives are as many as were asked for."""
    options = {"logprobs": True, "top_logprobs": top}
    document = ChatCompletion.model_validate_json(frames(script, **options)[0].data, strict=True)
    found = document.choices[0].logprobs
    texts = [part for part in script.parts if isinstance(part, Text) and part.kind != "reasoning"]
    tokens = ((found.content or []) + (found.refusal or [])) if found else []
    assert [token.token for token in tokens] == [piece for part in texts for piece in part.pieces]
    assert all(len(token.top_logprobs) == (top or 0) for token in tokens)
    assert all(
        sorted(token.top_logprobs, key=lambda one: -one.logprob) == token.top_logprobs
        for token in tokens
    )
    *chunks, _ = frames(script, stream=True, **options)
    for frame in chunks:
        ChatCompletionChunk.model_validate_json(frame.data, strict=True)
