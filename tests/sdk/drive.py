"""Ask a chat endpoint through a client library, and say what came of it.

Tests import this, and run it as a script in environments that have another library:

    python drive.py < asks.json > outcomes.json

It uses nothing of mockllm, so it runs wherever the library is installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

PATIENCE = 30.0
"""Seconds after which an ask that waits for the whole answer gives up: a guard, not a measure."""


@dataclass
class Ask:
    """Calls of one kind, one after the other."""

    library: str
    """openai or litellm."""
    url: str
    """The base URL, with /v1."""
    model: str
    stream: bool
    asynchronous: bool = False
    calls: int = 1
    until_success: bool = False
    """Call until one succeeds, instead of `calls` times."""
    timeout: float = 30.0
    reset: str = ""
    """A URL that is posted to first."""


@dataclass
class Outcome:
    """What a caller of the library has in hands after one call."""

    text: str = ""
    finish: str | None = None
    tools: list[list[str]] = field(default_factory=list)
    """Name and arguments of each tool call."""
    error: str | None = None
    """The class of the exception."""
    status: int | None = None
    message: str = ""

    def add(self, choice: Any, part: Any) -> None:
        """Take what a chunk, or a whole answer, says."""
        self.text += part.content or ""
        self.finish = choice.finish_reason or self.finish
        for position, call in enumerate(part.tool_calls or ()):
            index = getattr(call, "index", None)
            index = position if index is None else index
            while len(self.tools) <= index:
                self.tools.append(["", ""])
            self.tools[index][0] += call.function.name or ""
            self.tools[index][1] += call.function.arguments or ""

    def add_error(self, error: Exception) -> None:
        """Take what an exception says."""
        self.error = type(error).__name__
        self.status = getattr(error, "status_code", None)
        self.message = str(error)


MESSAGES: Any = [{"role": "user", "content": "Hello!"}]


def openai_parts(ask: Ask) -> Iterator[tuple[Any, Any]]:
    """Choices and their messages or deltas, from OpenAI's SDK."""
    import openai

    # Loading certificates takes longer than the call, and nothing here is encrypted.
    http = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(
        base_url=ask.url, api_key="none", max_retries=0, timeout=ask.timeout, http_client=http
    ) as client:
        create = client.chat.completions.create
        if not ask.stream:
            for whole in create(model=ask.model, messages=MESSAGES).choices:
                yield whole, whole.message
            return
        with create(model=ask.model, messages=MESSAGES, stream=True) as stream:
            for chunk in stream:
                for choice in chunk.choices:
                    yield choice, choice.delta


async def openai_parts_async(ask: Ask) -> AsyncIterator[tuple[Any, Any]]:
    """The same, from its asynchronous client."""
    import openai

    http = openai.DefaultAsyncHttpxClient(verify=False)
    async with openai.AsyncOpenAI(
        base_url=ask.url, api_key="none", max_retries=0, timeout=ask.timeout, http_client=http
    ) as client:
        create = client.chat.completions.create
        if not ask.stream:
            for whole in (await create(model=ask.model, messages=MESSAGES)).choices:
                yield whole, whole.message
            return
        async with await create(model=ask.model, messages=MESSAGES, stream=True) as stream:
            async for chunk in stream:
                for choice in chunk.choices:
                    yield choice, choice.delta


def litellm_arguments(ask: Ask) -> dict[str, Any]:
    """How LiteLLM is asked."""
    return {
        "model": f"openai/{ask.model}",
        "api_base": ask.url,
        "api_key": "none",
        "messages": MESSAGES,
        "stream": ask.stream,
        "timeout": ask.timeout,
        "num_retries": 0,
        "max_retries": 0,
    }


def litellm_parts(ask: Ask) -> Iterator[tuple[Any, Any]]:
    """Choices and their messages or deltas, from LiteLLM."""
    import litellm

    answer = litellm.completion(**litellm_arguments(ask))
    if not ask.stream:
        for choice in answer.choices:
            yield choice, choice.message
        return
    for chunk in answer:
        for choice in chunk.choices:
            yield choice, choice.delta


async def litellm_parts_async(ask: Ask) -> AsyncIterator[tuple[Any, Any]]:
    """The same, from its asynchronous function."""
    import litellm

    answer = await litellm.acompletion(**litellm_arguments(ask))
    if not ask.stream:
        for choice in answer.choices:
            yield choice, choice.message
        return
    async for chunk in answer:
        for choice in chunk.choices:
            yield choice, choice.delta


SYNC = {"openai": openai_parts, "litellm": litellm_parts}
ASYNC = {"openai": openai_parts_async, "litellm": litellm_parts_async}


async def one_call(ask: Ask) -> Outcome:
    """One call and its outcome."""
    outcome = Outcome()
    try:
        if ask.asynchronous:
            async for choice, part in ASYNC[ask.library](ask):
                outcome.add(choice, part)
        else:
            for choice, part in SYNC[ask.library](ask):
                outcome.add(choice, part)
    except Exception as error:
        outcome.add_error(error)
    return outcome


def post(url: str) -> None:
    """Post nothing to a URL."""
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10):
        pass


async def drive(ask: Ask) -> list[Outcome]:
    """All calls of an ask."""
    if ask.reset:
        await asyncio.to_thread(post, ask.reset)
    if not ask.until_success:
        return [await one_call(ask) for _ in range(ask.calls)]
    outcomes, give_up = [await one_call(ask)], time.monotonic() + PATIENCE
    while outcomes[-1].error and time.monotonic() < give_up:
        outcomes.append(await one_call(ask))
    return outcomes


async def main() -> None:
    """Take asks as JSON from stdin, and give their outcomes as JSON on stdout."""
    asks = [Ask(**data) for data in json.load(sys.stdin)]
    outcomes = [[asdict(outcome) for outcome in await drive(ask)] for ask in asks]
    # A library may print to stdout while it works; the last line is ours.
    print("\n" + json.dumps(outcomes))


if __name__ == "__main__":
    asyncio.run(main())
