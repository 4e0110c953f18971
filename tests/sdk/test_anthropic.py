"""Anthropic's Python SDK against healthy answers, every status and the named faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anthropic
import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL
from tests.sdk.conduct import FIVE_WORDS, TOOLS2, TOOLS_PROFILE
from tests.server.raw import connected

MODEL = "claude-x"
ASK: dict[str, Any] = {
    "model": MODEL,
    "max_tokens": 1024,
    "messages": [{"role": "user", "content": "Hello!"}],
}
THINKING = "mockllm: 1\nscript: {text: Yes it is, reasoning: Let me see}\n"


@contextmanager
def client_of(server: MockLLM, **options: Any) -> Iterator[anthropic.Anthropic]:
    """A client of the server that does not try again."""
    given = {"api_key": "none", "max_retries": 0, "timeout": 20.0, **options}
    with anthropic.Anthropic(base_url=server.url, **given) as client:
        yield client


def profile(*faults: str, more: str = "") -> str:
    """A profile with these faults."""
    return f"mockllm: 1\n{more}faults: [{', '.join(faults)}]\n"


def test_a_whole_message() -> None:
    """Text, reason, usage and the id of the request."""
    with MockLLM() as server, client_of(server) as client:
        message = client.messages.create(**ASK)
    assert [(block.type, getattr(block, "text", None)) for block in message.content] == [("text", CANONICAL)]  # fmt: skip
    assert (message.model, message.stop_reason) == (MODEL, "end_turn")
    assert message.usage.output_tokens == 60
    assert (message._request_id or "").startswith("req_01")


def test_a_stream_of_text() -> None:
    """The SDK's helper puts the same message together, and gives the pieces one by one."""
    with MockLLM() as server, client_of(server) as client:
        with client.messages.stream(**ASK) as stream:
            pieces = list(stream.text_stream)
            message = stream.get_final_message()
        whole = client.messages.create(**ASK)
    assert ("".join(pieces), len(pieces)) == (CANONICAL, 60)
    assert [block.to_dict() for block in message.content] == [
        block.to_dict() for block in whole.content
    ]
    assert message.stop_reason == "end_turn"
    assert message.usage.output_tokens == 60


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls(stream: bool) -> None:
    """Names and arguments arrive whole."""
    with MockLLM(TOOLS_PROFILE) as server, client_of(server) as client:
        if stream:
            with client.messages.stream(**ASK) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**ASK)
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == [name for name, _ in TOOLS2]
    assert [call.input for call in calls] == [{"city": "Paris"}, {"tz": "UTC"}]
    assert message.stop_reason == "tool_use"


@pytest.mark.parametrize("stream", [False, True])
def test_thinking(stream: bool) -> None:
    """A thought comes before the answer, with a signature."""
    with MockLLM(THINKING) as server, client_of(server) as client:
        if stream:
            with client.messages.stream(**ASK) as events:
                message = events.get_final_message()
        else:
            message = client.messages.create(**ASK)
    thought, text = message.content
    assert (thought.type, text.type) == ("thinking", "text")
    assert thought.type == "thinking"
    assert (thought.thinking, len(thought.signature)) == ("Let me see", 88)


def test_asynchronously() -> None:
    """The asynchronous client reads the same stream."""

    async def ask(url: str) -> str:
        async with (
            anthropic.AsyncAnthropic(base_url=url, api_key="none", max_retries=0) as client,
            client.messages.stream(**ASK) as stream,
        ):
            return await stream.get_final_text()

    with MockLLM() as server:
        assert asyncio.run(ask(server.url)) == CANONICAL


