"""What no fault touches passes as it is: bytes, endings, times; both ways."""

from __future__ import annotations

import asyncio
import gzip
import json
import select
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
import trustme
import uvloop

from mockllm.server.kernel import reset_on_close
from tests.proxy.build import GUARD, proxied
from tests.record.build import upstream
from tests.server.raw import chat, connected

Factory = Callable[[], asyncio.AbstractEventLoop]
SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FRAME = b'data: {"choices":[{"index":0,"delta":{"content":"w%d "},"finish_reason":null}]}\n\n'
PACKED = gzip.compress(b'{"choices": []}')
LATER = "faults: [{edit: drop, at: content 50}]"
"""A fault that acts on the call, and finds no place in a short answer."""


@pytest.fixture(params=["asyncio", "uvloop"])
def factory(request: pytest.FixtureRequest) -> Factory:
    """Both event loops."""
    return uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop


def chunk(data: bytes) -> bytes:
    """A chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def frame(number: int) -> bytes:
    """A content frame in a chunk of its own."""
    return chunk(FRAME % number)


def saying(*parts: bytes) -> Callable[[socket.socket], None]:
    """What an upstream does that sends these bytes and closes."""
    return lambda sock: sock.sendall(b"".join(parts))


ANSWERS = {
    "stream": SSE + frame(1) + frame(2) + chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n",
    "odd chunks": SSE + b"5;ext=1\r\ndata:\r\n3\r\n 1\n\r\n" + b"0\r\nTrailer: yes\r\n\r\n",
    "torn stream": SSE + frame(1) + frame(2)[:40],
    "document": b"HTTP/1.1 200 OK\r\nX-Odd:  spaced \r\nContent-Length: 2\r\n\r\n{}",
    "packed": b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
    % (len(PACKED), PACKED),
    "error": b"HTTP/1.1 529 \r\ncontent-length: 3\r\nretry-after: 7\r\n\r\nno\n",
    "until the end": b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n",
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
    "short": b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc",
    "large": b"HTTP/1.1 200 OK\r\ncontent-length: 8000000\r\n\r\n" + b"x" * 8_000_000,
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "silence": b"",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_bytes_pass(kind: str, factory: Factory) -> None:
    """Every byte of an answer, and a FIN where the upstream closes early."""
    with (
        upstream(saying(ANSWERS[kind])) as url,
        proxied(url, factory=factory) as proxy,
        connected(proxy.url) as raw,
    ):
        raw.send(chat(close=True))
        assert raw.read_all() == (ANSWERS[kind], "fin")
        (entry,) = proxy.calls()
    assert entry.outcome.bytes_sent == len(ANSWERS[kind])
    if kind != "large":  # of which the journal keeps the beginning
        assert entry.bytes_written == ANSWERS[kind]


def test_an_answer_that_ends_before_the_request(factory: Factory) -> None:
    """It passes while the rest of the request is on its way, and the connection ends once."""
    answer = ANSWERS["until the end"]
    with (
        upstream(saying(answer), hasty=True) as url,
        proxied(url, factory=factory) as proxy,
        connected(proxy.url) as raw,
    ):
        raw.send(chat(close=True, padding="x" * (16 << 20)))
        assert raw.read_all() == (answer, "fin")
        (entry,) = proxy.calls()
    assert entry.outcome.bytes_sent == len(answer)


@pytest.mark.parametrize("profile", ["", LATER])
def test_a_connection_stays(profile: str) -> None:
    """An answer that is whole leaves the client's connection open, for the next call."""
    with (
        upstream(saying(ANSWERS["stream"])) as url,
        proxied(url, profile) as proxy,
        connected(proxy.url) as raw,
    ):
        for _ in range(2):
            raw.send(chat())
            assert raw.read_while_not_ended(b"0\r\n\r\n") == ANSWERS["stream"]
        assert [entry.frames_sent for entry in proxy.calls()] == [3, 3]


def test_requests_pass() -> None:
    """Method, target, headers with credentials, and the body as it came, packed or not."""
    asked: list[bytes] = []
    body = gzip.compress(json.dumps({"model": "m", "stream": True}).encode())
    head = (
        b"PUT /any/where?key=s3cret&x=%%20 HTTP/1.1\r\nHost: client\r\n"
        b"Authorization: Bearer sk-0123456789abcdef\r\nX-Odd: yes\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    with (
        upstream(saying(ANSWERS["document"]), asked=asked) as url,
        proxied(f"{url}/base", "routes: [{match: {path: /any/*}}]") as proxy,
        connected(proxy.url) as raw,
    ):
        raw.send(head + body)
        raw.read_while_not_ended(b"{}")
        (entry,) = proxy.calls()
    (request,) = asked
    lines, _, sent = request.partition(b"\r\n\r\n")
    assert lines.startswith(b"PUT /base/any/where?key=s3cret&x=%20 HTTP/1.1\r\n")
    assert b"\r\nAuthorization: Bearer sk-0123456789abcdef\r\n" in lines
    assert b"\r\nHost: 127.0.0.1:" in lines
    assert sent == body
    assert entry.json == {"model": "m", "stream": True}
    assert entry.headers["authorization"] == "Bearer ***cdef"
    assert b"s3cret" not in json.dumps(entry.as_json()).encode()


