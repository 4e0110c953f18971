"""What a request to the Messages API says, and what is refused in it."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.matchers.call import Call, Conversation
from mockllm.wires.anthropic_request import check, conversation, prompt_tokens
from mockllm.wires.wire import Refused

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"name": "get_weather", "description": "…", "input_schema": SCHEMA}
USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "sunny"}


def user(content: Any) -> dict[str, Any]:
    """A message of the user."""
    return {"role": "user", "content": content}


def assistant(content: Any) -> dict[str, Any]:
    """A message of the model."""
    return {"role": "assistant", "content": content}


def text(words: str) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": words}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({}, Conversation()),
        ({"messages": "hi", "tools": 5, "tool_choice": "any"}, Conversation()),
        ({"messages": [5, user(None), user([7, {"type": "text"}])]}, Conversation()),
        ({"messages": [user("Hi")]}, Conversation("Hi")),
        ({"messages": [user("a"), assistant("b"), user([text("c"), text("d")])]}, Conversation("c\nd", 2)),
        ({"messages": [user("a"), assistant([USE]), user([RESULT])]}, Conversation("a", 2)),
        ({"messages": [user("a"), assistant([USE]), user([RESULT, text("b")])]}, Conversation("b", 2)),
        ({"tools": [WEATHER, {"type": "bash", "name": "bash"}, {}, 5]}, Conversation(tools={"get_weather": SCHEMA, "bash": {"type": "object", "properties": {}}})),
        ({"tools": [WEATHER], "tool_choice": {"type": "tool", "name": "get_weather"}}, Conversation(tools={"get_weather": SCHEMA}, tool="get_weather")),
        ({"tools": [WEATHER], "tool_choice": {"type": "any"}}, Conversation(tools={"get_weather": SCHEMA})),
        ({"tools": [WEATHER], "tool_choice": {"type": "none"}}, Conversation()),
        ({"tool_choice": {"type": "tool", "name": ["a"]}}, Conversation()),
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}}, Conversation(schema=SCHEMA)),
        ({"output_format": {"type": "json_schema", "schema": SCHEMA}}, Conversation(schema=SCHEMA)),
        ({"output_config": {"effort": "low"}}, Conversation()),
    ],
)  # fmt: skip
def test_conversation(data: dict[str, Any], said: Conversation) -> None:
    """What the user said last, the turn, tools and schema; nothing is refused here."""
    assert conversation(data) == said


def test_prompt_tokens() -> None:
    """System prompt, blocks of every kind and tools all count."""
    plain = Call("POST", "/", data={"messages": [user("Hi there")]})
    assert prompt_tokens(plain) == 9
    sizes = [
        prompt_tokens(Call("POST", "/", data={"messages": [user("Hi there")], **more}))
        for more in (
            {"system": "Be brief."},
            {"system": [text("Be brief.")]},
            {"tools": [WEATHER]},
            {"messages": [user("Hi there"), assistant([USE]), user([RESULT])]},
            {"messages": [assistant([{"type": "thinking", "thinking": "a b c d e f g"}])]},
        )
    ]
    assert sizes[0] == sizes[1]
    assert all(size > 9 for size in sizes)
    assert prompt_tokens(Call("POST", "/", data={"messages": 5})) == 4


def request(**data: Any) -> Call:
    """A request in order, with other fields; None takes one away."""
    found = {"model": "claude-x", "max_tokens": 9, "messages": [user("Hi")], **data}
    return Call("POST", "/v1/messages", data={k: v for k, v in found.items() if v is not None})


PAIR = [user("a"), assistant([text("b"), USE])]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"model": None}, "model: Field required"),
        ({"model": 5}, "model: Input should be a valid string"),
        ({"model": ""}, "model: String should have at least 1 character"),
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"max_tokens": "5"}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": True}, "max_tokens: Input should be a valid integer"),
        ({"max_tokens": -1}, "max_tokens: must be greater than or equal to 0"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": "hi"}, "messages: Input should be a valid list"),
        ({"messages": []}, "messages: at least one message is required"),
        ({"messages": [5]}, "messages.0: Input should be an object"),
        ({"messages": [{"content": "a"}]}, "messages.0.role: Field required"),
        ({"messages": [{"role": "system", "content": "a"}]}, 'messages: Unexpected role "system". The Messages API accepts a top-level `system` parameter, not "system" as an input message role.'),
        ({"messages": [user("a"), {"role": "tool", "content": "a"}]}, "messages.1.role: Input should be 'user' or 'assistant'"),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
        ({"messages": [user(5)]}, "messages.0.content: Input should be a valid list"),
        ({"messages": [user("")]}, "messages.0: all messages must have non-empty content except for the optional final assistant message"),
        ({"messages": [user([text("")])]}, "messages: text content blocks must be non-empty"),
        ({"stream": "yes"}, "stream: Input should be a valid boolean"),
        ({"tools": {}}, "tools: Input should be a valid list"),
        ({"messages": PAIR}, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."),
        ({"messages": [*PAIR, user("c")]}, "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: toolu_1. Each `tool_use` block must have a corresponding `tool_result` block in the next message."),
        ({"messages": [user("a"), assistant("b"), user([text("c"), RESULT])]}, "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: toolu_1. Each `tool_result` block must have a corresponding `tool_use` block in the previous message."),
    ],
)  # fmt: skip
def test_refusals(data: dict[str, Any], message: str) -> None:
    """What Anthropic refuses is refused with its 400, its type and its message."""
    with pytest.raises(Refused) as refused:
        check(request(**data))
    spec = refused.value.spec
    assert (spec.status, spec.error_type, spec.message) == (400, "invalid_request_error", message)


def test_a_body_that_is_no_json() -> None:
    """The reason why the body is no JSON stands in Anthropic's sentence."""
    with pytest.raises(Refused, match=r"^The request body is not valid JSON: it is empty$"):
        check(Call("POST", "/v1/messages", problem="it is empty"))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"max_tokens": 0, "stream": True, "tools": [WEATHER], "system": [text("a")]},
        {"messages": [user("a"), assistant("")]},
        {"messages": [user("a"), user("b"), assistant("c"), assistant("d")]},
        {"messages": [*PAIR, user([RESULT, text("c")])]},
        {"messages": [*PAIR, user("c"), user([RESULT])]},
        {"temperature": 9, "unknown": []},
    ],
)
def test_what_is_accepted(data: dict[str, Any]) -> None:
    """A request in order passes, and parameters that change nothing here are not looked at."""
    check(request(**data))


def test_the_limit_is_needed_only_where_tokens_are_made() -> None:
    """Counting tokens needs no `max_tokens`."""
    check(request(max_tokens=None), max_tokens=False)
