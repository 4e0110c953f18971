"""What a recorded frame is, told by its JSON: the kinds that anchors of faults select by.

A wire knows what it says; of a recording only the bytes are known. These rules give the frames of
mockllm's own wires the kinds that the wires give them, and read the fields that servers add to
OpenAI's and Anthropic's APIs (`reasoning_content` of vLLM, `reasoning` of others).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mockllm.timeline.pacing import FLOW

TEXTS = {
    "reasoning": ("reasoning_content", "reasoning"),
    "refusal": ("refusal",),
    "content": ("content",),
}
"""The fields of a chat delta that hold text, by the kind of it."""


class Told(NamedTuple):
    """What a frame carries."""

    kinds: tuple[str, ...]
    part: int = 0
    """Which tool call it belongs to, from 1; 0 for none."""
    text: str = ""
    """The piece of text or of arguments in it."""

    @property
    def tokens(self) -> int:
        """One for a piece that was generated."""
        return int(bool(self.text) and bool(FLOW.intersection(self.kinds)))


class Teller:
    """Tells the frames of one stream, in order: which tool call a block is depends on those before."""

    def __init__(self) -> None:
        self._tools: dict[object, int] = {}
        self._roles: set[object] = set()
        """The choices whose role was said; servers that repeat it in each chunk mean nothing."""

    def tell(self, data: bytes, event: str | None) -> Told:
        """What a frame of an event stream carries."""
        if data.strip() == b"[DONE]":
            return Told(("done",))
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            return Told(("extra",))
        if not isinstance(document, dict):
            return Told(("extra",))
        name = document.get("type") or event
        if isinstance(name, str):
            found = self._event(name, document)
            if found is not None:
                return found
        if "error" in document and "choices" not in document:
            return Told(("error",))
        return self._chunk(document)

    def _tool(self, key: object) -> int:
        """The number of a tool call, from 1."""
        return self._tools.setdefault(key, len(self._tools) + 1)

    # OpenAI's chat and text completions

    def _chunk(self, document: Mapping[str, Any]) -> Told:
        """A chunk of a completion."""
        choices = document.get("choices")
        usage = document.get("usage") is not None
        if not isinstance(choices, list):
            return Told(("extra",))
        if not choices:
            return Told(("usage",) if usage else ("extra",))
        choice = choices[0] if isinstance(choices[0], dict) else {}
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = {"content": choice.get("text")}
        if choice.get("finish_reason") is not None and not text_in(delta):
            return Told(("finish", "usage") if usage else ("finish",))
        role = self._role(choice.get("index"), delta)
        calls = delta.get("tool_calls")
        if isinstance(calls, list) and calls and isinstance(calls[0], dict):
            number = self._tool((choice.get("index"), calls[0].get("index")))
            function = calls[0].get("function")
            said = function.get("arguments") if isinstance(function, dict) else None
            return Told((*role, "tool"), number, said if isinstance(said, str) else "")
        for kind, keys in TEXTS.items():
            said = next((delta[key] for key in keys if delta.get(key)), None)
            if isinstance(said, str):
                return Told((*role, kind), text=said)
        return Told(role or ("extra",))

    def _role(self, choice: object, delta: Mapping[str, Any]) -> tuple[str, ...]:
        """The kind of the chunk that first says who speaks."""
        if not delta.get("role") or choice in self._roles:
            return ()
        self._roles.add(choice)
        return ("role",)

    # Events with names: Anthropic's messages, OpenAI's Responses

    def _event(self, name: str, document: Mapping[str, Any]) -> Told | None:
        """An event by its name; None where the name says nothing."""
        if name.startswith("response."):
            return self._response(name, document)
        index = document.get("index")
        match name:
            case "message_start":
                return Told(("role",))
            case "content_block_start":
                block = document.get("content_block")
                if isinstance(block, dict) and "tool_use" in str(block.get("type")):
                    return Told(("tool",), self._tool(index))
                return Told(("start",))
            case "content_block_delta":
                return self._delta(index, document.get("delta"))
            case "content_block_stop":
                return Told(("stop",))
            case "message_delta":
                has_usage = document.get("usage") is not None
                return Told(("usage", "finish") if has_usage else ("finish",))
            case "message_stop":
                return Told(("done",))
            case "ping" | "error":
                return Told((name,))
        return None

    def _delta(self, index: object, delta: object) -> Told:
        """A piece of one of Anthropic's blocks."""
        match delta:
            case {"type": "text_delta", "text": str(text)}:
                return Told(("content",), text=text)
            case {"type": "thinking_delta", "thinking": str(text)}:
                return Told(("reasoning",), text=text)
            case {"type": "input_json_delta", "partial_json": str(text)}:
                return Told(("tool",), self._tool(index), text)
            case {"type": "signature_delta"}:
                return Told(("signature",))
            case _:
                return Told(("extra",))

    def _response(self, name: str, document: Mapping[str, Any]) -> Told:
        """An event of OpenAI's Responses API."""
        said = document.get("delta")
        text = said if isinstance(said, str) else ""
        match name.removeprefix("response."):
            case "created":
                return Told(("role",))
            case "output_text.delta":
                return Told(("content",), text=text)
            case "reasoning_summary_text.delta" | "reasoning_text.delta":
                return Told(("reasoning",), text=text)
            case "refusal.delta":
                return Told(("refusal",), text=text)
            case "completed" | "incomplete" | "failed":
                response = document.get("response")
                usage = isinstance(response, dict) and response.get("usage") is not None
                return Told(("finish", "usage") if usage else ("finish",))
            case short if short.startswith("function_call_arguments."):
                return Told(("tool",), self._tool(document.get("output_index")), text)
            case "output_item.added" | "output_item.done":
                item = document.get("item")
                if isinstance(item, dict) and item.get("type") == "function_call":
                    return Told(("tool",), self._tool(document.get("output_index")))
        return Told(("item",))


def text_in(delta: Mapping[str, Any]) -> bool:
    """Whether a delta carries anything that was generated."""
    keys = ("tool_calls", *(key for keys in TEXTS.values() for key in keys))
    return any(delta.get(key) for key in keys)


def text_of_document(document: Any) -> str:
    """The text of a whole JSON answer, whichever of the APIs it is of; empty where it has none."""
    match document:
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return text
        case {"choices": [{"text": str(text)}, *_]}:
            return text
        case {"content": [*blocks]} | {"output": [*blocks]}:
            return "".join(map(text_of_block, blocks))
    return ""


def text_of_block(block: Any) -> str:
    """The text of one block of an answer."""
    match block:
        case {"type": "text" | "output_text", "text": str(text)}:
            return text
        case {"type": "message", "content": [*blocks]}:
            return "".join(map(text_of_block, blocks))
    return ""


def tokens_of_document(document: Any) -> int:
    """The tokens that a whole JSON answer says it has; 0 where it says nothing."""
    match document:
        case {"usage": {"completion_tokens": int(count)} | {"output_tokens": int(count)}}:
            return count
    return 0