def test_models_and_tokens() -> None:
    """The SDK pages through the models, finds one, and counts tokens."""
    listed = "mockllm: 1\nmodels: [claude-a, claude-b, claude-c]\n"
    with MockLLM(listed) as server, client_of(server) as client:
        assert [model.id for model in client.models.list(limit=1)] == ["claude-a", "claude-b", "claude-c"]  # fmt: skip
        assert client.models.retrieve("claude-b").display_name == "claude-b"
        with pytest.raises(anthropic.NotFoundError, match="model: claude-d"):
            client.models.retrieve("claude-d")
        count = client.messages.count_tokens(model=MODEL, messages=ASK["messages"])
        assert count.input_tokens == client.messages.create(**ASK).usage.input_tokens


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (402, anthropic.APIStatusError, "billing_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (409, anthropic.ConflictError, "conflict_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (504, anthropic.InternalServerError, "timeout_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_every_status_has_its_error(
    status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    """The SDK raises its own class, with the type of the body and the id of the request."""
    with (
        MockLLM(profile(f"{{fail: {status}}}")) as server,
        client_of(server) as client,
        pytest.raises(error) as raised,
    ):
        client.messages.create(**ASK)
    assert raised.value.status_code == status
    body: Any = raised.value.body
    assert body["error"]["type"] == kind
    assert body["request_id"] == raised.value.request_id


def test_a_wrong_request() -> None:
    """What Anthropic refuses is its client's error, in its words."""
    with MockLLM() as server, client_of(server) as client:
        with pytest.raises(anthropic.BadRequestError, match="at least one message is required"):
            client.messages.create(**{**ASK, "messages": []})
        tool: Any = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
        said = [*ASK["messages"], {"role": "assistant", "content": [tool]}]
        with pytest.raises(anthropic.BadRequestError, match="immediately after: toolu_1"):
            client.messages.create(**{**ASK, "messages": said})


def test_an_unknown_model() -> None:
    """A strict profile knows its models alone."""
    strict = "mockllm: 1\nstrict: true\nmodels: [claude-a]\nroutes: [{}]\n"
    with MockLLM(strict) as server, client_of(server) as client:
        with pytest.raises(anthropic.NotFoundError, match=f"model: {MODEL}"):
            client.messages.create(**ASK)
        assert client.messages.create(**{**ASK, "model": "claude-a"}).stop_reason == "end_turn"


def read(server: MockLLM, **options: Any) -> tuple[str, Exception | None]:
    """The text of a stream until its end or its error."""
    text = ""
    with client_of(server, **options) as client:
        try:
            with client.messages.stream(**ASK) as stream:
                for piece in stream.text_stream:
                    text += piece
        except Exception as error:
            return text, error
    return text, None


def test_a_reset_is_seen() -> None:
    """The SDK has what came before the RST, and an error of its connection."""
    with MockLLM(profile("{reset: true}")) as server:
        text, error = read(server)
    assert text == FIVE_WORDS
    assert error is not None
    assert not isinstance(error, anthropic.APIStatusError)


def test_a_stall_is_seen() -> None:
    """The SDK gives up after its own timeout."""
    with MockLLM(profile("{stall: forever}")) as server:
        text, error = read(server, timeout=0.5)
    assert text == FIVE_WORDS
    assert "imed out" in str(error)


def test_a_truncated_stream_ends_in_silence() -> None:
    """Without `message_stop` the text alone says that something is missing."""
    with MockLLM(profile("{truncate: true}")) as server:
        assert read(server) == (FIVE_WORDS, None)


def test_a_garbled_event_is_seen() -> None:
    """The SDK lets the error of its JSON parser through."""
    with MockLLM(profile("{garble: true}")) as server:
        text, error = read(server)
    assert text == FIVE_WORDS
    assert isinstance(error, ValueError)


def test_an_error_event_is_seen() -> None:
    """An overload in the middle of a stream is an error with the body of its event."""
    with MockLLM(profile("{error: true}")) as server:
        text, error = read(server)
    assert text == FIVE_WORDS
    assert isinstance(error, anthropic.APIStatusError)
    body: Any = error.body
    assert body["error"] == {"type": "overloaded_error", "message": "Overloaded"}


def test_the_sdk_tries_an_overload_again() -> None:
    """529 is tried again, and then the answer is whole."""
    again = profile("{fail: {status: 529, headers: {retry-after-ms: '1'}}, first: 2}")
    with MockLLM(again) as server, client_of(server, max_retries=2) as client:
        assert client.messages.create(**ASK).usage.output_tokens == 60
        server.assert_attempts(3)


def test_faults_find_every_event() -> None:
    """`event ping` drops the ping, `tool 2` the second call, `done` the last event."""
    faults = profile("{edit: drop, at: event ping}", "{edit: drop, at: done}", "{edit: drop, at: tool 2}", more="script: tools2\n")  # fmt: skip
    with MockLLM(faults) as server, connected(server.url) as raw:
        body = (
            b'{"model":"m","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"a"}]}'
        )
        raw.send(b"POST /v1/messages HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body) + body)  # fmt: skip
        raw.read_until(b"\r\n\r\n")  # the head may end as the body does
        data = raw.read_until(b"\r\n0\r\n\r\n")
    assert b"event: ping" not in data
    assert b"event: message_stop" not in data
    assert (data.count(b"get_weather"), data.count(b"get_time")) == (1, 0)
    assert b"event: message_delta\n" in data


def test_vllm_speaks_it_too() -> None:
    """The SDK reads vLLM's messages and its errors, which have no id of the request."""
    with MockLLM(profile("{fail: 404, first: 1}", more="dialect: vllm\n")) as server:
        with client_of(server) as client, pytest.raises(anthropic.NotFoundError) as raised:
            client.messages.create(**ASK)
        assert read(server) == (CANONICAL, None)
    assert raised.value.body == {
        "type": "error",
        "error": {"type": "NotFoundError", "message": f"The model `{MODEL}` does not exist."},
    }
    assert raised.value.request_id is None
