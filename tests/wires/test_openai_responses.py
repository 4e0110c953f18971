"""OpenAI's Responses API, byte by byte and as OpenAI's own types read it."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from openai.types.responses import Response

from mockllm.matchers.call import Call
from mockllm.scripts.named import NAMED
from mockllm.scripts.schema import SchemaSource
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import Frame, Head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_responses import OpenAIResponses
from mockllm.wires.wire import Refused, Understood
from tests.wires.responses import PATH, SETTING, call, document, events, frames, read_strictly

WIRE = OpenAIResponses()
WHY = Script((Text(("Why", " not")),))
CALLS = Script(
    (ToolCall("get_weather", ('{"ci', 'ty":1}')), ToolCall("get_time", ("{}",))), "tool_calls"
)
THOUGHT = Script((Text(("Hm", "."), "reasoning"), *WHY.parts))
DECLINED = Script((Text(("I", " can't"), "refusal"),))
OPENING = ["response.created", "response.in_progress"]
PLAIN = {"include_obfuscation": False}
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
JSON_TEXT = {"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}}


def script_named(name: str, made: Call) -> Script:
    """A script of the tests."""
    return NAMED[name].make(made, Random(1))


def texts(script: Script, **data: Any) -> list[str]:
    """The payloads, with the names that the identity gave in place of their values."""
    identity = SETTING.identity
    stem = f"{identity.hexadecimal('response', 16)}01{identity.created:08x}"
    known = {
        f"resp_{stem}{identity.hexadecimal('id', 24)}": "ID",
        **{
            f"{prefix}_{stem}{identity.hexadecimal(f'item/{number}', 24)}": f"{prefix.upper()}{number}"
            for prefix in ("msg", "fc", "rs")
            for number in range(2)
        },
        **{
            "call_" + identity.letters(f"call/{number}", 24): f"CALL{number}"
            for number in range(1, 3)
        },
        str(identity.created): "TIME",
        str(identity.created + 1): "LATER",
    }  # fmt: skip
    found = [frame.data.decode() for frame in frames(script, call(**data))]
    for value, name in known.items():
        found = [text.replace(value, name) for text in found]
    return found


COMMON = (
    '"frequency_penalty":0.0,"incomplete_details":null,"instructions":null,'
    '"max_output_tokens":null,"max_tool_calls":null,"model":"gpt-4o","output":'
)
MIDDLE = (
    ',"parallel_tool_calls":true,"presence_penalty":0.0,"previous_response_id":null,'
    '"prompt_cache_key":null,"prompt_cache_retention":null,'
    '"reasoning":{"effort":null,"summary":null},"safety_identifier":null,"service_tier":'
)
REST = (
    ',"store":true,"temperature":1.0,"text":{"format":{"type":"text"},"verbosity":"medium"},'
    '"tool_choice":"auto","tools":[],"top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":'
)
BEGUN = (
    '{"id":"ID","object":"response","created_at":TIME,"status":"in_progress","background":false,'
    f'"completed_at":null,"error":null,{COMMON}[]{MIDDLE}"auto"{REST}null,"user":null,'
    '"metadata":{}}'
)
ENDED = (
    '{"id":"ID","object":"response","created_at":TIME,"status":"completed","background":false,'
    f'"completed_at":LATER,"error":null,{COMMON}['
    '{"id":"MSG0","type":"message","status":"completed","content":[{"type":"output_text",'
    '"annotations":[],"logprobs":[],"text":"Why not"}],"role":"assistant"}'
    f']{MIDDLE}"default"{REST}'
    '{"input_tokens":9,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},'
    '"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":11},'
    '"user":null,"metadata":{}}'
)


def test_stream_of_a_text() -> None:
    """The events of a captured stream (OpenAI, 2026-01): order of events, keys and values."""
    where = '"item_id":"MSG0","logprobs":[],"output_index":0,"sequence_number":'
    assert texts(WHY, stream=True, stream_options=PLAIN) == [
        '{"type":"response.created","response":' + BEGUN + ',"sequence_number":0}',
        '{"type":"response.in_progress","response":' + BEGUN + ',"sequence_number":1}',
        '{"type":"response.output_item.added","item":{"id":"MSG0","type":"message","status":"in_progress","content":[],"role":"assistant"},"output_index":0,"sequence_number":2}',
        '{"type":"response.content_part.added","content_index":0,"item_id":"MSG0","output_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":""},"sequence_number":3}',
        '{"type":"response.output_text.delta","content_index":0,"delta":"Why",' + where + "4}",
        '{"type":"response.output_text.delta","content_index":0,"delta":" not",' + where + "5}",
        '{"type":"response.output_text.done","content_index":0,' + where + '6,"text":"Why not"}',
        '{"type":"response.content_part.done","content_index":0,"item_id":"MSG0","output_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"Why not"},"sequence_number":7}',
        '{"type":"response.output_item.done","item":{"id":"MSG0","type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Why not"}],"role":"assistant"},"output_index":0,"sequence_number":8}',
        '{"type":"response.completed","response":' + ENDED + ',"sequence_number":9}',
    ]  # fmt: skip


def test_whole_text() -> None:
    """The response that is not streamed is the one of the last event."""
    assert texts(WHY) == [ENDED]


def test_stream_of_tool_calls() -> None:
    """Each call is an item of its own: announced, in pieces of its arguments, whole, ended."""
    assert texts(CALLS, stream=True, stream_options=PLAIN)[2:-1] == [
        '{"type":"response.output_item.added","item":{"id":"FC0","type":"function_call","status":"in_progress","arguments":"","call_id":"CALL1","name":"get_weather"},"output_index":0,"sequence_number":2}',
        '{"type":"response.function_call_arguments.delta","delta":"{\\"ci","item_id":"FC0","output_index":0,"sequence_number":3}',
        '{"type":"response.function_call_arguments.delta","delta":"ty\\":1}","item_id":"FC0","output_index":0,"sequence_number":4}',
        '{"type":"response.function_call_arguments.done","arguments":"{\\"city\\":1}","item_id":"FC0","output_index":0,"sequence_number":5}',
        '{"type":"response.output_item.done","item":{"id":"FC0","type":"function_call","status":"completed","arguments":"{\\"city\\":1}","call_id":"CALL1","name":"get_weather"},"output_index":0,"sequence_number":6}',
        '{"type":"response.output_item.added","item":{"id":"FC1","type":"function_call","status":"in_progress","arguments":"","call_id":"CALL2","name":"get_time"},"output_index":1,"sequence_number":7}',
        '{"type":"response.function_call_arguments.delta","delta":"{}","item_id":"FC1","output_index":1,"sequence_number":8}',
        '{"type":"response.function_call_arguments.done","arguments":"{}","item_id":"FC1","output_index":1,"sequence_number":9}',
        '{"type":"response.output_item.done","item":{"id":"FC1","type":"function_call","status":"completed","arguments":"{}","call_id":"CALL2","name":"get_time"},"output_index":1,"sequence_number":10}',
    ]  # fmt: skip


def test_stream_of_reasoning() -> None:
    """Reasoning is an item before the message: a summary of one part."""
    where = '"item_id":"RS0","output_index":0,'
    assert texts(THOUGHT, stream=True, stream_options=PLAIN)[2:9] == [
        '{"type":"response.output_item.added","item":{"id":"RS0","type":"reasoning","summary":[]},"output_index":0,"sequence_number":2}',
        '{"type":"response.reasoning_summary_part.added",' + where + '"part":{"type":"summary_text","text":""},"sequence_number":3,"summary_index":0}',
        '{"type":"response.reasoning_summary_text.delta","delta":"Hm",' + where + '"sequence_number":4,"summary_index":0}',
        '{"type":"response.reasoning_summary_text.delta","delta":".",' + where + '"sequence_number":5,"summary_index":0}',
        '{"type":"response.reasoning_summary_text.done",' + where + '"sequence_number":6,"summary_index":0,"text":"Hm."}',
        '{"type":"response.reasoning_summary_part.done",' + where + '"part":{"type":"summary_text","text":"Hm."},"sequence_number":7,"summary_index":0}',
        '{"type":"response.output_item.done","item":{"id":"RS0","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]},"output_index":0,"sequence_number":8}',
    ]  # fmt: skip


def test_stream_of_a_refusal() -> None:
    """A refusal is a part of a message, with deltas of its own."""
    where = '"item_id":"MSG0","output_index":0,'
    assert texts(DECLINED, stream=True, stream_options=PLAIN)[3:8] == [
        '{"type":"response.content_part.added","content_index":0,' + where + '"part":{"type":"refusal","refusal":""},"sequence_number":3}',
        '{"type":"response.refusal.delta","content_index":0,"delta":"I",' + where + '"sequence_number":4}',
        '{"type":"response.refusal.delta","content_index":0,"delta":" can\'t",' + where + '"sequence_number":5}',
        '{"type":"response.refusal.done","content_index":0,' + where + '"refusal":"I can\'t","sequence_number":6}',
        '{"type":"response.content_part.done","content_index":0,' + where + '"part":{"type":"refusal","refusal":"I can\'t"},"sequence_number":7}',
    ]  # fmt: skip


@pytest.mark.parametrize("name", list(NAMED))
@pytest.mark.parametrize("options", [None, PLAIN])
def test_the_sdk_knows_every_event(name: str, options: dict[str, bool] | None) -> None:
    """Every event is valid to OpenAI's types, bears its type as name and its place as number."""
    made = call(stream=True, stream_options=options)
    script = script_named(name, made)
    found = frames(script, made)
    read = [read_strictly(frame.data) for frame in found]
    assert [event.type for event in read] == [frame.event for frame in found]
    assert [event.sequence_number for event in read] == list(range(len(read)))
    assert [event.type for event in read][:2] == OPENING
    assert read[-1].type == "response.completed"
    deltas = [event for event in read if event.type == "response.output_text.delta"]
    assert "".join(event.delta for event in deltas) == script.text == read[-1].response.output_text


