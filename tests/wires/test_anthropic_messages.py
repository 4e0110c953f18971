"""Anthropic's Messages API, byte by byte and as Anthropic's own types read it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from pydantic import TypeAdapter

from mockllm.engine.exchange import Here, WireExchange
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.scripts.named import NAMED
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import AUTO, End, Frame, Head
from mockllm.wires.anthropic_messages import AnthropicMessages
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.vllm_messages import VllmMessages
from mockllm.wires.wire import Refused, Setting, Understood

WIRE = AnthropicMessages()
VLLM = VllmMessages()
PATH = "/v1/messages"
SETTING = Setting(Identity("key"), ("claude-x",), DIALECTS["anthropic"])
IMITATED = Setting(Identity("key"), ("tiny",), DIALECTS["vllm"])
EVENT: TypeAdapter[RawMessageStreamEvent] = TypeAdapter(RawMessageStreamEvent)
HI = [{"role": "user", "content": "Hi there"}]
WHY = Script((Text(("Why", " not")),))
THOUGHT = Script((Text(("Hm", "."), "reasoning"), Text(("Why", " not"))))
DECLINED = Script((Text(("No", "."), "refusal"),))
CALLS = Script(
    (ToolCall("get_weather", ('{"ci', 'ty":1}')), ToolCall("get_time", ("{}",))), "tool_calls"
)


def call(**data: Any) -> Call:
    """A call as the engine would read it; None takes a field away."""
    data = {"model": "claude-x", "max_tokens": 99, "messages": HI, **data}
    data = {key: value for key, value in data.items() if value is not None}
    understood = WIRE.understand(Call("POST", PATH, data=data))
    return Call("POST", PATH, data=data, model=understood.model, stream=understood.stream)


def frames(
    script: Script, wire: AnthropicMessages = WIRE, setting: Setting = SETTING, **data: Any
) -> list[Frame]:
    """The frames of an answer."""
    answer = wire.answer(call(**data), script, setting)
    assert isinstance(answer[0], Head)
    assert answer[-1] == End()
    return [event for event in answer if isinstance(event, Frame)]


def stream(script: Script, **data: Any) -> list[tuple[tuple[str, ...], str | None, Any]]:
    """Kinds, names and documents of a stream's events."""
    found = frames(script, stream=True, **data)
    return [(frame.kinds, frame.event, json.loads(frame.data)) for frame in found]


def unpadded(texts: Sequence[bytes]) -> list[str]:
    """Payloads without the spaces before the last brace, which are at most 15."""
    found = []
    for text in texts:
        body = text.decode().removesuffix("}")
        assert len(body) - len(body.rstrip(" ")) < 16
        found.append(body.rstrip(" ") + "}")
    return found


ID = "msg_01" + SETTING.identity.letters("message", 22)


