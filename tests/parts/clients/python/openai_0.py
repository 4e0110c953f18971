"""OpenAI's SDK before 1.0: `python -m tests.parts.clients.python.openai_0 < asks.json`.

It speaks through requests, and through aiohttp where it is asynchronous.
"""

from __future__ import annotations

from typing import Any

import openai

from tests.parts.clients.python.program import answer
from tests.sdk.drive import MESSAGES, Ask, Outcome

CHAT: Any = getattr(openai, "ChatCompletion", None)


def arguments(ask: Ask) -> dict[str, Any]:
    """How it is asked."""
    return {
        "api_base": ask.url,
        "api_key": "none",
        "model": ask.model,
        "messages": MESSAGES,
        "stream": ask.stream,
        "request_timeout": ask.timeout,
    }


def take(outcome: Outcome, choice: Any) -> None:
    """Take what a choice of an answer or of a chunk says; its objects are dictionaries."""
    part = choice.get("message") or choice.get("delta") or {}
    outcome.text += part.get("content") or ""
    outcome.finish = choice.get("finish_reason") or outcome.finish
    for position, call in enumerate(part.get("tool_calls") or ()):
        index = call.get("index", position)
        while len(outcome.tools) <= index:
            outcome.tools.append(["", ""])
        outcome.tools[index][0] += call["function"].get("name") or ""
        outcome.tools[index][1] += call["function"].get("arguments") or ""


def call(ask: Ask, outcome: Outcome) -> None:
    """One call."""
    answer = CHAT.create(**arguments(ask))
    for one in answer if ask.stream else [answer]:
        for choice in one["choices"]:
            take(outcome, choice)


async def call_async(ask: Ask, outcome: Outcome) -> None:
    """The same through aiohttp."""
    answer = await CHAT.acreate(**arguments(ask))
    if not ask.stream:
        for choice in answer["choices"]:
            take(outcome, choice)
        return
    async for one in answer:
        for choice in one["choices"]:
            take(outcome, choice)


if __name__ == "__main__":
    answer(call, call_async)
