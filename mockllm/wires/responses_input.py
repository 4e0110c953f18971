"""The input of a response as OpenAI gives it back: items with ids, their texts in parts."""

from __future__ import annotations

from typing import Any

from mockllm.wires.responses_items import Names
from mockllm.wires.responses_reply import Reply
from mockllm.wires.responses_request import items

PREFIXES = {"message": "msg", "function_call": "fc", "function_call_output": "fco"}
"""How ids of items begin; those of others begin with `item`."""


def input_items(reply: Reply) -> list[dict[str, Any]]:
    """The items of a response's own input, oldest first."""
    return [
        identified(item, reply.names, number) for number, item in enumerate(items(reply.call.data))
    ]


def identified(item: dict[str, Any], names: Names, number: int) -> dict[str, Any]:
    """An item with an id and a status, and the text of a message in a part."""
    kind = item.get("type", "message")
    id = item.get("id") or names.id(PREFIXES.get(kind, "item"), f"input/{number}")
    known = {"id": id, "type": kind, "status": item.get("status") or "completed"}
    if kind != "message":
        return {**known, **item, "id": id, "status": known["status"]}
    content = item.get("content")
    if isinstance(content, str):
        form = "output_text" if item.get("role") == "assistant" else "input_text"
        more: dict[str, Any] = {"annotations": [], "logprobs": []} if form == "output_text" else {}
        content = [{"type": form, **more, "text": content}]
    return {**known, "content": content, "role": item.get("role")}
