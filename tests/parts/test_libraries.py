"""Client libraries in environments of their own: LiteLLM, and the newest SDK of OpenAI behind Envoy.

A library takes seconds to import, so one process makes all calls; each test looks at one outcome.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from tests.parts.envoy import envoy
from tests.parts.installed import need
from tests.parts.test_envoy_bytes import port_of
from tests.sdk import drive
from tests.sdk.conduct import (
    TOOLS2,
    TOOLS_PROFILE,
    WHOLE,
    Conduct,
    Expected,
    both,
    check_calls,
    check_recovery,
    check_soak,
    everyday,
)
from tests.sdk.drive import Ask, Outcome
from tests.sdk.openai_conduct import (
    FLAKY,
    GONE,
    OPENAI,
    OUTGROWN,
    SPENT,
    UNAVAILABLE,
    WRONG_KEY,
)

SPEED = 20
GUARD = 240
"""Seconds after which the process is given up."""
SOAK = 40

# A text that is no JSON, and one outside `error`, do not reach the caller since openai 3.57.
NO_UPSTREAM = Expected(
    "nothing", error="ServiceUnavailableError", status=503, says="Error code: 503"
)
LIMITED = Expected("nothing", error="RateLimitError", status=429, says="Rate limit reached for")
OVERLOADED = Expected(
    "nothing", error="ServiceUnavailableError", status=503, says="currently overloaded"
)
NOT_READY = NO_UPSTREAM
TOO_LONG = Expected(
    "nothing",
    error="ContextWindowExceededError",
    status=500,
    says="This model's maximum context length is 8192 tokens.",
)
FLAT = Expected("nothing", error="InternalServerError", status=500, says="Error code: 500")
"""The same words in KServe's flat shape."""


def broken(says: str = "", timeout: float = 30.0) -> Conduct:
    """A stream that LiteLLM gives up after five words; a whole document is not touched."""
    expected = Expected("five words", error="MidStreamFallbackError", status=500, says=says)
    return Conduct(stream=(expected,), timeout=timeout)


LITELLM: dict[str, Conduct] = {
    "default": both(WHOLE),
    "slow": both(WHOLE),
    "rate-limited": both(LIMITED, LIMITED, WHOLE),
    "overloaded": both(OVERLOADED),
    "upstream-unavailable": both(NO_UPSTREAM),
    "hang-before-headers": both(
        Expected("nothing", error="Timeout", status=408, says="Request timed out."), timeout=0.5
    ),
    "stall-mid-stream": Conduct(
        stream=(Expected("five words", error="Timeout", status=408, says="Request timed out."),),
        timeout=1.5,
    ),
    "stall-then-resume": both(WHOLE),
    "reset-mid-stream": broken(),
    "truncated-clean": broken(),
    "truncated-dirty": broken(),
    "malformed-frame": broken("Unterminated string"),
    "error-in-stream": broken("The server had an error processing your request."),
    "mixed-error-schemas": both(FLAT, TOO_LONG, NO_UPSTREAM, WHOLE),
    "flapping": both(NO_UPSTREAM, NO_UPSTREAM, WHOLE, WHOLE, NO_UPSTREAM),
    "account-limits": both(WHOLE, WHOLE, WHOLE),
    "quota-exhausted": both(SPENT),
    "wrong-key": both(WRONG_KEY),
    "context-too-long": both(replace(OUTGROWN, error="ContextWindowExceededError")),
    "content-filter": both(WHOLE),
    "retry-after-variants": both(*[LIMITED] * 7, WHOLE),
    "deprecated-model": both(GONE),
}
LITELLM_FLAKY = (
    Expected(
        "nothing", error="InternalServerError", status=500, says="The server had an error while"
    ),
    OVERLOADED,
    Expected("nothing", error="InternalServerError", status=500, says="Connection error."),
)
BEHIND_ENVOY_FLAKY = (*FLAKY[:1], UNAVAILABLE)
"""A reset before the head is Envoy's own 503, a plain text that the SDK does not show."""


class Mode(NamedTuple):
    """How a library is called."""

    stream: bool
    asynchronous: bool


MODES = {
    f"{'async' if asynchronous else 'sync'}-{'stream' if stream else 'plain'}": Mode(
        stream, asynchronous
    )
    for asynchronous in (False, True)
    for stream in (False, True)
}
modes = pytest.mark.parametrize("mode", MODES)

Outcomes = dict[tuple[str, str], list[Outcome]]
"""What came of the calls of each profile in each mode."""