def test_a_stream_of_text() -> None:
    """The events of a captured stream (Anthropic, 2024-2026): order of keys, nulls and values."""
    found = frames(WHY, stream=True)
    assert [frame.event for frame in found] == [
        "message_start", "content_block_start", "ping", "content_block_delta",
        "content_block_delta", "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert found[2].data == b'{"type": "ping"}'
    assert unpadded([frame.data for frame in found if frame.event != "ping"]) == [
        '{"type":"message_start","message":{"id":"' + ID + '","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Why"}}',
        '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" not"}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}',
        '{"type":"message_stop"}',
    ]  # fmt: skip


def test_events_are_padded() -> None:
    """Different numbers of spaces stand before the last brace, the same ones in every run."""
    script = Script((Text(("a",) * 40),))
    sizes = {len(frame.data) for frame in frames(script, stream=True) if frame.kinds == ("content",)}  # fmt: skip
    assert len(sizes) > 4
    assert frames(script, stream=True) == frames(script, stream=True)


def test_what_selectors_find() -> None:
    """One delta is one frame of its kind; the rest has names that only `event` finds."""
    found = frames(THOUGHT, stream=True)
    assert [(frame.kinds, frame.tokens) for frame in found] == [
        (("role",), 0), (("start",), 0), (("ping",), 0),
        (("reasoning",), 1), (("reasoning",), 1), (("signature",), 0), (("stop",), 0),
        (("start",), 0), (("content",), 1), (("content",), 1), (("stop",), 0),
        (("usage", "finish"), 0), (("done",), 0),
    ]  # fmt: skip


def test_a_stream_of_thinking() -> None:
    """A block of thinking comes first, its last delta is the signature (a capture of 2025)."""
    events = [document for _, _, document in stream(THOUGHT)]
    signature = events[5]["delta"]["signature"]
    assert events[1]["content_block"] == {"type": "thinking", "thinking": "", "signature": ""}
    assert events[3]["delta"] == {"type": "thinking_delta", "thinking": "Hm"}
    assert events[5]["delta"] == {"type": "signature_delta", "signature": signature}
    assert len(signature) == 88
    assert (events[7]["index"], events[7]["content_block"]) == (1, {"type": "text", "text": ""})
    assert events[-2]["usage"] == {"output_tokens": 4}


def test_a_stream_of_tool_calls() -> None:
    """A block starts with an empty input, its first delta is empty (captures of 2024-2026)."""
    found = frames(CALLS, stream=True)
    events = [json.loads(frame.data) for frame in found]
    first, second = ("toolu_01" + SETTING.identity.letters(f"tool/{n}", 22) for n in (0, 1))
    assert events[1]["content_block"] == {"type": "tool_use", "id": first, "name": "get_weather", "input": {}}  # fmt: skip
    pieces = [one["delta"]["partial_json"] for one in events if one["type"] == "content_block_delta"]  # fmt: skip
    assert pieces == ["", '{"ci', 'ty":1}', "", "{}"]
    assert events[7]["content_block"]["id"] == second
    assert events[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert [(frame.kinds[0], frame.part) for frame in found] == [
        ("role", 0), ("tool", 1), ("ping", 0), ("tool", 1), ("tool", 1), ("tool", 1), ("stop", 0),
        ("tool", 2), ("tool", 2), ("tool", 2), ("stop", 0), ("usage", 0), ("done", 0),
    ]  # fmt: skip


def test_a_refusal() -> None:
    """What is refused is text that ends with a reason of its own."""
    events = stream(DECLINED)
    assert [kinds for kinds, _, _ in events].count(("refusal",)) == 2
    assert events[-2][2]["delta"]["stop_reason"] == "refusal"
    document = json.loads(frames(DECLINED)[0].data)
    assert document["content"] == [{"type": "text", "text": "No."}]
    assert document["stop_reason"] == "refusal"


def test_the_whole_document() -> None:
    """The message as one document: thoughts with their signature, text, tool calls, usage."""
    signature = SETTING.identity.letters("signature/0", 86) + "=="
    script = replace(THOUGHT, parts=(*THOUGHT.parts, CALLS.parts[0]), finish="tool_calls")
    tool = "toolu_01" + SETTING.identity.letters("tool/2", 22)
    (frame,) = frames(script)
    assert frame.data.decode() == (
        f'{{"id":"{ID}","type":"message","role":"assistant","model":"claude-x","content":['
        f'{{"type":"thinking","thinking":"Hm.","signature":"{signature}"}},'
        '{"type":"text","text":"Why not"},'
        f'{{"type":"tool_use","id":"{tool}","name":"get_weather","input":{{"city":1}}}}'
        '],"stop_reason":"tool_use","stop_sequence":null,'
        '"usage":{"input_tokens":9,"output_tokens":6}}'
    )
    assert (frame.kinds, frame.tokens) == (("body",), 6)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
        ("pause_turn", "pause_turn"),
    ],
)
def test_stop_reasons(finish: str, reason: str) -> None:
    """Finish reasons of scripts have Anthropic's words; its own are sent as they are."""
    script = replace(WHY, finish=finish)
    assert json.loads(frames(script)[0].data)["stop_reason"] == reason
    assert stream(script)[-2][2]["delta"]["stop_reason"] == reason


def test_the_stop_sequence_is_told() -> None:
    """The first of the client's sequences, if one of them ended the answer."""
    script = replace(WHY, finish="stop_sequence")
    document = json.loads(frames(script, stop_sequences=["END", "x"])[0].data)
    assert (document["stop_reason"], document["stop_sequence"]) == ("stop_sequence", "END")
    assert json.loads(frames(script)[0].data)["stop_sequence"] is None
    assert json.loads(frames(WHY, stop_sequences=["END"])[0].data)["stop_sequence"] is None


def test_usage_can_be_overridden() -> None:
    """Other values replace parts of the usage, in both events that have it; or there is none."""
    script = replace(WHY, usage={"output_tokens": 7, "cache_read_input_tokens": 3})
    assert json.loads(frames(script)[0].data)["usage"] == {
        "input_tokens": 9,
        "output_tokens": 7,
        "cache_read_input_tokens": 3,
    }
    events = [document for _, _, document in stream(script)]
    assert events[0]["message"]["usage"]["cache_read_input_tokens"] == 3
    assert events[-2]["usage"] == {"output_tokens": 7, "cache_read_input_tokens": 3}
    absent = replace(WHY, has_usage=False)
    assert "usage" not in json.loads(frames(absent)[0].data)
    assert "usage" not in stream(absent)[0][2]["message"]
    assert stream(absent)[-2][0] == ("finish",)


