"""Accounts, as the SDKs of OpenAI and Anthropic meet them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import anthropic
import openai
import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL

HELLO = [{"role": "user", "content": "Hello!"}]


@contextmanager
def served(account: str, key: str = "team-a", retries: int = 0) -> Iterator[tuple[MockLLM, openai.OpenAI]]:  # fmt: skip
    """A server with such an account, and OpenAI's client of it."""
    with (
        MockLLM(f"mockllm: 1\naccount: {{{account}}}\n") as server,
        openai.OpenAI(base_url=server.openai_url, api_key=key, max_retries=retries) as client,
    ):
        yield server, client


def say(client: openai.OpenAI, model: str = "gpt-4o-mini", **options: int) -> str:
    """One call; the text of its answer."""
    made = client.chat.completions.create(model=model, messages=HELLO, **options)  # type: ignore[call-overload]
    return made.choices[0].message.content or ""


def test_a_limit_comes_back_with_the_clock() -> None:
    """The error carries code and type; a minute later all three requests are back."""
    with served("rpm: 3") as (server, client):
        assert [say(client) for _ in range(3)] == [CANONICAL] * 3
        with pytest.raises(openai.RateLimitError) as caught:
            say(client)
        server.server.clock.advance(60)
        assert [say(client) for _ in range(3)] == [CANONICAL] * 3
    error = caught.value
    assert (error.code, error.type, error.status_code) == ("rate_limit_exceeded", "requests", 429)
    assert error.response.headers["x-ratelimit-remaining-requests"] == "0"
    wait = int(error.response.headers["retry-after-ms"])
    assert 0 < wait <= 20_000
    assert int(error.response.headers["retry-after"]) == -(-wait // 1000)


def test_the_sdk_waits_as_long_as_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps for retry-after-ms, not for the longer retry-after, and is then let in."""
    slept = []

    def sleep(seconds: float) -> None:
        """What the SDK does between two attempts: here the server's clock moves instead."""
        slept.append(seconds)
        server.server.clock.advance(seconds)

    fake = SimpleNamespace(sleep=sleep, time=time.time)
    monkeypatch.setattr("openai._base_client.time", fake)
    with served("rpm: 3", retries=1) as (server, client):
        assert [say(client) for _ in range(4)] == [CANONICAL] * 4
        server.assert_attempts(5)
        refused, answered = list(server.calls)[-2:]
    assert (refused.status, answered.status) == (429, 200)
    assert refused.plan.head is not None
    told = dict(refused.plan.head.headers)
    assert slept == [int(told["retry-after-ms"]) / 1000]
    assert slept[0] <= int(told["retry-after"])


def test_the_headers_of_answers_tell_what_is_left() -> None:
    """Also those of a stream."""
    with served("rpm: 60, tpm: 1000") as (_, client):
        raw = client.chat.completions.with_raw_response
        whole = raw.create(model="gpt-4o-mini", messages=HELLO)  # type: ignore[arg-type]
        stream = raw.create(model="gpt-4o-mini", messages=HELLO, stream=True)  # type: ignore[arg-type]
        left = [int(one.headers["x-ratelimit-remaining-requests"]) for one in (whole, stream)]
        assert left[0] == 59
        assert left[1] in (58, 59)
        assert whole.headers["x-ratelimit-reset-requests"] == "1s"


def test_an_empty_account_is_told_by_its_code() -> None:
    """The 429 of an account without money has a code and a type of its own."""
    with served("quota: 0") as (_, client), pytest.raises(openai.RateLimitError) as caught:
        say(client)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota",) * 2
    assert "retry-after" not in caught.value.response.headers


def test_what_was_sent_is_paid_for() -> None:
    """Two answers of sixty tokens use up a hundred."""
    with served("quota: 100") as (_, client):
        assert [say(client) for _ in range(2)] == [CANONICAL] * 2
        with pytest.raises(openai.RateLimitError, match="exceeded your current quota"):
            say(client)


def test_a_key_is_revoked_while_the_program_runs() -> None:
    """One and the same client is let in, and a moment later it is not."""
    with served("keys: {accept: team-*, revoked: {team-a: 1h}}") as (server, client):
        assert say(client) == CANONICAL
        server.server.clock.advance(3600)
        with pytest.raises(openai.AuthenticationError, match="provided: team-a"):
            say(client)
        assert say(client.with_options(api_key="team-b")) == CANONICAL
        refused = list(server.calls)[1]
    assert refused.status == 401


def test_a_conversation_that_is_too_long() -> None:
    """The error tells the numbers."""
    with served("context: 100") as (_, client), pytest.raises(openai.BadRequestError) as caught:
        say(client, max_tokens=1000)
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")
    assert "you requested 1009 tokens (9 in the messages, 1000 in the completion)" in str(
        caught.value
    )


def test_a_model_that_is_gone() -> None:
    """A 404 with the code of unknown models."""
    with served("retired: gpt-3*") as (_, client), pytest.raises(openai.NotFoundError) as caught:
        say(client, "gpt-3-old")
    assert caught.value.code == "model_not_found"


def test_anthropics_sdk_meets_a_limit() -> None:
    """Its error has Anthropic's type, and its headers are Anthropic's."""
    with (
        MockLLM("mockllm: 1\naccount: {rpm: 1}\n") as server,
        anthropic.Anthropic(base_url=server.url, api_key="team-a", max_retries=0) as client,
    ):
        client.messages.create(model="claude-x", max_tokens=50, messages=HELLO)  # type: ignore[arg-type]
        with pytest.raises(anthropic.RateLimitError) as caught:
            client.messages.create(model="claude-x", max_tokens=50, messages=HELLO)  # type: ignore[arg-type]
    assert "rate limit of 1 requests per minute" in str(caught.value)
    assert caught.value.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
