"""LitServe's own answers, of an old release and of the newest, and what is said in its name."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from mockllm.shapes.catalogue import catalogue
from tests.parts.answers import GUARD, POLL, Answer, answer_to, chat, free_port, running
from tests.parts.installed import need
from tests.parts.test_envoy_bytes import port_of

PARTS = ("litserve-0.2.5", "litserve")

parts = pytest.mark.parametrize(
    "part", [pytest.param(name, marks=pytest.mark.parts(name)) for name in PARTS]
)


def say(content: str, **fields: object) -> bytes:
    """A request for a chat completion whose only message is this."""
    request = {"model": "m", "messages": [{"role": "user", "content": content}], **fields}
    return chat(body=json.dumps(request).encode())


def predict(body: bytes) -> bytes:
    """A request for a prediction."""
    return chat("/predict", body=body)


class Cause(NamedTuple):
    """What makes a LitServe give an answer."""

    kind: str
    request: bytes
    parts: tuple[str, ...] = PARTS


OLD, NEW = PARTS[:1], PARTS[1:]
CAUSES: dict[str, list[Cause]] = {
    "path-not-found": [Cause("openai", chat("/v1/models")), Cause("plain", chat("/nothing"))],
    "method-not-allowed": [
        Cause("plain", b"GET /predict HTTP/1.1\r\nHost: models.example\r\n\r\n"),
    ],
    "internal-error": [
        Cause("plain", predict(b'{"how": "value"}'), NEW),
        Cause("plain", predict(b"{nope"), NEW),
    ],
    "internal-error-text": [
        Cause("plain", predict(b'{"how": "value"}'), OLD),
        Cause("plain", predict(b"{nope"), OLD),
    ],
    "internal-error-openai": [Cause("openai", say("value"), NEW)],
    "http-exception": [
        Cause("plain", predict(b'{"how": "limited"}')),
        Cause("openai", say("limited")),
    ],
    "http-exception-mapping": [Cause("plain", predict(b'{"how": "mapping"}'))],
    "payload-too-large": [Cause("plain", predict(b'{"how": "%s"}' % (b"a" * 3000)))],
    "missing-messages": [Cause("openai", chat(body=b'{"model":"lit"}'))],
    "stream-error": [Cause("openai", say("value", stream=True), NEW)],
}
"""What makes the servers give each of the answers that ship."""

CASES = [
    pytest.param(name, cause, part, marks=pytest.mark.parts(part), id=f"{name}-{place}-{part}")
    for name, causes in CAUSES.items()
    for place, cause in enumerate(causes)
    for part in cause.parts
]


class Servers:
    """Servers of LitServe, each started when it is asked for first."""

    def __init__(self, stack: ExitStack, folder: Path, pieces: list[str]) -> None:
        self.stack = stack
        self.folder = folder
        self.pieces = json.dumps(pieces)
        self.ports: dict[tuple[str, str], int] = {}

    def port(self, part: str, kind: str) -> int:
        """Where the server of a part and a kind listens, ready to predict."""
        if (part, kind) not in self.ports:
            port = free_port()
            program = str(Path(__file__).with_name("litserve_model.py"))
            command = [need(part), program, str(port), kind, self.pieces]
            log = self.folder / f"{part}-{kind}"
            settings = {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
            self.stack.enter_context(running(command, port, log, **settings))
            wait_until_ready(port)
            self.ports[part, kind] = port
        return self.ports[part, kind]


def wait_until_ready(port: int) -> None:
    """Return when the workers are there."""
    health = b"GET /health HTTP/1.1\r\nHost: models.example\r\n\r\n"
    give_up = time.monotonic() + GUARD
    while not answer_to(port, health).status.startswith("HTTP/1.1 200 "):
        assert time.monotonic() < give_up
        time.sleep(POLL)


class Both(NamedTuple):
    """LitServe, and the port of mockllm."""

    real: Servers
    mock: int


def texts(answer: Answer) -> list[str]:
    """The pieces of a stream."""
    found = [json.loads(text) for text in re.findall(rb"data: (\{.*\})", answer.body)]
    pieces = [chunk["choices"][0]["delta"]["content"] for chunk in found]
    return [piece for piece in pieces if piece]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """LitServe that says the pieces that mockllm says, and mockllm."""
    folder = tmp_path_factory.mktemp("litserve")
    for name in CAUSES:
        text = f"mockllm: 1\nabout: One failure, {name}.\nfaults: [reply: litserve.{name}]\n"
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    profile = "mockllm: 1\ndialect: litserve\nscript: {text: Just a few words.}\n"
    with ExitStack() as stack:
        mock = port_of(stack.enter_context(MockLLM(profile, profiles=folder)))
        pieces = texts(answer_to(mock, say("Hello!", stream=True)))
        assert "".join(pieces) == "Just a few words."
        yield Both(Servers(stack, folder, pieces), mock)


@pytest.mark.parametrize(("name", "cause", "part"), CASES)
def test_an_answer_is_litserve_s_own(both: Both, name: str, cause: Cause, part: str) -> None:
    """Status line, headers in order and case, and body."""
    real = answer_to(both.real.port(part, cause.kind), cause.request)
    assert answer_to(both.mock, chat(f"/p/{name}/v1/chat/completions")) == real


def test_every_answer_is_compared() -> None:
    """None of those that ship is left out."""
    rows = [row.name.removeprefix("litserve.") for row in catalogue() if row.producer == "litserve"]
    assert set(rows) == set(CAUSES)


def of_any_call(answer: Answer) -> Answer:
    """A completion without what is made up for it, and without the tokens that an API may count."""
    said = re.sub(rb'"chatcmpl-[0-9a-f]{6}"', b'"X"', answer.body)
    said = re.sub(rb'("created":)\d+', rb"\1 0", said)
    said = re.sub(rb'("\w+_tokens":)\d+', rb"\1 0", said)
    said = re.sub(rb"(?m)^[0-9a-f]+\r$", b"", said)
    kept = [line for line in answer.headers if not line.startswith("content-length")]
    return Answer(answer.status, kept, said)


@parts
@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_the_dialect_is_litserve_s(both: Both, part: str, stream: bool) -> None:
    """A healthy answer has the same fields in the same order, whole and in each chunk."""
    request = say("Hello!", stream=stream)
    real = answer_to(both.real.port(part, "openai"), request)
    assert of_any_call(answer_to(both.mock, request)) == of_any_call(real)
