"""Envoy's own replies, and ours in its name, to the same bytes of a request."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from tests.parts.envoy import envoy

PROFILE = "mockllm: 1\nfaults: [{reply: envoy.no-healthy-upstream}]\n"
GUARD = 20.0
"""Seconds without a byte after which a test gives up; Envoy closes after one."""

BODY = b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello!"}]}'
TO_CHAT = b"POST /v1/chat/completions HTTP/1.1\r\nHost: models.example\r\n"
TO_MODELS = b" /v1/models HTTP/1.1\r\nHost: models.example\r\n"
LENGTH = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(BODY)

KEPT = {
    "GET": b"GET" + TO_MODELS + b"\r\n",
    "HEAD": b"HEAD" + TO_MODELS + b"\r\n",
    "GET with a query": b"GET /v1/models?limit=2 HTTP/1.1\r\nHost: models.example\r\n\r\n",
    "POST without a body": TO_CHAT + b"Content-Length: 0\r\n\r\n",
}
"""Requests after which Envoy keeps the connection."""

CLOSED = {
    "GET that asks to close": b"GET" + TO_MODELS + b"Connection: close\r\n\r\n",
    "POST": TO_CHAT + LENGTH + b"\r\n" + BODY,
    "POST that asks to close": TO_CHAT + b"Connection: close\r\n" + LENGTH + b"\r\n" + BODY,
    "POST in chunks": TO_CHAT
    + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY),
    "POST of no JSON": TO_CHAT + b"Content-Length: 3\r\n\r\n{{{",
    "POST that expects 100": TO_CHAT + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n" + BODY,
}
"""Requests after which Envoy closes it; it leaves their bodies unread."""


class Pair(NamedTuple):
    """The ports of Envoy and of mockllm."""

    real: int
    mock: int


def port_of(server: MockLLM) -> int:
    """Where a server listens."""
    return int(server.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Envoy without an upstream, and mockllm that says the same."""
    with envoy(tmp_path_factory.mktemp("envoy"), None) as real, MockLLM(PROFILE) as mock:
        yield Pair(real.port, port_of(mock))


def connect(port: int) -> socket.socket:
    """A connection that gives up when nothing comes."""
    return socket.create_connection(("127.0.0.1", port), timeout=GUARD)


def without_date(answer: bytes) -> bytes:
    """An answer with an X for the value of its date."""
    dated, count = re.subn(rb"(?m)^date: \w{3}, .* GMT\r$", b"date: X\r", answer)
    assert count == 1, answer
    return dated


def until_closed(port: int, request: bytes) -> bytes:
    """Everything up to the FIN; a reset raises, and so does a connection that stays open."""
    answer = b""
    with connect(port) as sock:
        sock.sendall(request)
        while data := sock.recv(65536):
            answer += data
    return without_date(answer)


def read_answer(sock: socket.socket, *, has_body: bool) -> bytes:
    """One answer of a connection that is kept: its head, and as much as that announces."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        data = sock.recv(65536)
        assert data, answer
        answer += data
    found = re.search(rb"\r\ncontent-length: (\d+)\r\n", answer)
    assert found, answer
    length = answer.index(b"\r\n\r\n") + 4 + (int(found[1]) if has_body else 0)
    while len(answer) < length:
        data = sock.recv(65536)
        assert data, answer
        answer += data
    return without_date(answer)


def first_answer(port: int, request: bytes) -> bytes:
    """One answer, whatever becomes of the connection."""
    with connect(port) as sock:
        sock.sendall(request)
        return read_answer(sock, has_body=True)


def twice(port: int, request: bytes) -> tuple[bytes, bytes]:
    """The answers to two requests on one connection."""
    has_body = not request.startswith(b"HEAD")
    with connect(port) as sock:
        sock.sendall(request)
        first = read_answer(sock, has_body=has_body)
        sock.sendall(request)
        return first, read_answer(sock, has_body=has_body)


@pytest.mark.parts("envoy")
@pytest.mark.parametrize("name", CLOSED)
def test_both_answer_with_the_same_bytes_and_close(pair: Pair, name: str) -> None:
    with ThreadPoolExecutor() as pool:  # each takes the second that Envoy waits
        real, mock = pool.map(lambda port: until_closed(port, CLOSED[name]), pair)
    assert mock == real
    assert b"HTTP/1.1 503 Service Unavailable\r\n" in real
    assert b"\r\nconnection: close\r\n" in real
    assert real.endswith(b"\r\n\r\nno healthy upstream")


@pytest.mark.parts("envoy")
@pytest.mark.parametrize("name", KEPT)
def test_both_answer_with_the_same_bytes_and_keep_the_connection(pair: Pair, name: str) -> None:
    real, mock = (twice(port, KEPT[name]) for port in pair)
    assert mock == real
    assert real[0] == real[1]
    assert real[0].startswith(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 19\r\n")
    assert b"connection" not in real[0].lower()


@pytest.mark.parts("envoy")
@pytest.mark.parametrize("name", ["GET", "POST"])
def test_the_shape_says_what_envoy_says_of_a_timeout(tmp_path: Path, name: str) -> None:
    request = {**KEPT, **CLOSED}[name]
    shape = "mockllm: 1\nfaults: [{fail: {status: 504, shape: envoy}}]\n"
    with (
        MockLLM("mockllm: 1\nfaults: [{hang: forever}]\n") as hung,
        envoy(tmp_path, port_of(hung), timeout="0.2s") as real,
        MockLLM(shape) as mock,
    ):
        answers = [first_answer(port, request) for port in (real.port, port_of(mock))]
    assert b"HTTP/1.1 504 Gateway Timeout\r\n" in answers[0]
    assert answers[0] == answers[1]