@pytest.mark.parametrize("name", list(NAMED))
def test_the_sdk_reads_the_document(name: str) -> None:
    """The whole response is valid to OpenAI's types, and is the last event's."""
    script = script_named(name, call())
    (whole,) = frames(script, call())
    read = Response.model_validate_json(whole.data, strict=True)
    assert read.output_text == script.text
    assert json.loads(whole.data) == events(script)[-1]["response"]
    assert whole.tokens == script.tokens


def test_what_is_announced_is_what_ends() -> None:
    """Each item and each part that is opened is closed, in turn, and the output is the items."""
    opened: list[str] = []
    both = Script((*THOUGHT.parts, *DECLINED.parts, *CALLS.parts, *WHY.parts))
    found = events(both)
    for event in found:
        match event["type"].removeprefix("response.").rsplit(".", 1):
            case [what, "added"]:
                opened.append(what)
            case ["output_item" | "content_part" | "reasoning_summary_part" as what, "done"]:
                assert opened.pop() == what
    assert opened == []
    ended = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert found[-1]["response"]["output"] == ended
    assert [item["type"] for item in ended] == [
        "reasoning", "message", "function_call", "function_call", "message",
    ]  # fmt: skip
    assert [part["type"] for part in ended[1]["content"]] == ["output_text", "refusal"]
    assert len({item["id"] for item in ended}) == 5


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        (WHY, ["role", "", "", "", "content", "content", "", "", "", "finish usage"]),
        (CALLS, ["role", "", *["tool 1"] * 5, *["tool 2"] * 4, "finish usage"]),
        (THOUGHT, ["role", "", "", "", "reasoning", "reasoning", "", "", "", "", "", "content", "content", "", "", "", "finish usage"]),
        (DECLINED, ["role", "", "", "", "refusal", "refusal", "", "", "", "finish usage"]),
        (Script(()), ["role", "", "finish usage"]),
        (replace(WHY, has_usage=False), ["role", "", "", "", "content", "content", "", "", "", "finish"]),
    ],
)  # fmt: skip
def test_frames_know_what_they_carry(script: Script, kinds: list[str]) -> None:
    """One delta is one frame of its kind; what opens and closes has no kind of the language."""
    found = [
        " ".join(kind for kind in frame.kinds if kind != "item")
        + (f" {frame.part}" if frame.part else "")
        for frame in frames(script, call(stream=True))
    ]
    assert found == kinds
    tokens = sum(frame.tokens for frame in frames(script, call(stream=True)))
    assert tokens == script.tokens


