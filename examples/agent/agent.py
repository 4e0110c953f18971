"""A small agent: it asks a model, calls the tools that the model wants, and gives back the answer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolUnionParam

TURNS = 5
"""How often the agent asks its model before it gives up."""

TOOLS: list[ChatCompletionToolUnionParam] = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "The weather in a city.",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


class AgentError(Exception):
    """The agent has no answer; the message says why, and can be shown to its user."""


def get_weather(city: str) -> str:
    """The weather in a city, from a table instead of a service."""
    return {"Paris": "sunny, 21 °C", "Oslo": "snow, -3 °C"}.get(city, "unknown")


class Agent:
    """Answers questions with the help of a model and a tool.

    The client finds its server and its key in the environment, as OpenAI's SDK does.
    """

    def __init__(self, model: str = "gpt-4o-mini", *, patience: float = 10.0) -> None:
        self.model = model
        self.client = openai.OpenAI(timeout=patience, max_retries=2)

    def ask(self, question: str) -> str:
        """The answer to a question; raises `AgentError` where there is none."""
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": question}]
        for _ in range(TURNS):
            text, calls, finish = self._turn(messages)
            if finish is None:
                raise AgentError("the model's answer broke off")
            if not calls:
                return text
            messages.append({"role": "assistant", "content": text or None, "tool_calls": calls})
            for call in calls:
                messages.append(
                    {"role": "tool", "tool_call_id": call["id"], "content": self._call(call)}
                )
        raise AgentError(f"the model wanted tools {TURNS} times and gave no answer")

    def _turn(
        self, messages: list[ChatCompletionMessageParam]
    ) -> tuple[str, list[Any], str | None]:
        """One answer of the model: its text, the calls of tools, and why it ended."""
        text, calls, finish = "", dict[int, Any](), None
        try:
            with self.client.chat.completions.create(
                model=self.model, messages=messages, tools=TOOLS, stream=True
            ) as stream:
                for chunk in stream:
                    for choice in chunk.choices:
                        text += choice.delta.content or ""
                        finish = choice.finish_reason or finish
                        for part in choice.delta.tool_calls or ():
                            call = calls.setdefault(part.index, new_call())
                            call["id"] += part.id or ""
                            if part.function is not None:
                                call["function"]["name"] += part.function.name or ""
                                call["function"]["arguments"] += part.function.arguments or ""
        except openai.APITimeoutError:
            raise AgentError("the model takes too long") from None
        except openai.APIError as error:
            raise AgentError(f"the model cannot be asked: {error.message}") from None
        return text, [calls[index] for index in sorted(calls)], finish

    def _call(self, call: dict[str, Any]) -> str:
        """What a tool says."""
        try:
            arguments = json.loads(call["function"]["arguments"])
            return get_weather(arguments["city"])
        except (ValueError, KeyError, TypeError) as error:
            return f"error: {error!r}"  # the model may correct itself


def new_call() -> dict[str, Any]:
    """A call of a tool of which nothing has come yet."""
    return {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