@pytest.mark.parametrize("profile", ["", LATER])
def test_frames_pass_at_once(profile: str, factory: Factory) -> None:
    """The next frame is sent only when the one before has reached the client."""
    arrived = threading.Semaphore(0)

    def answer(sock: socket.socket) -> None:
        sock.sendall(SSE)
        for number in range(1, 5):
            assert arrived.acquire(timeout=GUARD)
            sock.sendall(frame(number))
        assert arrived.acquire(timeout=GUARD)
        sock.sendall(b"0\r\n\r\n")

    with (
        upstream(answer) as url,
        proxied(url, profile, factory=factory) as proxy,
        connected(proxy.url) as raw,
    ):
        raw.send(chat())
        raw.read_until(b"\r\n\r\n")
        for number in range(1, 5):
            arrived.release()
            raw.read_until(FRAME % number + b"\r\n")
            (entry,) = proxy.playing()
            assert (entry.frames_sent, entry.outcome.ending) == (number, "playing")
        arrived.release()
        raw.read_until(b"0\r\n\r\n")
        (entry,) = proxy.calls()
        assert (entry.frames_sent, entry.outcome.ending) == (4, "done")


@pytest.mark.parametrize("profile", ["", LATER])
def test_a_reset_stays_a_reset(profile: str, factory: Factory) -> None:
    """What came before it arrives, then an RST; the journal says both."""
    got = threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(SSE + frame(1))
        assert got.wait(GUARD)
        reset_on_close(sock)

    with (
        upstream(answer) as url,
        proxied(url, profile, factory=factory) as proxy,
        connected(proxy.url) as raw,
    ):
        raw.send(chat())
        raw.read_until(FRAME % 1 + b"\r\n")
        got.set()
        assert raw.read_all() == (b"", "rst")
        (entry,) = proxy.calls()
    assert (entry.outcome.ending, entry.frames_sent) == ("reset", 1)
    assert entry.bytes_written == SSE + frame(1)


@pytest.mark.parametrize("profile", ["", LATER])
def test_what_was_never_there(profile: str, caplog: pytest.LogCaptureFixture) -> None:
    """A connection that is refused is a reset for the client, and a line in the log."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with proxied(f"http://127.0.0.1:{port}", profile) as proxy, connected(proxy.url) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
        (entry,) = proxy.calls()
    assert (entry.status, entry.outcome.ending) == (None, "reset")
    assert f"http://127.0.0.1:{port}: refused: " in caplog.text


@pytest.mark.parametrize("profile", ["", LATER, "faults: [{wait: forever, at: head}]"])
@pytest.mark.parametrize("head", [b"", SSE])
def test_a_client_that_leaves(profile: str, head: bytes, factory: Factory) -> None:
    """The upstream's connection is closed, and the journal says when the client left."""
    here, left = threading.Event(), threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(head)
        here.set()
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        left.set()

    with upstream(answer) as url, proxied(url, profile, factory=factory) as proxy:
        with connected(proxy.url) as raw:
            raw.send(chat())
            assert here.wait(GUARD)
            if head:
                raw.read_until(b"\r\n\r\n")
        assert left.wait(GUARD)
        (entry,) = proxy.calls()
    assert (entry.outcome.ending, entry.outcome.peer) == ("peer gone", "fin")


@pytest.mark.parametrize("profile", ["", "faults: [{wait: 30m, at: head}]"])
def test_a_slow_reader_slows_the_upstream(profile: str, factory: Factory) -> None:
    """What the client does not take is not read: the upstream cannot send on."""
    total = 64 << 20
    blocked = threading.Event()
    sent = [0]

    def answer(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
        sock.setblocking(False)
        bit = (b"data: " + b"x" * 1016 + b"\n\n") * 64
        while sent[0] < total:
            _, ready, _ = select.select([], [sock], [], 0.5)
            if not ready:
                blocked.set()
                select.select([], [sock], [], GUARD)
            sent[0] += sock.send(bit[: total - sent[0]])

    with (
        upstream(answer) as url,
        proxied(url, profile, factory=factory) as proxy,
        connected(proxy.url, receive_buffer=65536) as raw,
    ):
        raw.send(chat())
        raw.read_until(b"\r\n\r\n")
        assert blocked.wait(GUARD)
        assert sent[0] < total / 2
        if not profile:
            left = total - len(raw.pending)
            while left:
                left -= len(raw.sock.recv(1 << 20))


def test_tls() -> None:
    """An upstream over TLS; one that nobody vouches for is a reset."""
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    profile = "faults: [{edit: {set: {choices.0.delta.content: NO}}, at: content 2}]"
    with upstream(saying(ANSWERS["stream"]), tls=tls) as url:
        with proxied(url, profile, trust=trust) as proxy, connected(proxy.url) as raw:
            raw.send(chat())
            data = raw.read_while_not_ended(b"0\r\n\r\n")
        with proxied(url, profile) as proxy, connected(proxy.url) as raw:
            raw.send(chat())
            assert raw.read_all() == (b"", "rst")
    assert b'"content":"w1 "' in data
    assert b'"content":"NO"' in data