def test_obfuscation_fills_deltas_up() -> None:
    """Each delta and its filling are a multiple of sixteen characters; nothing else has one."""
    script = Script((*THOUGHT.parts, Text(("x" * 16, "y" * 20), "refusal"), *CALLS.parts))
    for event in events(script):
        assert ("obfuscation" in event) == event["type"].endswith(".delta")
        if "obfuscation" in event:
            assert (len(event["delta"]) + len(event["obfuscation"])) % 16 == 0
            assert event["obfuscation"]
    assert not any("obfuscation" in event for event in events(script, stream_options=PLAIN))


@pytest.mark.parametrize(
    ("finish", "status", "reason", "item"),
    [
        ("stop", "completed", None, "completed"),
        ("tool_calls", "completed", None, "completed"),
        ("length", "incomplete", "max_output_tokens", "incomplete"),
        ("content_filter", "incomplete", "content_filter", "incomplete"),
        ("error", "failed", None, "completed"),
    ],
)
def test_the_finish_reason_decides_the_status(
    finish: str, status: str, reason: str | None, item: str
) -> None:
    """A response is completed, incomplete with a reason, or failed with an error."""
    script = replace(WHY, finish=finish)
    last = events(script)[-1]
    assert last["type"] == f"response.{status}"
    read_strictly(frames(script, call(stream=True))[-1].data)
    response = last["response"]
    assert response == document(script)
    assert response["status"] == status
    assert response["incomplete_details"] == ({"reason": reason} if reason else None)
    assert (response["error"] is not None) == (status == "failed")
    assert (response["completed_at"] is not None) == (status == "completed")
    assert response["output"][0]["status"] == item