def test_an_answer_without_text_has_no_block() -> None:
    """Where a limit leaves nothing there is neither a block nor a ping."""
    nothing = WHY.limited(0)
    names = [name for _, name, _ in stream(nothing)]
    assert names == ["message_start", "message_delta", "message_stop"]
    document = json.loads(frames(nothing)[0].data)
    assert (document["content"], document["stop_reason"]) == ([], "max_tokens")


def test_arguments_that_are_no_json_stay_a_text() -> None:
    """A whole document cannot have broken JSON inside, so it has the text."""
    script = Script((ToolCall("f", ('{"a', '":')),), "tool_calls")
    assert json.loads(frames(script)[0].data)["content"][0]["input"] == '{"a":'


def test_heads() -> None:
    """Both heads tell of the request, the organization and the limits; a stream is not cached."""
    whole = WIRE.answer(call(), WHY, SETTING)[0]
    streamed = WIRE.answer(call(stream=True), WHY, SETTING)[0]
    assert isinstance(whole, Head)
    assert isinstance(streamed, Head)
    assert whole.get("request-id") == "req_01" + SETTING.identity.letters("request", 22)
    assert whole.get("anthropic-organization-id")
    assert whole.get("anthropic-ratelimit-requests-remaining") == "3999"
    reset = datetime.fromtimestamp(SETTING.identity.created, UTC).isoformat()
    assert whole.get("anthropic-ratelimit-input-tokens-reset") == reset.replace("+00:00", "Z")
    assert (whole.get("content-type"), whole.get("cache-control")) == ("application/json", None)
    assert whole.get("content-length") == AUTO
    assert streamed.get("content-type") == "text/event-stream; charset=utf-8"
    assert (streamed.get("cache-control"), streamed.get("transfer-encoding")) == ("no-cache", "chunked")  # fmt: skip


NAMES = [source.script(call(), Random(0)) for source in NAMED.values()]
SCRIPTS = [WHY, THOUGHT, DECLINED, CALLS, *NAMES]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_sdk_reads_it(script: Script) -> None:
    """Whole and streamed it is valid to Anthropic's types, without any conversion."""
    message = Message.model_validate_json(frames(script)[0].data, strict=True)
    assert message.usage.output_tokens == script.tokens
    found = frames(script, stream=True)
    events = [EVENT.validate_json(frame.data, strict=True) for frame in found if frame.event != "ping"]  # fmt: skip
    assert [event.type for event in events] == [
        frame.event for frame in found if frame.event != "ping"
    ]


def exchange(wire: AnthropicMessages, setting: Setting) -> WireExchange:
    """A call on the wire, as faults see it."""
    return WireExchange(call(stream=True), wire, setting, Here(), ("who",))


def test_an_error_ends_the_stream() -> None:
    """It is an event with the id of the request, and no `message_stop` follows it."""
    (frame,) = exchange(WIRE, SETTING).stream_error(ErrorSpec(), done=True)
    identity = "req_01" + SETTING.identity.letters("request", 22)
    assert isinstance(frame, Frame)
    assert (frame.kinds, frame.event) == (("error",), "error")
    assert frame.data.decode() == (
        '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},'
        f'"request_id":"{identity}"}}'
    )


def test_delta_and_done() -> None:
    """A fault's delta belongs to the first block; the last event is `message_stop`."""
    frame = WIRE.delta(call(stream=True), {"type": "text_delta", "text": "x"}, SETTING)
    assert (frame.kinds, frame.event) == (("extra",), "content_block_delta")
    assert json.loads(frame.data) == {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "x"},
    }
    (stop,) = WIRE.done(call(), SETTING)
    assert stop == frames(WHY, stream=True)[-1]


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "kserve"])
def test_errors_are_always_anthropics(dialect: str) -> None:
    """The form of an error belongs to the API, whatever else a profile imitates."""
    setting = replace(SETTING, dialect=DIALECTS[dialect])
    assert WIRE.shape(call(), setting) == "anthropic"


def test_understand_never_refuses() -> None:
    """Model, stream and conversation are read where they are what they should be."""
    assert WIRE.understand(Call("POST", PATH)) == Understood()
    understood = WIRE.understand(call(stream=True))
    assert (understood.model, understood.stream) == ("claude-x", True)
    assert understood.conversation.message == "Hi there"


