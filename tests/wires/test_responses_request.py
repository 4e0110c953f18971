"""What is read from a request of the Responses API."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.engine.store import Documents
from mockllm.matchers.call import Conversation
from mockllm.scripts.script import Script, Text
from mockllm.wires.chat_request import ANY_OBJECT, NO_ARGUMENTS
from mockllm.wires.responses_request import conversation, input_tokens, turn_of
from tests.wires.responses import call, created

USER = {"role": "user", "content": "Hi"}
SAID = {"role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
CALL = {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "ok"}
TOOL = {"type": "function", "name": "f", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Conversation()),
        ({"input": "Hi"}, Conversation("Hi")),
        ({"input": 5, "tools": 5, "text": 5, "tool_choice": 5}, Conversation()),
        ({"input": [USER, {"role": "user", "content": [{"type": "input_text", "text": "a"}, {"type": "input_image"}, {"type": "input_text", "text": "b"}]}]}, Conversation("a\nb")),
        ({"input": [USER, SAID, USER]}, Conversation("Hi", 2)),
        ({"input": [USER, {"type": "reasoning", "summary": []}, CALL, CALL, RESULT, RESULT]}, Conversation("Hi", 2)),
        ({"input": [USER, CALL, RESULT, SAID, USER]}, Conversation("Hi", 3)),
        ({"input": [RESULT]}, Conversation(None, 1)),
        ({"tools": [TOOL, {"type": "function", "name": "g"}, {"type": "web_search"}, 5]}, Conversation(tools={"f": {"type": "object"}, "g": NO_ARGUMENTS})),
        ({"tools": [TOOL], "tool_choice": "none"}, Conversation()),
        ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "f"}}, Conversation(tools={"f": {"type": "object"}}, tool="f")),
        ({"text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "array"}}}}, Conversation(schema={"type": "array"})),
        ({"text": {"format": {"type": "json_object"}}}, Conversation(schema=ANY_OBJECT)),
        ({"text": {"format": {"type": "text"}}}, Conversation()),
    ],
)  # fmt: skip
def test_conversation(data: dict[str, Any], expected: Conversation) -> None:
    """Message, turn, tools and schema; what a model has said in a row is one turn."""
    assert conversation(data) == expected


def test_the_turn_goes_on_from_a_previous_response() -> None:
    """Each id tells the turn that it was, so that the next request is one turn later."""
    store, script = Documents(), Script((Text(("a",)),))
    first = created(script, store)
    second = created(script, store, key="two", previous_response_id=first)
    assert (turn_of(first), turn_of(second)) == (1, 2)
    assert call(previous_response_id=second).conversation.turn == 3
    assert call(previous_response_id=second, input=[SAID, USER]).conversation.turn == 4
    assert call(previous_response_id="resp_of_another_server").conversation.turn == 1


def test_a_long_conversation_has_ids_too() -> None:
    """Beyond turn 255 the id says 255."""
    history = [USER, SAID] * 300
    id = created(Script((Text(("a",)),)), Documents(), input=[*history, USER])
    assert turn_of(id) == 255


@pytest.mark.parametrize(
    ("data", "tokens"),
    [
        ({}, 3),
        ({"input": "one two three"}, 10),
        ({"input": "one two three", "instructions": "one"}, 15),
        ({"input": [RESULT]}, 8),
        ({"input": [CALL, 5]}, 8),
    ],
)
def test_input_tokens(data: dict[str, Any], tokens: int) -> None:
    """About those of all texts, four for an item and three for the reply."""
    assert input_tokens(data) == tokens