def test_a_limit_of_tokens_cuts() -> None:
    """`max_output_tokens` limits a script, and the response says so."""
    made = call(max_output_tokens=20)
    assert WIRE.token_limit(made) == 20
    assert WIRE.token_limit(call(max_output_tokens="20")) is None
    limited = script_named("text60", made).limited(WIRE.token_limit(made))
    response = document(limited, max_output_tokens=20)
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["max_output_tokens"] == 20
    assert response["usage"]["output_tokens"] == 20
    assert response["output"][0]["content"][0]["text"].endswith("w20")


def test_usage() -> None:
    """Input about, output exactly; a script may say otherwise, or nothing."""
    usage = document(THOUGHT, instructions="one two three")["usage"]
    assert usage == {
        "input_tokens": 16,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 20,
    }
    assert WIRE.prompt_tokens(call(instructions="one two three")) == 16
    other = replace(THOUGHT, usage={"output_tokens": None, "input_tokens_details": {"x": 1}})
    found = document(other)["usage"]
    assert found["output_tokens"] is None
    assert found["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0, "x": 1}
    assert document(replace(WHY, has_usage=False))["usage"] is None


def test_encrypted_reasoning_comes_where_it_is_asked_for() -> None:
    """`include` brings the encrypted content into the item, the same everywhere."""
    found = events(THOUGHT, include=["reasoning.encrypted_content"])
    items = [event["item"] for event in found if "item" in event][:2]
    secrets = {item["encrypted_content"] for item in items}
    secrets.add(found[-1]["response"]["output"][0]["encrypted_content"])
    assert len(secrets) == 1
    for frame in frames(THOUGHT, call(stream=True, include=["reasoning.encrypted_content"])):
        read_strictly(frame.data)
    assert "encrypted_content" not in document(THOUGHT)["output"][0]


@pytest.mark.parametrize(
    "wish", [{"include": ["message.output_text.logprobs"]}, {"top_logprobs": 3}]
)
def test_logprobs(wish: dict[str, Any]) -> None:
    """Probabilities stand on each delta, on the text and in its part."""
    found = events(WHY, **wish)
    for frame in frames(WHY, call(stream=True, **wish)):
        read_strictly(frame.data)
    deltas = [event for event in found if event["type"] == "response.output_text.delta"]
    tokens = [token for event in deltas for token in event["logprobs"]]
    assert [token["token"] for token in tokens] == ["Why", " not"]
    assert all(len(token["top_logprobs"]) == wish.get("top_logprobs", 0) for token in tokens)
    assert found[6]["logprobs"] == tokens
    assert found[-1]["response"]["output"][0]["content"][0]["logprobs"] == tokens


def test_structured_output() -> None:
    """The schema in `text.format` is what a script has to follow, and is repeated."""
    made = call(text=JSON_TEXT)
    assert made.conversation.schema == SCHEMA
    script = SchemaSource.model_validate({"schema": "request"}).make(made, Random(1))
    response = document(script, text=JSON_TEXT)
    assert list(json.loads(response["output"][0]["content"][0]["text"])) == ["city"]
    assert response["text"] == {**JSON_TEXT, "verbosity": "medium"}
    for frame in frames(script, call(text=JSON_TEXT, stream=True)):
        read_strictly(frame.data)


def test_the_request_is_repeated() -> None:
    """What the client has set stands in the response; a function is strict unless it is not."""
    tool = {"type": "function", "name": "f", "parameters": SCHEMA}
    asked = {
        "instructions": "Be brief.",
        "metadata": {"a": "b"},
        "temperature": 0.5,
        "tool_choice": "required",
        "reasoning": {"effort": "low"},
        "store": False,
    }
    found = document(WHY, tools=[tool, {"type": "web_search"}], **asked)
    reasoning = {"effort": "low", "summary": None}
    assert {key: found[key] for key in asked} == {**asked, "reasoning": reasoning}
    full = {"type": "function", "description": None, "name": "f", "parameters": SCHEMA, "strict": True}  # fmt: skip
    assert found["tools"] == [full, {"type": "web_search"}]
    loose = document(WHY, tools=[{**tool, "strict": False}])
    assert loose["tools"][0]["strict"] is False


def test_ids_follow_the_identity() -> None:
    """Another identity, other ids; all ids of a response have one stem."""
    one, again = document(THOUGHT), document(THOUGHT)
    assert one == again
    setting = replace(SETTING, identity=Identity("other"))
    (frame,) = frames(THOUGHT, call(), setting)
    other = json.loads(frame.data)
    assert other["id"] != one["id"]
    ids = [one["id"], *(item["id"] for item in one["output"])]
    assert len({id.partition("_")[2][:26] for id in ids}) == 1
    assert {len(id.partition("_")[2]) for id in ids} == {50}


def test_heads() -> None:
    """Streams and documents have the headers of OpenAI."""
    streamed = WIRE.answer(call(stream=True), WHY, SETTING)[0]
    whole = WIRE.answer(call(), WHY, SETTING)[0]
    assert isinstance(streamed, Head)
    assert isinstance(whole, Head)
    assert streamed.get("content-type") == "text/event-stream; charset=utf-8"
    assert streamed.get("transfer-encoding") == "chunked"
    assert whole.get("content-type") == "application/json"
    assert whole.get("server") == "cloudflare"


def test_text_is_json_whatever_it_holds() -> None:
    """Quotes, controls, emoji, lone surrogates and the marks of a template make valid JSON."""
    pieces = ('"\n', "😀", "\ud800", "<delta>", "<filling>", '"sequence_number":0')
    found = [e["delta"] for e in events(Script((Text(pieces),))) if e["type"].endswith("text.delta")]  # fmt: skip
    assert found == ['"\n', "😀", "?", "<delta>", "<filling>", '"sequence_number":0']


ERROR = b'{"error":{"message":"m","type":"t","param":null,"code":"c"}}'


def test_an_error_is_an_event() -> None:
    """An error in OpenAI's form comes nested in the event, and `response.failed` repeats it."""
    setting = replace(SETTING, sent=9)
    frame = WIRE.error_frame(call(stream=True), ERROR, setting)
    text = '{"type":"error","error":{"type":"t","code":"c","message":"m","param":null},"sequence_number":9}'  # fmt: skip
    assert frame == Frame(("error",), text.encode(), "error")
    (failed,) = WIRE.failed(call(stream=True), ERROR, setting)
    assert (failed.kinds, failed.event) == (("finish",), "response.failed")
    read = json.loads(failed.data)
    assert read["sequence_number"] == 10
    assert read["response"]["error"] == {"code": "c", "message": "m"}
    assert (read["response"]["status"], read["response"]["output"]) == ("failed", [])
    assert read["response"]["id"] == document(WHY)["id"]


@pytest.mark.parametrize(
    "document", [b"no healthy upstream", b'{"error":"text"}', b'{"detail":"x"}', b"[]"]
)
def test_an_error_of_another_server_stays_as_it_is(document: bytes) -> None:
    """What is not of OpenAI's form has no name, and nothing follows it."""
    assert WIRE.error_frame(call(stream=True), document, SETTING) == Frame(("error",), document)
    assert WIRE.failed(call(stream=True), document, SETTING) == ()


def test_errors_can_be_put_into_any_answer() -> None:
    """Also behind the refusal of a request whose parts have the wrong types."""
    odd = call(reasoning=1, text="x", tools=5, include=7, stream_options=[], metadata=3, input=4)
    (failed,) = WIRE.failed(odd, ERROR, SETTING)
    assert json.loads(failed.data)["response"]["status"] == "failed"


@pytest.mark.parametrize(
    ("delta", "event", "more"),
    [
        ({"content": "x"}, "response.output_text.delta", {"delta": "x", "content_index": 0}),
        ({"reasoning_content": "x"}, "response.reasoning_summary_text.delta", {"delta": "x"}),
        ({"refusal": "x"}, "response.refusal.delta", {"delta": "x"}),
        ({"delta": "x", "output_index": 7}, "response.output_text.delta", {"output_index": 7}),
    ],
)
def test_delta(delta: dict[str, Any], event: str, more: dict[str, Any]) -> None:
    """A delta of a chat becomes the event that says the same; any other lies over one."""
    frame = WIRE.delta(call(stream=True), delta, replace(SETTING, sent=5))
    assert (frame.kinds, frame.event) == (("extra",), event)
    read_strictly(frame.data)
    read = json.loads(frame.data)
    assert read["sequence_number"] == 5
    assert {key: read[key] for key in more} == more


def test_no_marker_ends_the_stream() -> None:
    """There is no `[DONE]`."""
    assert WIRE.done(call(stream=True), SETTING) == ()


@pytest.mark.parametrize(
    ("data", "understood"),
    [
        ({"model": "a", "stream": True}, ("a", True)),
        ({"model": 5, "stream": "true", "input": 3, "tools": 4, "text": 5}, (None, False)),
        ({}, (None, False)),
    ],
)
def test_understand_never_refuses(data: dict[str, Any], understood: tuple[Any, ...]) -> None:
    """Model and stream are read where they are what they should be."""
    found = WIRE.understand(Call("POST", PATH, data=data))
    assert isinstance(found, Understood)
    assert (found.model, found.stream) == understood


@pytest.mark.parametrize(
    ("data", "message", "param", "code"),
    [
        ({"model": None}, "Missing required parameter: 'model'.", "model", "missing_required_parameter"),
        ({"model": 3}, "Invalid type for 'model': expected a string, but got an integer instead.", "model", "invalid_type"),
        ({"input": None}, "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.", "input", "missing_required_parameter"),
        ({"input": []}, "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.", "input", "missing_required_parameter"),
        ({"input": {}}, "Invalid type for 'input': expected one of a string or array of input items, but got an object instead.", "input", "invalid_type"),
        ({"input": ["x"]}, "Invalid type for 'input[0]': expected an input item, but got a string instead.", "input[0]", "invalid_type"),
        ({"input": [None]}, "Invalid type for 'input[0]': expected an input item, but got null instead.", "input[0]", "invalid_type"),
        ({"input": [{"type": ["x"]}]}, "Invalid type for 'input[0].type': expected a string, but got an array instead.", "input[0].type", "invalid_type"),
        ({"input": [{"content": "x"}]}, "Missing required parameter: 'input[0].role'.", "input[0].role", "missing_required_parameter"),
        ({"input": [{"role": "x", "content": "x"}]}, "Invalid value: 'x'. Supported values are: 'assistant', 'system', 'developer', and 'user'.", "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "Missing required parameter: 'input[0].content'.", "input[0].content", "missing_required_parameter"),
        ({"max_output_tokens": 15}, "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got 15 instead.", "max_output_tokens", "integer_below_min_value"),
        ({"max_output_tokens": "16"}, "Invalid type for 'max_output_tokens': expected an integer, but got a string instead.", "max_output_tokens", "invalid_type"),
        ({"stream": "yes"}, "Invalid type for 'stream': expected a boolean, but got a string instead.", "stream", "invalid_type"),
        ({"text": []}, "Invalid type for 'text': expected an object, but got an array instead.", "text", "invalid_type"),
        ({"stream_options": {}}, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options", None),
        ({"background": True, "store": False}, "Background responses must be stored; 'store' is false.", "background", None),
        ({"previous_response_id": "resp_x"}, "Previous response with id 'resp_x' not found.", "previous_response_id", "previous_response_not_found"),
    ],
)  # fmt: skip
def test_what_is_refused(
    data: dict[str, Any], message: str, param: str | None, code: str | None
) -> None:
    """A request that is wrong gets the 400 of OpenAI."""
    with pytest.raises(Refused) as caught:
        WIRE.check(call(**data), SETTING)
    spec = caught.value.spec
    assert (spec.status, spec.error_type) == (400, "invalid_request_error")
    assert (spec.message, spec.param, spec.code) == (message, param, code)


def test_a_body_that_is_no_json_is_refused() -> None:
    """The message says why it is none."""
    with pytest.raises(Refused, match="not valid JSON: the body is empty"):
        WIRE.check(replace(call(), problem="the body is empty"), SETTING)


@pytest.mark.parametrize(
    "data",
    [
        {"input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]},
        {"input": [{"type": "item_reference", "id": "msg_1"}]},
        {"input": None, "prompt": {"id": "pmpt_1"}},
        {"max_output_tokens": 16, "stream": None},
    ],
)
def test_what_is_accepted(data: dict[str, Any]) -> None:
    """Items that are no messages, a prompt for an input, and null for what is not given."""
    WIRE.check(call(**data), SETTING)
