"""Fixtures in a real aimock, and the profile that is made of them: the same requests are answered
with the same texts, calls of tools, errors and endings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx2
import pytest
from anthropic import Anthropic
from openai import APIError, APIStatusError, OpenAI

from mockllm import MockLLM
from mockllm.record.aimock import from_aimock
from tests.parts.answers import free_port, running
from tests.parts.installed import need

pytestmark = pytest.mark.parts("aimock")

OWN = Path(__file__).parents[1] / "record" / "fixtures_of_aimock.json"
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
HI = {"role": "user", "content": "next"}
SAID = {"role": "assistant", "content": "x"}


def user(text: str) -> dict[str, Any]:
    """What the user says."""
    return {"role": "user", "content": text}


def after_tool(text: str, id: str, result: str) -> list[dict[str, Any]]:
    """A conversation whose last message is a tool's result."""
    call = {"id": id, "type": "function", "function": {"name": "ask", "arguments": "{}"}}
    return [
        user(text),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": id, "content": result},
    ]


ASKED: dict[str, dict[str, Any]] = {
    "both": {"messages": [user("show both")]},
    "of a dated model": {"messages": [user("show both")], "model": "gpt-4o-2024-11-20"},
    "of a longer model": {"messages": [user("show both")], "model": "gpt-4o-mini"},
    "by call": {"messages": after_tool("well", "call_t", "12:00")},
    "no result": {"messages": [user("approve?")]},
    "a result": {"messages": after_tool("approve?", "call_a", "yes")},
    "another result": {"messages": after_tool("approve?", "call_a", "no way")},
    "system": {"messages": [{"role": "system", "content": "You are a pirate."}, user("Hi")]},
    "half a system": {"messages": [{"role": "system", "content": "a pirate"}, user("Hi")]},
    "retry, 1": {"messages": [user("retry")]},
    "retry, 2": {"messages": [user("retry")]},
    "retry, 3": {"messages": [user("retry")]},
    "retry, 4": {"messages": [user("retry")]},
    "once": {"messages": [user("once")]},
    "twice": {"messages": [user("once")]},
    "turn 1": {"messages": [HI]},
    "turn 2": {"messages": [HI, SAID, HI]},
    "turn 3": {"messages": [HI, SAID, HI, SAID, HI]},
    "turn 4": {"messages": [HI, SAID, HI, SAID, HI, SAID, HI]},
    "reasoning": {"messages": [user("think")], "model": "o3"},
    "cut": {"messages": [user("cut")]},
    "cut at once": {"messages": [user("at an end")]},
    "gone": {"messages": [user("gone")]},
    "json": {"messages": [user("long")], "response_format": {"type": "json_object"}},
    "no json": {"messages": [user("long")]},
    "slashes": {"messages": [user("a /slash/ b")]},
    "dropped": {"messages": [user("dropped")]},
    "broken": {"messages": [user("broken")]},
    "nothing": {"messages": [user("Quux")]},
}
SHIPPED: dict[str, dict[str, Any]] = {
    "hello": {"messages": [user("hello")]},
    "tools": {"messages": [user("x")], "tools": [TOOL]},
    "blue": {"messages": [user("change background to blue")]},
    "blue, done": {"messages": after_tool("x", "call_background", "ok")},
    "research": {"messages": [user("research")]},
    "trip, 1": {"messages": [user("plan a trip")]},
    "trip, 2": {"messages": [user("plan a trip")]},
    "trip, 3": {"messages": [user("plan a trip")]},
    "trip, 4": {"messages": [user("plan a trip")]},
    "joke, 1": {"messages": [user("tell me a joke")]},
    "joke, 2": {"messages": [user("tell me a joke")]},
    "ordered": {"messages": [user("what's the weather in NYC?")]},
    "gravity": {"messages": [user("explain gravity")]},
    "regex": {"messages": [user("a .* b")]},
    "final": {"messages": [user("Weather")]},
}


@dataclass
class Heard:
    """What a client hears of one answer."""

    text: str = ""
    reasoning: str = ""
    calls: dict[int, list[str]] = field(default_factory=dict)
    finish: list[str] = field(default_factory=list)
    usage: tuple[int, int, int] | None = None
    error: tuple[Any, ...] = ()

    def tool(self, index: int, id: str | None, name: str | None, arguments: str | None) -> None:
        """A piece of a call; ids that a server makes up are not compared."""
        call = self.calls.setdefault(index, ["", "", ""])
        call[0] += id if id in ("call_w", "call_t", "call_a") else ""
        call[1] += name or ""
        call[2] += arguments or ""


