"""Text completions: prompts, choices, chunks, probabilities and refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from openai.types import Completion

from mockllm.matchers.call import Call
from mockllm.scripts.named import NAMED
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import End, Frame, Head
from mockllm.wires.identity import Identity
from mockllm.wires.openai_completions import OpenAICompletions, Prompt, prompts
from mockllm.wires.wire import Refused, Setting

WIRE = OpenAICompletions()
SETTING = Setting(Identity("key"), ("gpt-3.5-turbo-instruct",))
WHY = Script((Text(("Why", " not")),))


def call(**data: Any) -> Call:
    """A call as the engine would read it."""
    raw = Call("POST", "/v1/completions", data={"model": "m", "prompt": "Say it", **data})
    understood = WIRE.understand(raw)
    return replace(raw, model=understood.model, stream=understood.stream)


def frames(script: Script = WHY, **data: Any) -> list[Frame]:
    """The frames of an answer."""
    head, *rest, end = WIRE.answer(call(**data), script, SETTING)
    assert isinstance(head, Head)
    assert end == End()
    return [one for one in rest if isinstance(one, Frame)]


def document(script: Script = WHY, **data: Any) -> Any:
    """The whole completion."""
    (frame,) = frames(script, **data)
    return json.loads(frame.data)


def texts(**data: Any) -> list[str]:
    """The texts of the choices."""
    return [choice["text"] for choice in document(**data)["choices"]]


def shown(text: str) -> str:
    """An extract of OpenAI's reference with the names of this test."""
    identity = SETTING.identity
    known = {
        "ID": "cmpl-" + identity.letters("completion", 29),
        "FP": "fp_" + identity.hexadecimal("fingerprint", 10),
        "TIME": str(identity.created),
    }
    for name, value in known.items():
        text = text.replace(name, value)
    return text


def test_document() -> None:
    """The form of OpenAI's reference: order of keys, compact."""
    (frame,) = frames()
    assert frame.data.decode() == shown(
        '{"id":"ID","object":"text_completion","created":TIME,"model":"m","system_fingerprint":"FP","choices":[{"text":"Why not","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}}'
    )  # fmt: skip
    assert (frame.kinds, frame.tokens) == (("body",), 2)


def test_stream() -> None:
    """A chunk for each piece, one for the finish, the usage if it is wanted, and `[DONE]`."""
    common = '{"id":"ID","object":"text_completion","created":TIME,"choices":['
    tail = '],"model":"m","system_fingerprint":"FP"'
    found = frames(stream=True, stream_options={"include_usage": True})
    assert [frame.data.decode() for frame in found] == [
        shown(common + '{"text":"Why","index":0,"logprobs":null,"finish_reason":null}' + tail + ',"usage":null}'),
        shown(common + '{"text":" not","index":0,"logprobs":null,"finish_reason":null}' + tail + ',"usage":null}'),
        shown(common + '{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}' + tail + ',"usage":null}'),
        shown(common + tail + ',"usage":{"prompt_tokens":2,"completion_tokens":2,"total_tokens":4}}'),
        "[DONE]",
    ]  # fmt: skip
    assert [(frame.kinds, frame.tokens) for frame in found] == [
        (("content",), 1), (("content",), 1), (("finish",), 0), (("usage",), 0), (("done",), 0),
    ]  # fmt: skip
    assert b"usage" not in frames(stream=True)[0].data


def test_each_prompt_has_its_choices_in_order() -> None:
    """The choices of the first prompt come first; `n` and the script say how many there are."""
    found = document(prompt=["a", "b"], n=2, echo=True)
    assert [choice["index"] for choice in found["choices"]] == [0, 1, 2, 3]
    assert texts(prompt=["a", "b"], n=2, echo=True) == ["aWhy not", "aWhy not", "bWhy not", "bWhy not"]  # fmt: skip
    assert found["usage"] == {"prompt_tokens": 2, "completion_tokens": 8, "total_tokens": 10}
    assert len(document(replace(WHY, choices=3), prompt=["a", "b"])["choices"]) == 6
    streamed = [json.loads(one.data) for one in frames(prompt=["a", "b"], stream=True)[:-1]]
    assert [one["choices"][0]["index"] for one in streamed] == [0, 1, 0, 1, 0, 1]


def test_echo() -> None:
    """The prompt stands before the answer, also where nothing is answered; tokens cannot."""
    assert texts(echo=True) == ["Say itWhy not"]
    assert texts(prompt=[1, 2], echo=True) == ["Why not"]
    streamed = [json.loads(one.data)["choices"][0]["text"] for one in frames(echo=True, stream=True)[:-1]]  # fmt: skip
    assert streamed == ["Say itWhy", " not", ""]
    empty = [json.loads(one.data)["choices"][0] for one in frames(Script(()), echo=True, stream=True)[:-1]]  # fmt: skip
    assert [(one["text"], one["finish_reason"]) for one in empty] == [("Say it", "stop")]


def test_best_of_is_paid_for() -> None:
    """All candidates count as tokens; one is shown."""
    found = document(best_of=3)
    assert len(found["choices"]) == 1
    assert found["usage"]["completion_tokens"] == 6


def test_what_a_text_completion_lacks() -> None:
    """No reasoning, no tools; a refusal is text, and the finish is one that the API has."""
    thought = Script((Text(("Hm",), "reasoning"), Text(("No",), "refusal")))
    assert document(thought)["choices"][0]["text"] == "No"
    tools = document(Script((ToolCall("f", ("{}",)),), "tool_calls"))["choices"][0]
    assert (tools["text"], tools["finish_reason"]) == ("", "stop")
    assert "usage" not in document(replace(WHY, has_usage=False))


