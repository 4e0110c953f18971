"""How upstreams are reached, and what of a request they get: proxies, failures, bodies of all kinds."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from pathlib import Path

import pytest
import trustme

from mockllm import MockLLM
from mockllm.record.upstream import Upstream
from tests.record.build import GUARD, cassette, recording, upstream
from tests.server.raw import Raw, chat, connected

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A cassette."""
    return tmp_path / "c.yaml"


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without proxies, to be changed."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@contextmanager
def tunnelling(port: int, asked: list[bytes]) -> Iterator[str]:
    """The URL of a proxy that opens tunnels to a port, whatever host is asked for."""
    listening = socket.create_server(("127.0.0.1", 0))

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def run() -> None:
        with suppress(OSError):
            client, _ = listening.accept()
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                asked.append(client.recv(65536))
                client.sendall(b"HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n")
                back = threading.Thread(target=copy, args=(server, client))
                back.start()
                copy(client, server)
                back.join(GUARD)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.close()
        thread.join(GUARD)


def test_tls_through_a_tunnel(out: Path, bare: pytest.MonkeyPatch) -> None:
    """TLS goes through a tunnel of the environment's proxy, to the name that was asked for."""
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("api.test").configure_cert(served)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    asked: list[bytes] = []
    with (
        upstream(lambda sock: sock.sendall(OK), tls=served) as url,
        tunnelling(int(url.rpartition(":")[2]), asked) as proxy,
    ):
        bare.setenv("https_proxy", proxy.replace("//", "//me:word@"))
        with recording("https://api.test", out, trust=trust) as to, connected(to) as raw:
            raw.send(chat())
            assert raw.read_while_not_ended(b"hi") == OK
    assert asked[0].startswith(b"CONNECT api.test:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6d29yZA==\r\n" in asked[0]
    assert cassette(out).exchanges[0].recording.ending == "complete"
    assert "bWU6d29yZA" not in out.read_text("utf-8")


def test_hosts_without_a_proxy(out: Path, bare: pytest.MonkeyPatch) -> None:
    """NO_PROXY names those that are asked directly."""
    bare.setenv("http_proxy", "http://127.0.0.1:1")
    bare.setenv("no_proxy", "127.0.0.1")
    with (
        upstream(lambda sock: sock.sendall(OK)) as url,
        recording(url, out) as recorder,
        connected(recorder) as raw,
    ):
        raw.send(chat())
        assert raw.read_while_not_ended(b"hi") == OK


@contextmanager
def answered(out: Path, asked: list[bytes]) -> Iterator[Raw]:
    """A connection to a recorder whose upstream answers each request, and puts it into `asked`."""
    with (
        upstream(lambda sock: sock.sendall(OK), asked=asked) as url,
        recording(url, out) as recorder,
        connected(recorder) as raw,
    ):
        raw.sock.settimeout(GUARD)
        yield raw


def fails(ending: str, out: Path) -> None:
    """A request to an upstream that cannot be reached: a reset for the client, the reason in the file."""
    with recording("http://api.test:81", out) as recorder, connected(recorder) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
    assert [one.recording.ending for one in cassette(out)] == [ending]


def test_a_name_without_an_address(out: Path, bare: pytest.MonkeyPatch) -> None:
    """`unresolved`."""

    async def none(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    bare.setattr(Upstream, "_connect", none)
    fails("unresolved", out)


def test_a_connection_that_does_not_come_about(out: Path, bare: pytest.MonkeyPatch) -> None:
    """`timeout`."""

    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    bare.setattr(Upstream, "_connect", never)
    bare.setattr("mockllm.record.upstream.CONNECT_LIMIT", 0.01)
    fails("timeout", out)


def request(body: bytes, *headers: str, method: str = "POST", version: str = "1.1") -> bytes:
    """A request with these headers."""
    lines = [f"{method} /v1/chat/completions HTTP/{version}", "Host: x", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


BODY = json.dumps({"model": "m", "messages": []}).encode()
LARGE = b'{"model": "m", "messages": [{"role": "user", "content": "%b"}]}' % (b"x" * (24 << 20))


@pytest.mark.parametrize(
    ("sent", "got"),
    [
        (
            request(b"9\r\n%b\r\n0\r\n\r\n" % BODY[:9], "Transfer-Encoding: chunked"),
            b"Content-Length: 9\r\n\r\n" + BODY[:9],
        ),
        (
            request(
                gzip.compress(BODY, mtime=0),
                f"Content-Length: {len(gzip.compress(BODY, mtime=0))}",
                "Content-Encoding: gzip",
            ),
            b"\r\n\r\n" + gzip.compress(BODY, mtime=0),
        ),
        (request(LARGE, f"Content-Length: {len(LARGE)}"), b"\r\n\r\n" + LARGE),
        (request(b"", method="DELETE"), b"DELETE /v1/chat/completions HTTP/1.1\r\nHost: "),
        (request(BODY, f"content-length: {len(BODY)}", version="1.0"), b" HTTP/1.0\r\n"),
    ],
    ids=["chunked", "packed", "large", "none", "http10"],
)
def test_what_the_upstream_gets(sent: bytes, got: bytes, out: Path) -> None:
    """The body to the byte, with a length, and the method and version of the client."""
    asked: list[bytes] = []
    with answered(out, asked) as raw:
        raw.send(sent)
        assert raw.read_while_not_ended(b"hi") == OK
    assert got in asked[0]
    (one,) = cassette(out)
    assert one.request.body == asked[0].partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("line", "target", "path"),
    [
        (b"GET /v1/models/meta%2Fllama?a=b HTTP/1.1", "/v1/models/meta%2Fllama?a=b", "/v1/models/meta/llama"),
        (b"GET http://x.test:80/v1/models?a=b HTTP/1.1", "/v1/models?a=b", "/v1/models"),
        (b"GET http://x.test HTTP/1.1", "/", "/"),
        (b"GET http://x.test?a=b HTTP/1.1", "/?a=b", "/"),
    ],
)  # fmt: skip
def test_targets(line: bytes, target: str, path: str, out: Path) -> None:
    """Whatever form a target has, the upstream gets a path, and the cassette can be read again."""
    asked: list[bytes] = []
    with answered(out, asked) as raw:
        raw.send(line + b"\r\nHost: x\r\n\r\n")
        assert raw.read_while_not_ended(b"hi") == OK
    assert asked[0].startswith(f"GET {target} HTTP/1.1\r\n".encode())
    (one,) = cassette(out)
    assert (one.request.target, one.request.path) == (target, path)


@pytest.mark.parametrize("line", ["CONNECT api.test:443 HTTP/1.1", "OPTIONS * HTTP/1.1"])
def test_no_target(line: str, out: Path) -> None:
    """A client that takes the recorder for its proxy is told; nothing is recorded."""
    asked: list[bytes] = []
    with answered(out, asked) as raw:
        raw.send(f"{line}\r\nHost: x\r\n\r\n".encode())
        assert raw.read_until(b"\r\n") == b"HTTP/1.1 400 Bad Request\r\n"
        assert b"as the base URL of your client" in raw.read_until(b"proxy.\n")
    assert asked == []
    assert cassette(out).exchanges == ()


def test_a_body_that_waits(out: Path) -> None:
    """A client that wants to be told to go on is told; the upstream is not asked about it."""
    asked: list[bytes] = []
    with answered(out, asked) as raw:
        raw.send(request(b"", f"Content-Length: {len(BODY)}", "Expect: 100-continue"))
        assert raw.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.send(BODY)
        assert raw.read_while_not_ended(b"hi") == OK
    assert b"expect" not in asked[0].lower()


def test_a_body_over_the_limit(out: Path) -> None:
    """It is refused with 413, and the upstream hears nothing of it."""
    asked: list[bytes] = []
    with answered(out, asked) as raw:
        raw.send(request(b"x" * (33 << 20), f"Content-Length: {33 << 20}"))
        phrase = HTTPStatus(413).phrase  # aiohttp's, which goes by the Python that runs
        assert raw.read_until(b"\r\n") == f"HTTP/1.1 413 {phrase}\r\n".encode()
    assert asked == []
    assert cassette(out).exchanges == ()


def test_a_slow_upstream(out: Path) -> None:
    """What comes late has a later time, and reaches the client before the rest is there."""
    heard = threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(OK[:-2] + b"h")
        assert heard.wait(GUARD)
        sock.sendall(b"i")

    with upstream(answer) as url, recording(url, out) as recorder, connected(recorder) as raw:
        raw.send(chat())
        raw.read_until(b"\r\n\r\nh")
        heard.set()
        raw.read_while_not_ended(b"i")
    pieces = cassette(out).exchanges[0].recording.pieces
    assert [piece.data[-1:] for piece in pieces] == [b"h", b"i"]
    assert pieces[0].at < pieces[1].at


def test_no_room(out: Path) -> None:
    """Where the file cannot grow, streams pass, each exchange that is lost is named, and the status is 1."""
    command = [sys.executable, "-m", "mockllm", "record", "--port", "0", "--print-url"]
    with MockLLM() as server:
        process = subprocess.Popen(
            [*command, "--upstream", server.url, "--out", str(out)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16 << 10, 16 << 10)),
        )
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            with connected(url) as raw:
                raw.send(chat(stream=False))
                raw.read_until(b"\r\n\r\n")
            with connected(url) as raw:
                raw.send(chat())
                assert raw.read_while_not_ended(b"0\r\n\r\n").count(b"data: ") == 63
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 1
    assert f"{out}: File too large: POST /v1/chat/completions is not recorded; what was " in said
    assert said.endswith(f"mockllm: 1 exchanges are not in {out}; the log says why\n")
    assert len(cassette(out).exchanges) == 1
