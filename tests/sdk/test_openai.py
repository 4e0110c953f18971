"""OpenAI's Python SDK, sync and async, streamed and not, against the everyday profiles."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from mockllm import MockLLM
from tests.sdk.conduct import (
    TOOLS2,
    TOOLS_PROFILE,
    assert_whole,
    check_calls,
    check_recovery,
    check_soak,
    everyday,
)
from tests.sdk.drive import Ask, Outcome, drive
from tests.sdk.openai_conduct import FLAKY, OPENAI, UNAVAILABLE

SPEED = 50
"""Waits pass so many times faster; the client's own limits do not."""

asynchronous = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
stream = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


def ask(server: MockLLM, model: str, *, stream: bool, asynchronous: bool) -> Ask:
    """One call through the SDK."""
    return Ask("openai", server.openai_url, model, stream, asynchronous)


def outcomes_of(ask: Ask) -> list[Outcome]:
    """What came of the calls."""
    return asyncio.run(drive(ask))


@asynchronous
@stream
@pytest.mark.parametrize("name", OPENAI)
def test_an_everyday_profile_comes_to_what_it_must(
    name: str, stream: bool, asynchronous: bool
) -> None:
    expected = OPENAI[name].calls(stream)
    with MockLLM(speed=SPEED) as server:
        one = ask(server, f"mock-{name}", stream=stream, asynchronous=asynchronous)
        outcomes = outcomes_of(replace(one, calls=len(expected), timeout=OPENAI[name].timeout))
        server.assert_attempts(len(expected))
    check_calls(outcomes, expected)


def test_no_everyday_profile_is_left_out() -> None:
    assert {*OPENAI, "cold-start", "revoked-key", "flaky"} == everyday()


@asynchronous
@stream
def test_tool_calls_arrive_whole(stream: bool, asynchronous: bool) -> None:
    with MockLLM(TOOLS_PROFILE) as server:
        (outcome,) = outcomes_of(
            ask(server, "gpt-4o-mini", stream=stream, asynchronous=asynchronous)
        )
    assert outcome == Outcome(finish="tool_calls", tools=TOOLS2)


@stream
def test_a_cold_start_is_refused_at_first(stream: bool) -> None:
    with MockLLM() as server:
        check_calls(
            outcomes_of(ask(server, "mock-cold-start", stream=stream, asynchronous=False)),
            (UNAVAILABLE,),
        )


@asynchronous
@stream
def test_a_cold_start_ends_with_whole_answers(stream: bool, asynchronous: bool) -> None:
    with MockLLM(speed=SPEED) as server:
        one = ask(server, "mock-cold-start", stream=stream, asynchronous=asynchronous)
        check_recovery(outcomes_of(replace(one, until_success=True)), UNAVAILABLE)


@stream
def test_a_flaky_server_fails_now_and_then_and_the_same_way_again(stream: bool) -> None:
    runs = []
    for _ in range(2):
        with MockLLM(seed=3) as server:
            one = ask(server, "mock-flaky", stream=stream, asynchronous=False)
            runs.append(outcomes_of(replace(one, calls=40)))
    check_soak(runs[0], FLAKY)
    assert runs[0] == runs[1]


def test_the_sdk_retries_a_rate_limit_after_what_the_server_says() -> None:
    import openai

    limited = (
        'mockllm: 1\nfaults: [{fail: {status: 429, headers: {retry-after-ms: "1"}}, first: 2}]\n'
    )
    with (
        MockLLM(limited) as server,
        openai.OpenAI(base_url=server.openai_url, api_key="none", max_retries=2) as client,
    ):
        answer = client.chat.completions.create(
            model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello!"}]
        )
        server.assert_attempts(3)
    assert_whole(answer.choices[0].message.content or "")
