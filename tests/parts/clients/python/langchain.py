"""LangChain's chat model of OpenAI: `python -m tests.parts.clients.python.langchain < asks.json`."""

from __future__ import annotations

import json
from typing import Any

import openai
from langchain_openai import ChatOpenAI

from tests.parts.clients.python.program import answer
from tests.sdk.drive import Ask, Outcome


def model_of(ask: Ask) -> Any:
    """The model, without retries."""
    return ChatOpenAI(
        base_url=ask.url,
        api_key="none",
        model=ask.model,
        max_retries=0,
        timeout=ask.timeout,
        # Loading certificates takes longer than the call, and nothing here is encrypted.
        http_client=openai.DefaultHttpxClient(verify=False),
        http_async_client=openai.DefaultAsyncHttpxClient(verify=False),
    )


def take(outcome: Outcome, message: Any) -> None:
    """Take what a message, or a chunk of one, says."""
    outcome.text += message.text
    outcome.finish = message.response_metadata.get("finish_reason") or outcome.finish
    for piece in getattr(message, "tool_call_chunks", ()):
        while len(outcome.tools) <= piece["index"]:
            outcome.tools.append(["", ""])
        outcome.tools[piece["index"]][0] += piece["name"] or ""
        outcome.tools[piece["index"]][1] += piece["args"] or ""


def take_whole(outcome: Outcome, message: Any) -> None:
    """Take what a whole message says."""
    take(outcome, message)
    outcome.tools = [[call["name"], json.dumps(call["args"])] for call in message.tool_calls]


def call(ask: Ask, outcome: Outcome) -> None:
    """One call."""
    if not ask.stream:
        take_whole(outcome, model_of(ask).invoke("Hello!"))
        return
    for chunk in model_of(ask).stream("Hello!"):
        take(outcome, chunk)


async def call_async(ask: Ask, outcome: Outcome) -> None:
    """The same with the asynchronous methods."""
    if not ask.stream:
        take_whole(outcome, await model_of(ask).ainvoke("Hello!"))
        return
    async for chunk in model_of(ask).astream("Hello!"):
        take(outcome, chunk)


if __name__ == "__main__":
    answer(call, call_async)
