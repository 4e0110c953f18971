"""What a request to Anthropic's Messages API says, for matchers and scripts, and what is wrong
with it.

`conversation` and `prompt_tokens` never refuse anything. `check` refuses what Anthropic refuses, in
its words: `max_tokens: Field required` and the texts on roles, empty content and tool results are
documented (Anthropic's documents, bodies in issues of its clients, 2024–2026); the others follow
pydantic, whose words those are. Anthropic also refuses a request without `x-api-key` or
`anthropic-version`; here both may be missing, so that a first `curl` gets an answer.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from itertools import groupby
from typing import Any

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.tokens import count_tokens
from mockllm.wires.json_bytes import without
from mockllm.wires.wire import Refused

TOKENS_PER_MESSAGE = 3
TOKENS_PER_REQUEST = 4
ANY_INPUT = {"type": "object", "properties": {}}
ROLES = ("user", "assistant")


def conversation(data: Mapping[str, Any]) -> Conversation:
    """The conversation of a request: what the user said last, the turn, tools and schema.

    A user's message that only brings results of tools says nothing.
    """
    said = messages(data)
    spoken = [texts for one in said if one.get("role") == "user" and (texts := texts_of(one))]
    answers = sum(one.get("role") == "assistant" for one in said)
    forbidden, wanted = False, None
    match data.get("tool_choice"):
        case {"type": "none"}:
            forbidden = True
        case {"type": "tool", "name": str(name)}:
            wanted = name
    return Conversation(
        "\n".join(spoken[-1]) if spoken else None,
        answers + 1,
        {} if forbidden else dict(tools(data)),
        wanted,
        schema(data),
    )


def messages(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages that are objects."""
    found = data.get("messages")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def blocks(message: Any) -> list[dict[str, Any]]:
    """The content blocks of a message; a plain text is one."""
    content = message.get("content") if isinstance(message, dict) else message
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []


def texts_of(message: Any) -> list[str]:
    """The texts of a message, or of a system prompt."""
    found = (one.get("text") for one in blocks(message) if one.get("type", "text") == "text")
    return [text for text in found if isinstance(text, str)]


def tools(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names of the tools, and the schema of their input."""
    found = data.get("tools")
    for tool in found if isinstance(found, list) else ():
        match tool:
            case {"name": str(name)}:
                yield name, tool.get("input_schema", ANY_INPUT)
            case _:
                pass


def schema(data: Mapping[str, Any]) -> Any:
    """The schema of structured output: `output_config.format`, or `output_format` of its beta."""
    match data:
        case {"output_config": {"format": {"type": "json_schema", "schema": found}}} | {
            "output_format": {"type": "json_schema", "schema": found}
        }:
            return found
        case _:
            return None


def prompt_tokens(call: Call) -> int:
    """About the tokens of the system prompt, all blocks and the tools."""
    said = messages(call.data)
    texts = texts_of(call.data.get("system"))
    for block in (block for message in said for block in blocks(message)):
        match block:
            case {"text": str(text)} | {"thinking": str(text)}:
                texts.append(text)
            case {"type": "tool_use", "input": found}:
                texts.append(json.dumps(found))
            case {"type": "tool_result"}:
                texts += texts_of(block)
    if call.data.get("tools"):
        texts.append(json.dumps(call.data["tools"]))
    return TOKENS_PER_REQUEST + TOKENS_PER_MESSAGE * len(said) + count_tokens(*texts)


def gist(call: Call) -> Hashable:
    """What of a request an answer depends on: all but the messages, of which the tokens count."""
    return without(call.data, "messages"), prompt_tokens(call)


def invalid(message: str) -> Refused:
    """A 400 of Anthropic."""
    return Refused(ErrorSpec(status=400, message=message, error_type="invalid_request_error"))


def check(call: Call, *, max_tokens: bool = True) -> None:
    """Refuse what Anthropic refuses, the first fault alone; raises `Refused`.

    `max_tokens` tells whether the endpoint demands it.
    """
    data = call.data
    if call.problem is not None:
        raise invalid(f"The request body is not valid JSON: {call.problem}")
    if "model" not in data:
        raise invalid("model: Field required")
    if not isinstance(data["model"], str):
        raise invalid("model: Input should be a valid string")
    if not data["model"]:
        raise invalid("model: String should have at least 1 character")
    if max_tokens:
        check_max_tokens(data)
    found = data.get("messages")
    if "messages" not in data:
        raise invalid("messages: Field required")
    if not isinstance(found, list):
        raise invalid("messages: Input should be a valid list")
    if not found:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(found):
        check_message(index, message, last=index == len(found) - 1)
    if data.get("stream") is not None and not isinstance(data["stream"], bool):
        raise invalid("stream: Input should be a valid boolean")
    if data.get("tools") is not None and not isinstance(data["tools"], list):
        raise invalid("tools: Input should be a valid list")
    check_pairs(found)


def check_max_tokens(data: Mapping[str, Any]) -> None:
    """Refuse a limit that is missing or none; 0 only fills the cache (documented)."""
    if "max_tokens" not in data:
        raise invalid("max_tokens: Field required")
    limit = data["max_tokens"]
    if not isinstance(limit, int) or isinstance(limit, bool):
        raise invalid("max_tokens: Input should be a valid integer")
    if limit < 0:
        raise invalid("max_tokens: must be greater than or equal to 0")


def check_message(index: int, message: Any, *, last: bool) -> None:
    """Refuse a message without a known role or without content."""
    where = f"messages.{index}"
    if not isinstance(message, dict):
        raise invalid(f"{where}: Input should be an object")
    if "role" not in message:
        raise invalid(f"{where}.role: Field required")
    if message["role"] == "system":
        raise invalid(
            'messages: Unexpected role "system". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    if message["role"] not in ROLES:
        raise invalid(f"{where}.role: Input should be 'user' or 'assistant'")
    if "content" not in message:
        raise invalid(f"{where}.content: Field required")
    content = message["content"]
    if not isinstance(content, str | list):
        raise invalid(f"{where}.content: Input should be a valid list")
    if not content and not (last and message["role"] == "assistant"):
        raise invalid(
            f"{where}: all messages must have non-empty content except for the optional final "
            "assistant message"
        )
    if isinstance(content, list) and "" in texts_of(message):
        raise invalid("messages: text content blocks must be non-empty")


def check_pairs(found: list[dict[str, Any]]) -> None:
    """Refuse calls of tools without their results in the next turn, and results without a call.

    Messages of one role behind each other are one turn.
    """
    turns = [list(turn) for _, turn in groupby(enumerate(found), lambda one: one[1]["role"])]
    asked: list[str] = []
    for turn, following in zip(turns, [*turns[1:], []], strict=True):
        for index, message in turn:
            for place, block in enumerate(blocks(message)):
                if block.get("type") == "tool_result" and block.get("tool_use_id") not in asked:
                    raise invalid(
                        f"messages.{index}.content.{place}: unexpected `tool_use_id` found in "
                        f"`tool_result` blocks: {block.get('tool_use_id')}. Each `tool_result` "
                        "block must have a corresponding `tool_use` block in the previous message."
                    )
        asked = ids(turn, "tool_use", "id")
        missing = [one for one in asked if one not in ids(following, "tool_result", "tool_use_id")]
        if missing:
            raise invalid(
                f"messages.{turn[-1][0]}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )


def ids(turn: list[tuple[int, dict[str, Any]]], kind: str, key: str) -> list[str]:
    """The ids in a turn's blocks of one type."""
    found = (block for _, message in turn for block in blocks(message))
    return [str(block.get(key)) for block in found if block.get("type") == kind]
