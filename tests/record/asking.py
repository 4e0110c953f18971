"""The official SDKs of OpenAI and Anthropic, and all that they hear of a server."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

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
Ask = Callable[[str], Any]


def heard(asks: Mapping[str, Ask], url: str) -> dict[str, Any]:
    """What each ask gives: objects of the SDK as JSON, all that come before an error, the error."""
    found: dict[str, Any] = {}
    for name, ask in asks.items():
        said = found[name] = []
        try:
            said += [text_of(one) for one in ask(url)]
        except (openai.APIStatusError, anthropic.APIStatusError) as error:
            said.append((error.status_code, error.message, repr(error.body)))
        except (openai.APIError, anthropic.APIError) as error:
            said.append((type(error).__name__, str(error)))
    return found


def text_of(one: object) -> str:
    """An object of an SDK."""
    return one.model_dump_json() if isinstance(one, BaseModel) else repr(one)


def of_openai(url: str) -> openai.OpenAI:
    """A client that tries once."""
    return openai.OpenAI(base_url=f"{url}/v1", api_key="sk-0123456789abcdef", max_retries=0)


def of_anthropic(url: str) -> anthropic.Anthropic:
    """A client that tries once."""
    return anthropic.Anthropic(base_url=url, api_key="sk-0123456789abcdef", max_retries=0)


def chat(model: str, **options: Any) -> Ask:
    """A chat completion: its chunks, or itself."""

    def ask(url: str) -> Iterator[object]:
        asked = {"model": model, "messages": USER, **options}
        answer = of_openai(url).chat.completions.create(**asked)
        if not options.get("stream"):
            yield answer
            return
        with contextlib.closing(answer):
            yield from answer

    return ask


def completion(model: str, **options: Any) -> Ask:
    """A text completion, streamed."""

    def ask(url: str) -> Iterable[object]:
        answer: Iterable[object] = of_openai(url).completions.create(
            model=model, prompt="Once", stream=True, **options
        )
        return answer

    return ask


def response(model: str) -> Ask:
    """A stream of the Responses API."""
    return lambda url: of_openai(url).responses.create(model=model, input="Hi", stream=True)


def message(model: str, **options: Any) -> Ask:
    """A message of Anthropic's API, streamed."""
    return lambda url: of_anthropic(url).messages.create(
        model=model, max_tokens=500, messages=USER, stream=True, **options
    )


def models(url: str) -> Iterable[object]:
    """The list of models."""
    return list(of_openai(url).models.list())
