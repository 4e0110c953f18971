"""What is kept of a chat completion that the client wants stored.

The document and its messages follow the examples of OpenAI's reference (documented).
"""

from __future__ import annotations

from typing import Any

from mockllm.matchers.call import Call
from mockllm.wires.identity import Identity
from mockllm.wires.wire import Put

KIND = "openai.chat"
"""Under which completions are kept."""


def stored(call: Call, document: dict[str, Any], identity: Identity) -> Put:
    """What a completion leaves behind: the document that is read later, and its messages."""
    data = call.data
    metadata = data.get("metadata")
    kept = {
        "object": "chat.completion",
        "id": document["id"],
        "model": document["model"],
        "created": document["created"],
        "request_id": "req_" + identity.hexadecimal("request", 32),
        "tool_choice": data.get("tool_choice"),
        "usage": document.get("usage"),
        "seed": data.get("seed"),
        "top_p": data.get("top_p", 1.0),
        "temperature": data.get("temperature", 1.0),
        "presence_penalty": data.get("presence_penalty", 0.0),
        "frequency_penalty": data.get("frequency_penalty", 0.0),
        "system_fingerprint": document.get("system_fingerprint"),
        "input_user": data.get("user"),
        "service_tier": document.get("service_tier"),
        "tools": data.get("tools"),
        "metadata": metadata if isinstance(metadata, dict) else {},
        "choices": document["choices"],
        "response_format": data.get("response_format"),
    }
    messages = [
        message(f"{document['id']}-{number}", said) for number, said in enumerate(data["messages"])
    ]
    return Put(KIND, document["id"], {"completion": kept, "messages": messages})


def message(id: str, said: dict[str, Any]) -> dict[str, Any]:
    """A message of the request as it is read later: its text, or its parts."""
    content = said.get("content")
    parts = content if isinstance(content, list) else None
    return {
        "id": id,
        "role": said.get("role"),
        "content": None if parts is not None else content,
        "name": said.get("name"),
        "content_parts": parts,
    }