def test_logprobs() -> None:
    """Tokens, probabilities, alternatives and places; without alternatives null is there."""
    found = document(logprobs=2, echo=True)["choices"][0]["logprobs"]
    assert list(found) == ["tokens", "token_logprobs", "top_logprobs", "text_offset"]
    assert found["tokens"] == ["Why", " not"]
    assert found["text_offset"] == [6, 9]
    assert all(chance <= 0 for chance in found["token_logprobs"])
    assert [len(one) for one in found["top_logprobs"]] == [2, 2]
    assert document(logprobs=0)["choices"][0]["logprobs"]["top_logprobs"] is None
    streamed = [json.loads(one.data)["choices"][0]["logprobs"] for one in frames(logprobs=1, stream=True)[:-1]]  # fmt: skip
    assert [one and one["text_offset"] for one in streamed] == [[0], [3], None]


@pytest.mark.parametrize("name", ["text60", "cjk60", "refusal60"])
def test_the_sdk_reads_it(name: str) -> None:
    """The whole completion is valid to OpenAI's types."""
    script = NAMED[name].make(call(), Random(1))
    (frame,) = frames(script, n=2, logprobs=3, prompt=[[1, 2], [3]])
    read = Completion.model_validate_json(frame.data, strict=True)
    assert len(read.choices) == 4


@pytest.mark.parametrize(
    ("data", "limit"), [({}, 16), ({"max_tokens": 5}, 5), ({"max_tokens": 0}, 0), ({"max_tokens": None}, 16)]
)  # fmt: skip
def test_token_limit(data: dict[str, Any], limit: int) -> None:
    """Without a word there are 16 tokens at most."""
    assert WIRE.token_limit(call(**data)) == limit


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("a", ["a"]),
        ("", [""]),
        (None, [""]),
        (["a", "b"], ["a", "b"]),
        ([1, 2], [[1, 2]]),
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([], None),
        ([True], None),
        ([-1], None),
        (["a", 1], None),
        ([[]], None),
        ([[1], "a"], None),
        ({}, None),
        (5, None),
    ],
)
def test_prompts(prompt: Any, expected: list[Prompt] | None) -> None:
    """A text, tokens, or several of either."""
    assert prompts({"prompt": prompt}) == expected


def test_no_prompt_is_an_empty_one() -> None:
    """The prompt may be missing."""
    assert prompts({}) == [""]


def test_prompt_tokens() -> None:
    """Texts are counted, tokens are as many as they are."""
    assert WIRE.prompt_tokens(call(prompt=["one two", "three"])) == 3
    assert WIRE.prompt_tokens(call(prompt=[[1, 2], [3]])) == 3


@pytest.mark.parametrize(
    ("data", "message", "param"),
    [
        ({"model": None}, "you must provide a model parameter", None),
        ({"prompt": {}}, "'$.prompt' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference.", None),
        ({"n": 0}, "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.", "n"),
        ({"best_of": 21}, "Invalid 'best_of': integer above maximum value. Expected a value <= 20, but got 21 instead.", "best_of"),
        ({"logprobs": 6}, "Invalid 'logprobs': integer above maximum value. Expected a value <= 5, but got 6 instead.", "logprobs"),
        ({"logprobs": True}, "Invalid type for 'logprobs': expected an integer, but got a boolean instead.", "logprobs"),
        ({"max_tokens": -1}, "Invalid 'max_tokens': integer below minimum value. Expected a value >= 0, but got -1 instead.", "max_tokens"),
        ({"echo": "yes"}, "Invalid type for 'echo': expected a boolean, but got a string instead.", "echo"),
        ({"stream": 1}, "Invalid type for 'stream': expected a boolean, but got an integer instead.", "stream"),
        ({"stream_options": {}}, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options"),
        ({"n": 3, "best_of": 2}, "You requested that the server return more choices than it will generate (HINT: You must set 'n' (currently 3) to be at most 'best_of' (currently 2), or omit either parameter if you don't specifically want to use them.)", None),
    ],
)  # fmt: skip
def test_refusals(data: dict[str, Any], message: str, param: str | None) -> None:
    """What OpenAI refuses is refused with its 400."""
    with pytest.raises(Refused) as refused:
        WIRE.check(call(**data), SETTING)
    spec = refused.value.spec
    assert (spec.status, spec.message, spec.param) == (400, message, param)


@pytest.mark.parametrize(
    "data", [{}, {"max_tokens": 0, "echo": True}, {"n": 2, "best_of": 2, "suffix": "x"}, {"n": None}]
)  # fmt: skip
def test_what_is_accepted(data: dict[str, Any]) -> None:
    """A request in order passes."""
    WIRE.check(call(**data), SETTING)


def test_what_the_user_says() -> None:
    """Matchers see the last prompt."""
    assert WIRE.understand(call(prompt=["a", "b"])).conversation.message == "b"
    assert WIRE.understand(call(prompt=[1])).conversation.message is None


def test_faults_frames() -> None:
    """A delta is a chunk whose choice has more fields."""
    frame = WIRE.delta(call(stream=True), {"text": "x"}, SETTING)
    assert json.loads(frame.data)["choices"][0]["text"] == "x"
    assert WIRE.done(call(), SETTING) == (Frame(("done",), b"[DONE]"),)
    assert WIRE.error_frame(call(), b"{}", SETTING) == Frame(("error",), b"{}")