@lru_cache
def client_of(url: str) -> OpenAI:
    """OpenAI's SDK for one server."""
    return OpenAI(base_url=f"{url}/v1", api_key="sk-x", max_retries=0, timeout=20)


def heard(url: str, asked: dict[str, Any], *, stream: bool) -> Heard:
    """What OpenAI's SDK makes of an answer."""
    client, found = client_of(url), Heard()
    try:
        if stream:
            hear_stream(client, asked, found)
        else:
            hear_whole(client, asked, found)
    except APIStatusError as error:
        retry = error.response.headers.get("retry-after")
        found.error = (error.status_code, error.message, error.type, error.code, error.param, retry)
    except (APIError, httpx2.HTTPError) as error:
        found.error = (type(error).__name__,)
    return found


def hear_stream(client: OpenAI, asked: dict[str, Any], found: Heard) -> None:
    """All chunks of a stream."""
    for chunk in client.chat.completions.create(**{"model": "gpt-4o", **asked}, stream=True):
        for choice in chunk.choices:
            found.text += choice.delta.content or ""
            found.reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                found.tool(call.index, call.id, call.function.name, call.function.arguments)
            if choice.finish_reason:
                found.finish.append(choice.finish_reason)


def hear_whole(client: OpenAI, asked: dict[str, Any], found: Heard) -> None:
    """A whole answer."""
    answer = client.chat.completions.create(**{"model": "gpt-4o", **asked})
    (choice,) = answer.choices
    found.text = choice.message.content or ""
    found.reasoning = getattr(choice.message, "reasoning_content", None) or ""
    for index, call in enumerate(choice.message.tool_calls or ()):
        found.tool(index, call.id, call.function.name, call.function.arguments)
    found.finish.append(choice.finish_reason)
    if "response_format" in asked and answer.usage is not None:  # else aimock estimates
        usage = answer.usage
        found.usage = (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens)


@pytest.fixture
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The URLs of aimock with fixtures, and of mockllm with the profile that is made of them."""
    cli = Path(need("aimock"))
    fixtures = {"own": OWN, "shipped": cli.parents[1] / "fixtures"}[request.param]
    profile = tmp_path / "p.yaml"
    profile.write_text(from_aimock(fixtures).text, "utf-8")
    port = free_port()
    command = ["node", str(cli), "-p", str(port), "-f", str(fixtures)]
    with running(command, port, tmp_path / "log"), MockLLM(profile, paced=True) as server:
        yield f"http://127.0.0.1:{port}", server.url


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(
    ("both", "asked"), [("own", ASKED), ("shipped", SHIPPED)], indirect=["both"]
)
def test_the_same_is_heard(
    both: tuple[str, str], asked: dict[str, dict[str, Any]], stream: bool
) -> None:
    """Each request in turn, streamed or whole."""
    real, ours = both
    expected = {name: heard(real, one, stream=stream) for name, one in asked.items()}
    assert {name: heard(ours, one, stream=stream) for name, one in asked.items()} == expected
    assert any(one.error for one in expected.values())
    assert sum(bool(one.text) for one in expected.values()) > 5
    assert any(one.calls for one in expected.values())


MESSAGES: dict[str, Any] = {
    "text": {"messages": [user("approve?")]},
    "system": {"system": "You are a pirate.", "messages": [user("Hi")]},
    "a result": {
        "messages": [
            user("approve?"),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "call_a", "name": "ask", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_a", "content": "yes"}]},
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("both", ["own"], indirect=True)
def test_the_same_messages(both: tuple[str, str]) -> None:
    """Anthropic's API: texts and calls of tools, and why the answer ends."""
    found = []
    for url in both:
        with Anthropic(base_url=url, api_key="sk-x", max_retries=0, timeout=20) as client:
            found.append([blocks(client, asked) for asked in MESSAGES.values()])
    assert found[1] == found[0]
    assert [len(answer) for answer in found[0]] == [2, 2, 2]


def blocks(client: Anthropic, asked: dict[str, Any]) -> list[object]:
    """What is said, and the reason of the end."""
    answer = client.messages.create(model="gpt-4o", max_tokens=100, **asked)
    said = [one.model_dump(include={"type", "text", "name", "input"}) for one in answer.content]
    return [*said, answer.stop_reason]


@pytest.mark.parametrize("both", ["own"], indirect=True)
def test_the_same_vector(both: tuple[str, str]) -> None:
    """An embedding, as the SDK reads it."""
    found = [
        client_of(url).embeddings.create(
            model="text-embedding-3-small", input="I want a vector", encoding_format="float"
        )
        for url in both
    ]
    assert [one.model_dump() for one in found] == [found[0].model_dump()] * 2
    assert found[0].data[0].embedding == [0.25, -1, 3]
