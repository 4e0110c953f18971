"""Anthropic's SDK: `python -m tests.parts.clients.python.anthropic < asks.json`."""

from __future__ import annotations

import json
from typing import Any

import anthropic

from tests.parts.clients.python.program import answer
from tests.sdk.drive import MESSAGES, Ask, Outcome


def arguments(ask: Ask) -> dict[str, Any]:
    """How a client is made."""
    return {
        "base_url": ask.url,
        "api_key": "none",
        "max_retries": 0,
        "timeout": ask.timeout,
    }


def request(ask: Ask) -> dict[str, Any]:
    """What is asked."""
    return {"model": ask.model, "max_tokens": 1000, "messages": MESSAGES}


def take_event(outcome: Outcome, event: Any) -> None:
    """Take what an event of a stream says."""
    if event.type == "content_block_start" and event.content_block.type == "tool_use":
        outcome.tools.append([event.content_block.name, ""])
    elif event.type == "content_block_delta":
        outcome.text += getattr(event.delta, "text", "")
        if event.delta.type == "input_json_delta":
            outcome.tools[-1][1] += event.delta.partial_json
    elif event.type == "message_delta":
        outcome.finish = event.delta.stop_reason


def take_message(outcome: Outcome, message: Any) -> None:
    """Take what a whole message says."""
    for block in message.content:
        if block.type == "tool_use":
            outcome.tools.append([block.name, json.dumps(block.input)])
        else:
            outcome.text += block.text
    outcome.finish = message.stop_reason


def call(ask: Ask, outcome: Outcome) -> None:
    """One call."""
    # Loading certificates takes longer than the call, and nothing here is encrypted.
    http = anthropic.DefaultHttpxClient(verify=False)
    with anthropic.Anthropic(**arguments(ask), http_client=http) as client:
        if not ask.stream:
            take_message(outcome, client.messages.create(**request(ask)))
            return
        with client.messages.create(**request(ask), stream=True) as stream:
            for event in stream:
                take_event(outcome, event)


async def call_async(ask: Ask, outcome: Outcome) -> None:
    """The same with the asynchronous client."""
    http = anthropic.DefaultAsyncHttpxClient(verify=False)
    async with anthropic.AsyncAnthropic(**arguments(ask), http_client=http) as client:
        if not ask.stream:
            take_message(outcome, await client.messages.create(**request(ask)))
            return
        async with await client.messages.create(**request(ask), stream=True) as stream:
            async for event in stream:
                take_event(outcome, event)


if __name__ == "__main__":
    answer(call, call_async)
