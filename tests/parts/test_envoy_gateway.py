"""A real Envoy in front of mockllm: what curl sees behind it of each everyday profile."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from mockllm import MockLLM
from mockllm.scripts.named import CANONICAL
from tests.parts.envoy import Envoy, envoy
from tests.parts.installed import need
from tests.parts.test_envoy_bytes import port_of
from tests.sdk.conduct import (
    TOOLS2,
    TOOLS_PROFILE,
    Amount,
    assert_text,
    assert_whole,
    everyday,
)

pytestmark = pytest.mark.parts("envoy", "curl")

SPEED = 50
GUARD = 30
"""Seconds that curl may take where nothing hangs."""
HANG = 1
"""Seconds that curl may take where it must give up itself."""
CUT, GAVE_UP = 18, 28
"""Exit statuses of curl: the body ended before its end; --max-time has passed."""
SIXTH = " from"
"""The piece that is lost when the sixth frame is broken."""


@dataclass
class Seen:
    """What curl has received."""

    exit: int
    status: int
    body: bytes
    text: str = ""
    finish: str | None = None
    done: bool = False
    error: str = ""
    """The message of an error object, or a body that is no JSON."""
    broken: int = 0
    """Events that are no JSON."""

    def read(self) -> None:
        """Take the text and the rest from the body."""
        if not self.body.startswith(b"data: "):
            self.take(self.body.decode())
            return
        for event in self.body.decode().split("\n\n")[:-1]:
            data = event.removeprefix("data: ")
            if data == "[DONE]":
                self.done = True
            else:
                self.take(data, in_stream=True)

    def take(self, data: str, *, in_stream: bool = False) -> None:
        """Take one document."""
        try:
            document: dict[str, Any] = json.loads(data)
        except ValueError:
            self.broken += in_stream
            self.error = self.error if in_stream else data
            return
        error = document.get("error")
        if error:
            self.error = error if isinstance(error, str) else error["message"]
        for choice in document.get("choices", ()):
            part = choice["delta" if in_stream else "message"]
            self.text += part.get("content") or ""
            self.finish = choice["finish_reason"] or self.finish


@dataclass(frozen=True)
class Must:
    """What curl must have received."""

    status: int = 200
    exit: int = 0
    text: Amount = "nothing"
    finish: str | None = None
    done: bool = False
    error: str = ""
    """What the error says, or its beginning."""

    def check(self, seen: Seen) -> None:
        """Fail unless curl has seen this."""
        got = (seen.status, seen.exit, seen.finish, seen.done, seen.broken)
        assert got == (self.status, self.exit, self.finish, self.done, 0), seen
        assert_text(seen.text, self.text)
        assert seen.error.startswith(self.error), seen
        assert bool(seen.error) == bool(self.error), seen


WHOLE = Must(text="whole", finish="stop")
STREAMED = Must(text="whole", finish="stop", done=True)
UNAVAILABLE = Must(503, error="no healthy upstream")
LIMITED = Must(429, error="Rate limit reached for gpt-4o-mini")
LIMITED_TOO = Must(429, error="Rate limit reached for mock-retry-after-variants")
SPENT = Must(429, error="You exceeded your current quota")
NO_KEY = Must(401, error="You didn't provide an API key.")
OUTGROWN = Must(400, error="This model's maximum context length is 4 tokens.")
GONE = Must(404, error="The model `mock-deprecated-model` has been deprecated")
OVERLOADED = Must(503, error="Our servers are currently overloaded.")
NOT_READY = Must(503, error="Model with name mock-cold-start is not ready.")
HUNG = Must(0, GAVE_UP)
TOO_LONG = "This model's maximum context length is 8192 tokens."
MIXED = (Must(500, error=f"ValueError : {TOO_LONG}"), Must(500, error=TOO_LONG), UNAVAILABLE)

TABLE: dict[str, tuple[list[Must], list[Must]]] = {
    # profile: calls that are streamed, calls that are not
    "default": ([STREAMED], [WHOLE]),
    "slow": ([STREAMED], [WHOLE]),
    "rate-limited": ([LIMITED, LIMITED, STREAMED], [LIMITED, LIMITED, WHOLE]),
    "overloaded": ([OVERLOADED], [OVERLOADED]),
    "upstream-unavailable": ([UNAVAILABLE], [UNAVAILABLE]),
    "hang-before-headers": ([HUNG], [HUNG]),
    "stall-mid-stream": ([Must(exit=GAVE_UP, text="five words")], [WHOLE]),
    "stall-then-resume": ([STREAMED], [WHOLE]),
    # Envoy turns the reset of its upstream into a FIN without the end of the body.
    "reset-mid-stream": ([Must(exit=CUT, text="five words")], [WHOLE]),
    "truncated-clean": ([Must(text="five words")], [WHOLE]),
    "truncated-dirty": ([Must(exit=CUT, text="five words")], [WHOLE]),
    "error-in-stream": (
        [Must(text="five words", done=True, error="The server had an error processing")],
        [WHOLE],
    ),
    "mixed-error-schemas": ([*MIXED, STREAMED], [*MIXED, WHOLE]),
    "flapping": (
        [UNAVAILABLE, UNAVAILABLE, STREAMED, STREAMED, UNAVAILABLE],
        [UNAVAILABLE, UNAVAILABLE, WHOLE, WHOLE, UNAVAILABLE],
    ),
    "account-limits": ([STREAMED] * 3, [WHOLE] * 3),
    "quota-exhausted": ([SPENT], [SPENT]),
    # curl sends no key.
    "wrong-key": ([NO_KEY], [NO_KEY]),
    "revoked-key": ([NO_KEY], [NO_KEY]),
    "context-too-long": ([OUTGROWN], [OUTGROWN]),
    "content-filter": ([STREAMED], [WHOLE]),
    "retry-after-variants": ([*[LIMITED_TOO] * 7, STREAMED], [*[LIMITED_TOO] * 7, WHOLE]),
    "deprecated-model": ([GONE], [GONE]),
}
"""`cold-start` goes by the clock, `flaky` by chance, and `malformed-frame` loses a word: they have
tests of their own."""

GIVES_UP = {"hang-before-headers", "stall-mid-stream"}

stream = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])


@pytest.fixture(scope="module")
def upstream() -> Iterator[MockLLM]:
    """The server behind Envoy."""
    with MockLLM(speed=SPEED) as server:
        yield server


@pytest.fixture(scope="module")
def gateway(upstream: MockLLM, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    """Envoy in front of it, without a limit on the time of an answer."""
    folder = tmp_path_factory.mktemp("gateway")
    with envoy(folder, port_of(upstream), timeout="0s") as front:
        yield front


@pytest.fixture(autouse=True)
def as_new(upstream: MockLLM) -> None:
    """Counts and clock begin anew for each test."""
    upstream.clear()


def curl(gateway: Envoy, model: str, *, stream: bool, limit: int = GUARD) -> Seen:
    """One call through Envoy."""
    request = {
        "model": model,
        "stream": stream,
        "messages": [{"role": "user", "content": "Hello!"}],
    }
    command = [need("curl"), "-sN", "--noproxy", "*", "--max-time", str(limit)]
    command += ["-H", "content-type: application/json", "-d", json.dumps(request)]
    command += ["-w", "%{stderr}%{http_code}", f"{gateway.url}/v1/chat/completions"]
    done = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    seen = Seen(done.returncode, int(done.stderr), done.stdout)
    seen.read()
    return seen


@stream
@pytest.mark.parametrize("name", TABLE)
def test_curl_sees_what_it_must(gateway: Envoy, name: str, stream: bool) -> None:
    limit = HANG if name in GIVES_UP else GUARD
    for must in TABLE[name][0 if stream else 1]:
        must.check(curl(gateway, f"mock-{name}", stream=stream, limit=limit))


def test_no_everyday_profile_is_left_out() -> None:
    assert {*TABLE, "cold-start", "flaky", "malformed-frame"} == everyday()


def test_a_broken_frame_arrives_broken(gateway: Envoy) -> None:
    seen = curl(gateway, "mock-malformed-frame", stream=True)
    assert (seen.status, seen.exit, seen.finish, seen.done) == (200, 0, "stop", True), seen
    assert seen.broken == 1
    assert seen.text == CANONICAL.replace(SIXTH, "", 1)
    WHOLE.check(curl(gateway, "mock-malformed-frame", stream=False))


@stream
def test_tool_calls_arrive_whole(upstream: MockLLM, gateway: Envoy, stream: bool) -> None:
    upstream.use(TOOLS_PROFILE)
    seen = curl(gateway, "gpt-4o-mini", stream=stream)
    assert (seen.status, seen.exit, seen.text, seen.finish) == (200, 0, "", "tool_calls"), seen
    assert tools_of(seen.body, stream=stream) == TOOLS2


def tools_of(body: bytes, *, stream: bool) -> list[list[str]]:
    """Names and arguments of the tool calls in a body."""
    if not stream:
        calls = json.loads(body)["choices"][0]["message"]["tool_calls"]
        return [[call["function"]["name"], call["function"]["arguments"]] for call in calls]
    tools: list[list[str]] = []
    for event in body.decode().split("\n\n")[:-2]:
        delta = json.loads(event.removeprefix("data: "))["choices"][0]["delta"]
        for call in delta.get("tool_calls", ()):
            if call["index"] == len(tools):
                tools.append(["", ""])
            tools[call["index"]][0] += call["function"].get("name", "")
            tools[call["index"]][1] += call["function"].get("arguments", "")
    return tools


@stream
def test_a_cold_start_is_refused_until_it_answers(gateway: Envoy, stream: bool) -> None:
    give_up = time.monotonic() + GUARD
    while (seen := curl(gateway, "mock-cold-start", stream=stream)).status != 200:
        NOT_READY.check(seen)
        assert time.monotonic() < give_up
    (STREAMED if stream else WHOLE).check(seen)


@stream
def test_a_flaky_server_fails_now_and_then(gateway: Envoy, stream: bool) -> None:
    reset = "upstream connect error or disconnect/reset before headers."
    failures = (
        Must(500, error="The server had an error"),
        Must(503, error="Our servers are currently overloaded."),
        Must(503, error=f"{reset} reset reason: connection termination"),
    )
    failed = 0
    for _ in range(40):
        seen = curl(gateway, "mock-flaky", stream=stream)
        if seen.status == 200:
            (STREAMED if stream else WHOLE).check(seen)
            continue
        failed += 1
        (must,) = (must for must in failures if seen.error.startswith(must.error))
        must.check(seen)
    assert 0 < failed < 40


@pytest.mark.parametrize("body", [b"", json.dumps({"choices": []}).encode()])
def test_an_empty_answer_is_no_whole_one(body: bytes) -> None:
    seen = Seen(0, 200, body)
    seen.read()
    with pytest.raises(AssertionError):
        assert_whole(seen.text)
    with pytest.raises(AssertionError):
        WHOLE.check(seen)
