"""What a conversation holds beside the user's words, in the forms of the three APIs that have one.

It is read when a matcher asks, so that a profile without such a matcher does not pay for it.
Sources: OpenAI's references of chat completions (`messages`) and of Responses (`instructions`,
`input`), Anthropic's of messages (`system`, blocks of type `tool_result`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

SYSTEM = ("system", "developer")
RESULTS = ("function_call_output", "custom_tool_call_output")


def system_of(data: Mapping[str, Any]) -> str | None:
    """The texts of the system, one a line; None where it says nothing."""
    found = [*texts_in(data.get("instructions")), *texts_in(data.get("system"))]
    for message in conversation_of(data):
        if message.get("role") in SYSTEM:
            found += texts_in(message.get("content"))
    return "\n".join(found) if found else None


def results_of(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The results of tools that came behind the last words of the user, in order."""
    found: list[str] = []
    for message in conversation_of(data):
        results = list(results_in(message))
        if message.get("role") == "user" and not results:
            found.clear()
        found += results
    return tuple(found)


def conversation_of(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The messages, or the items of the input, that are objects."""
    said = data.get("messages") if "messages" in data else data.get("input")
    for message in said if isinstance(said, Sequence) and not isinstance(said, str) else ():
        if isinstance(message, Mapping):
            yield message


def results_in(message: Mapping[str, Any]) -> Iterator[str]:
    """The results of tools in one message."""
    if message.get("role") == "tool":
        yield "".join(texts_in(message.get("content")))
    elif message.get("type") in RESULTS:
        yield "".join(texts_in(message.get("output")))
    content = message.get("content")
    for block in content if isinstance(content, list) else ():
        if isinstance(block, Mapping) and block.get("type") == "tool_result":
            yield "".join(texts_in(block.get("content")))


def texts_in(content: Any) -> Iterator[str]:
    """A text, or the texts of its parts."""
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and isinstance(part.get("text"), str):
            yield part["text"]
