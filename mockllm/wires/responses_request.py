"""What a request of the Responses API says, for matchers and scripts. Never refuses anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from mockllm.matchers.call import Conversation
from mockllm.scripts.tokens import count_tokens
from mockllm.wires.chat_request import ANY_OBJECT, NO_ARGUMENTS

TOKENS_PER_ITEM = 4
TOKENS_PER_REPLY = 3
RESPONSE_ID = re.compile(r"resp_[0-9a-f]{16}(?P<turn>[0-9a-f]{2})[0-9a-f]{32}")
"""The id of a response that this package made up; it bears the turn of its conversation."""


def conversation(data: Mapping[str, Any]) -> Conversation:
    """The conversation of a request: what the user said last, the turn, tools and schema."""
    said = items(data)
    users = [item for item in said if item.get("role") == "user"]
    answers = sum(of_model for of_model, _ in groupby(said, is_of_model))
    choice = data.get("tool_choice")
    return Conversation(
        "\n".join(texts_of(users[-1])) if users else None,
        turn_of(data.get("previous_response_id")) + answers + 1,
        {} if choice == "none" else dict(tools(data)),
        function_name(choice),
        schema(data),
    )


def items(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of the input that are objects; a text is one message of the user."""
    match data.get("input"):
        case str(text):
            return [{"role": "user", "content": text}]
        case list(found):
            return [item for item in found if isinstance(item, dict)]
        case _:
            return []


def is_of_model(item: Mapping[str, Any]) -> bool:
    """Whether an item of the input is what a model has said before."""
    kind = str(item.get("type"))
    return item.get("role") == "assistant" or kind == "reasoning" or kind.endswith("_call")


def texts_of(item: Mapping[str, Any]) -> Iterator[str]:
    """The texts of an item: of a message, plain or in parts, of a call or of its output."""
    for value in (item.get("content"), item.get("arguments"), item.get("output")):
        if isinstance(value, str):
            yield value
        for part in value if isinstance(value, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def turn_of(response: Any) -> int:
    """The turn of an earlier response, which its id bears; 0 where it bears none."""
    found = RESPONSE_ID.fullmatch(response) if isinstance(response, str) else None
    return int(found["turn"], 16) if found else 0


def tools(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names of the functions, and the schema of their arguments."""
    found = data.get("tools")
    for tool in found if isinstance(found, list) else ():
        name = function_name(tool)
        if name is not None:
            yield name, tool.get("parameters") or NO_ARGUMENTS


def function_name(value: Any) -> str | None:
    """The name in `{type: function, name}`."""
    match value:
        case {"type": "function", "name": str(name)}:
            return name
        case _:
            return None


def schema(data: Mapping[str, Any]) -> Any:
    """The schema in `text.format`; any object for `json_object`."""
    match data.get("text"):
        case {"format": {"type": "json_schema", "schema": found}}:
            return found
        case {"format": {"type": "json_object"}}:
            return ANY_OBJECT
        case _:
            return None


def input_tokens(data: Mapping[str, Any]) -> int:
    """About the tokens of the instructions and of all texts of the input, and the overhead."""
    said = [list(texts_of(item)) for item in items(data)]
    if isinstance(data.get("instructions"), str):
        said.append([data["instructions"]])
    texts = (text for one in said for text in one)
    return TOKENS_PER_REPLY + TOKENS_PER_ITEM * len(said) + count_tokens(*texts)