def test_token_limit() -> None:
    """`max_tokens` limits the answer, if it is a number."""
    assert WIRE.token_limit(call(max_tokens=5)) == 5
    assert WIRE.token_limit(call(max_tokens="5")) is None


# vLLM


def test_claims() -> None:
    """One of the two serves the path: vLLM's where a profile imitates it."""
    for dialect, vllm in (("vllm", True), ("openai", False), ("anthropic", False), (None, False)):
        assert VLLM.claims(call(), dialect) is vllm
        assert WIRE.claims(call(), dialect) is not vllm


def test_the_stream_of_vllm() -> None:
    """A stream of vLLM 0.24.0 (observed), byte by byte."""
    script = Script((Text(("Hel", "lo", " wor", "ld")),))
    id = "chatcmpl-" + IMITATED.identity.hexadecimal("message", 16)
    found = frames(script, VLLM, IMITATED, model="tiny", stream=True)
    assert [frame.data.decode() for frame in found] == [
        '{"type":"message_start","message":{"id":"' + id + '","type":"message","role":"assistant","content":[],"model":"tiny","stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":0}}}',
        '{"type":"content_block_start","content_block":{"type":"text","text":""},"index":0}',
        '{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hel"},"index":0}',
        '{"type":"content_block_delta","delta":{"type":"text_delta","text":"lo"},"index":0}',
        '{"type":"content_block_delta","delta":{"type":"text_delta","text":" wor"},"index":0}',
        '{"type":"content_block_delta","delta":{"type":"text_delta","text":"ld"},"index":0}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":9,"output_tokens":4}}',
        '{"type":"message_stop"}',
    ]  # fmt: skip


def test_thinking_and_tools_of_vllm() -> None:
    """A thought starts without a signature, arguments without an empty delta (its source)."""
    events = [json.loads(f.data) for f in frames(THOUGHT, VLLM, IMITATED, stream=True)]
    assert events[1]["content_block"] == {"type": "thinking", "thinking": ""}
    assert len(events[4]["delta"]["signature"]) == 32
    events = [json.loads(f.data) for f in frames(CALLS, VLLM, IMITATED, stream=True)]
    deltas = [one["delta"] for one in events if one["type"] == "content_block_delta"]
    assert [delta["partial_json"] for delta in deltas] == ['{"ci', 'ty":1}', "{}"]
    assert json.loads(frames(DECLINED, VLLM, IMITATED)[0].data)["stop_reason"] == "end_turn"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_sdk_reads_vllm(script: Script) -> None:
    """A whole message of vLLM, which leaves out what is null, is valid to Anthropic's types."""
    document = frames(script, VLLM, IMITATED)[0].data
    message = Message.model_validate_json(document, strict=True)
    assert message.usage.output_tokens == script.tokens
    assert "stop_sequence" not in json.loads(document)


def test_the_head_of_vllm() -> None:
    """Nothing of Anthropic's is in it (vLLM 0.24.0, observed)."""
    head = VLLM.answer(call(stream=True), WHY, IMITATED)[0]
    assert isinstance(head, Head)
    assert [name for name, _ in head.headers] == [
        "date", "server", "content-type", "vary", "transfer-encoding",
    ]  # fmt: skip


def test_an_error_in_a_stream_of_vllm() -> None:
    """The text of the engine's error is lost, and the stream ends (vLLM 0.24.0, observed)."""
    (frame,) = exchange(VLLM, IMITATED).stream_error(ErrorSpec(), done=True)
    assert isinstance(frame, Frame)
    document = json.loads(frame.data)
    assert (frame.event, document["type"]) == ("error", "error")
    assert document["error"]["type"] == "internal_error"
    assert document["error"]["message"].startswith("2 validation errors for ChatCompletionStream")
    assert "request_id" not in document


def test_what_vllm_refuses() -> None:
    """A request without a field gets pydantic's words in OpenAI's form."""
    with pytest.raises(Refused) as refused:
        VLLM.check(call(max_tokens=None), IMITATED)
    spec = refused.value.spec
    assert (spec.status, spec.shape, spec.param) == (400, "vllm", "body.max_tokens")
    VLLM.check(call(temperature="hot"), IMITATED)
    with pytest.raises(Refused) as refused:
        VLLM.check(call(max_tokens=10**6), IMITATED)
    assert (refused.value.spec.shape, refused.value.spec.error_type) == ("vllm-messages", "BadRequestError")  # fmt: skip
