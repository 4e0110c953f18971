"""The official SDKs of OpenAI and Anthropic, and all that they hear of a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import anthropic
import openai
from pydantic import BaseModel

USER: list[Any] = [{"role": "user", "content": "What is the weather?"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


class Clients(NamedTuple):
    """One client of each SDK; they try once."""

    openai: openai.OpenAI
    anthropic: anthropic.Anthropic


Ask = Callable[[Clients], Iterable[object]]


def heard(asks: Mapping[str, Ask], url: str) -> dict[str, Any]:
    """What each ask gives: objects of the SDK as JSON, all that come before an error, the error."""
    found: dict[str, Any] = {}
    key = "sk-0123456789abcdef"
    with (
        openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as one,
        anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as other,
    ):
        for name, ask in asks.items():
            said = found[name] = []
            try:
                said.extend(map(text_of, ask(Clients(one, other))))
            except (openai.APIStatusError, anthropic.APIStatusError) as error:
                said.append((error.status_code, error.message, repr(error.body)))
            except (openai.APIError, anthropic.APIError) as error:
                said.append((type(error).__name__, str(error)))
    return found


def text_of(one: object) -> str:
    """An object of an SDK."""
    return one.model_dump_json() if isinstance(one, BaseModel) else repr(one)


def chat(model: str, **options: Any) -> Ask:
    """A chat completion: its chunks, or itself."""

    def ask(clients: Clients) -> Iterator[object]:
        asked = {"model": model, "messages": USER, **options}
        answer = clients.openai.chat.completions.create(**asked)
        if not options.get("stream"):
            yield answer
            return
        with contextlib.closing(answer):
            yield from answer

    return ask


def completion(model: str) -> Ask:
    """A text completion, streamed."""
    return lambda clients: clients.openai.completions.create(
        model=model, prompt="Once", stream=True
    )


def response(model: str) -> Ask:
    """A stream of the Responses API."""
    return lambda clients: clients.openai.responses.create(model=model, input="Hi", stream=True)


def message(model: str) -> Ask:
    """A message of Anthropic's API, streamed."""
    return lambda clients: clients.anthropic.messages.create(
        model=model, max_tokens=500, messages=USER, stream=True
    )


def models(clients: Clients) -> Iterable[object]:
    """The list of models."""
    return list(clients.openai.models.list())
