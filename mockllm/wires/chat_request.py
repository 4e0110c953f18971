"""What a chat request in OpenAI's form says, for matchers and scripts. Never refuses anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockllm.matchers.call import Conversation
from mockllm.wires.chat_form import Options

ANY_OBJECT = {"type": "object"}
NO_ARGUMENTS = {"type": "object", "properties": {}}


def conversation(data: Mapping[str, Any]) -> Conversation:
    """The conversation of a request: what the user said last, the turn, tools and schema."""
    said = messages(data)
    users = [message for message in said if message.get("role") == "user"]
    answers = sum(message.get("role") == "assistant" for message in said)
    choice = data.get("tool_choice")
    return Conversation(
        "\n".join(texts_of(users[-1])) if users else None,
        answers + 1,
        {} if choice == "none" else dict(tools(data)),
        function_name(choice),
        schema(data.get("response_format")),
    )


def stream_options(data: Mapping[str, Any]) -> Options:
    """What the client wants to see in the chunks of a stream."""
    said = data.get("stream_options")
    if not isinstance(said, dict):
        return Options()
    return Options(
        bool(said.get("include_usage")),
        bool(said.get("continuous_usage_stats")),
        said.get("include_obfuscation") is not False,
    )


def messages(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages that are objects."""
    found = data.get("messages")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def texts_of(message: Any) -> Iterator[str]:
    """The texts of a message, plain or in parts."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def tools(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names of the tools, and the schema of their arguments."""
    found = data.get("tools")
    for tool in found if isinstance(found, list) else ():
        name = function_name(tool)
        if name is not None:
            yield name, tool["function"].get("parameters", NO_ARGUMENTS)


def function_name(value: Any) -> str | None:
    """The name in `{type: function, function: {name}}`."""
    match value:
        case {"function": {"name": str(name)}}:
            return name
        case _:
            return None


def schema(form: Any) -> Any:
    """The schema in `response_format`; any object for `json_object`."""
    match form:
        case {"type": "json_schema", "json_schema": {"schema": found}}:
            return found
        case {"type": "json_object"}:
            return ANY_OBJECT
        case _:
            return None