def asks_of(
    library: str, table: Mapping[str, Conduct], urls: tuple[str, str], reset: str
) -> dict[tuple[str, str], Ask]:
    """Everything that a library is asked; `urls` are those for profiles and for tools."""
    asks = {}
    for mode, (stream, asynchronous) in MODES.items():
        for name, conduct in table.items():
            model, calls = f"mock-{name}", len(conduct.calls(stream))
            one = Ask(library, urls[0], model, stream, asynchronous, calls, reset=reset)
            one.timeout = conduct.timeout
            asks[name, mode] = one
        soak = Ask(library, urls[0], "mock-flaky", stream, asynchronous, SOAK, reset=reset)
        cold = Ask(library, urls[0], "mock-cold-start", stream, asynchronous, reset=reset)
        cold.until_success = True
        tools = Ask(library, urls[1], "gpt-4o-mini", stream, asynchronous)
        asks |= {("flaky", mode): soak, ("cold-start", mode): cold, ("tools", mode): tools}
    return asks


def run(python: str, asks: dict[tuple[str, str], Ask]) -> Outcomes:
    """Make all calls in one process of another environment."""
    plain = {"PYTHONPATH", "PYTHONHOME"}  # that environment is to find its own packages
    environment = {name: value for name, value in os.environ.items() if name not in plain}
    done = subprocess.run(
        [python, str(Path(drive.__file__))],
        input=json.dumps([asdict(ask) for ask in asks.values()]),
        env=environment | {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "NO_PROXY": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().rpartition("\n")[2])
    outcomes = [[Outcome(**one) for one in calls] for calls in found]
    return dict(zip(asks, outcomes, strict=True))


@pytest.fixture(scope="module")
def litellm() -> Iterator[Outcomes]:
    """What LiteLLM makes of everything."""
    with MockLLM(speed=SPEED) as server, MockLLM(TOOLS_PROFILE) as tools:
        urls = server.openai_url, tools.openai_url
        yield run(
            need("litellm"), asks_of("litellm", LITELLM, urls, f"{server.url}/_mockllm/reset")
        )


@pytest.fixture(scope="module")
def behind_envoy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    """What the newest SDK of OpenAI makes of everything, with Envoy between."""
    folder = tmp_path_factory.mktemp("envoy")
    with ExitStack() as stack:
        server = stack.enter_context(MockLLM(speed=SPEED))
        tools = stack.enter_context(MockLLM(TOOLS_PROFILE))
        urls = [
            stack.enter_context(envoy(folder / name, port_of(upstream), timeout="0s")).url + "/v1"
            for name, upstream in {"profiles": server, "tools": tools}.items()
        ]
        asks = asks_of("openai", OPENAI, (urls[0], urls[1]), f"{server.url}/_mockllm/reset")
        yield run(need("openai"), asks)


def test_no_everyday_profile_is_left_out() -> None:
    assert {*LITELLM, "cold-start", "revoked-key", "flaky"} == everyday()


@pytest.mark.parts("litellm")
@modes
@pytest.mark.parametrize("name", LITELLM)
def test_litellm_makes_of_it_what_it_must(litellm: Outcomes, name: str, mode: str) -> None:
    check_calls(litellm[name, mode], LITELLM[name].calls(MODES[mode].stream))


@pytest.mark.parts("litellm")
@modes
def test_litellm_gets_tool_calls_whole(litellm: Outcomes, mode: str) -> None:
    assert litellm["tools", mode] == [Outcome(finish="tool_calls", tools=TOOLS2)]


@pytest.mark.parts("litellm")
@modes
def test_litellm_recovers_from_a_cold_start(litellm: Outcomes, mode: str) -> None:
    check_recovery(litellm["cold-start", mode], NOT_READY)


@pytest.mark.parts("litellm")
@modes
def test_litellm_fails_on_a_flaky_server_now_and_then(litellm: Outcomes, mode: str) -> None:
    check_soak(litellm["flaky", mode], LITELLM_FLAKY)


@pytest.mark.parts("openai", "envoy")
@modes
@pytest.mark.parametrize("name", OPENAI)
def test_the_newest_sdk_makes_the_same_of_it_behind_envoy(
    behind_envoy: Outcomes, name: str, mode: str
) -> None:
    check_calls(behind_envoy[name, mode], OPENAI[name].calls(MODES[mode].stream))


@pytest.mark.parts("openai", "envoy")
@modes
def test_the_newest_sdk_gets_tool_calls_whole_behind_envoy(
    behind_envoy: Outcomes, mode: str
) -> None:
    assert behind_envoy["tools", mode] == [Outcome(finish="tool_calls", tools=TOOLS2)]


@pytest.mark.parts("openai", "envoy")
@modes
def test_the_newest_sdk_recovers_from_a_cold_start_behind_envoy(
    behind_envoy: Outcomes, mode: str
) -> None:
    check_recovery(behind_envoy["cold-start", mode], UNAVAILABLE)


@pytest.mark.parts("openai", "envoy")
@modes
def test_the_newest_sdk_fails_now_and_then_behind_envoy(behind_envoy: Outcomes, mode: str) -> None:
    check_soak(behind_envoy["flaky", mode], BEHIND_ENVOY_FLAKY)
