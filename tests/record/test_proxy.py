"""The recording proxy over real sockets: what passes, what is written, and what plays again."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme
import uvloop
from openai import APIConnectionError, OpenAI

from mockllm import MockLLM
from mockllm.cassettes.cassette import Exchange
from mockllm.record.proxy import RecordingProxy
from mockllm.record.recorder import Recorder
from mockllm.server.kernel import reset_on_close
from tests.record.build import GUARD, cassette, recording, upstream
from tests.server.raw import chat, connected, text_of

Factory = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def running() -> Iterator[MockLLM]:
    """A server to record."""
    with MockLLM() as server:
        yield server


@pytest.fixture(params=["asyncio", "uvloop"])
def factory(request: pytest.FixtureRequest) -> Factory:
    """Both event loops."""
    return uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A cassette beside a profile that plays it."""
    (tmp_path / "p.yaml").write_text("mockllm: 1\nscript: {replay: c.yaml}\n", "utf-8")
    return tmp_path / "c.yaml"


def body_of(data: bytes) -> bytes:
    """What follows the head."""
    return data.partition(b"\r\n\r\n")[2]


def test_a_stream_passes_and_plays_again(running: MockLLM, out: Path, factory: Factory) -> None:
    """What a client gets through the proxy, and later from the cassette, are the bytes of the server."""
    with recording(running.url, out, factory=factory) as url, connected(url) as raw:
        raw.send(chat())
        first = raw.read_while_not_ended(b"0\r\n\r\n")
        raw.send(chat(temperature=1))  # the connection stays
        raw.read_while_not_ended(b"0\r\n\r\n")
    made = cassette(out)
    (entry, _) = running.calls[-2:]
    assert text_of(first) == entry.whole_text
    assert [one.recording.ending for one in made] == ["complete", "complete"]
    assert made.exchanges[0].request.headers[0] == ("Host", "127.0.0.1")
    with MockLLM(out.with_name("p.yaml")) as again, connected(again.url) as raw:
        raw.send(chat())
        second = raw.read_while_not_ended(b"0\r\n\r\n")
    assert body_of(second) == body_of(first)
    assert second.count(b"\r\n") == first.count(b"\r\n")


@pytest.mark.parametrize(
    ("profile", "ending", "how"),
    [
        ("reset-mid-stream", "rst", "rst"),
        ("truncated-dirty", "fin", "fin"),
        ("truncated-clean", "complete", None),
        ("upstream-unavailable", "complete", "fin"),
    ],
)
def test_endings(
    profile: str, ending: str, how: str | None, running: MockLLM, out: Path, factory: Factory
) -> None:
    """A reset reaches the client as a reset, a FIN as a FIN; the cassette and what it plays too."""
    request = chat(path=f"/p/{profile}/v1/chat/completions")
    with recording(running.url, out, factory=factory) as url, connected(url) as raw:
        raw.send(request)
        first = raw.read_all() if how else (raw.read_while_not_ended(b"0\r\n\r\n"), None)
    (one,) = cassette(out)
    assert (one.recording.ending, first[1]) == (ending, how)
    with MockLLM(out.with_name("p.yaml")) as again, connected(again.url) as raw:
        raw.send(request.replace(f"/p/{profile}".encode(), b""))
        assert raw.read_until(b"\r\n").startswith(b"HTTP/1.1 404")
    text = out.read_text("utf-8").replace(f"/p/{profile}", "")
    out.write_text(text, "utf-8")
    with MockLLM(out.with_name("p.yaml")) as again, connected(again.url) as raw:
        raw.send(request.replace(f"/p/{profile}".encode(), b""))
        second = raw.read_all() if how else (raw.read_while_not_ended(b"0\r\n\r\n"), None)
    assert body_of(second[0]) == body_of(first[0])
    assert second[1] == how


def test_the_sdk_hears_the_same(running: MockLLM, out: Path) -> None:
    """OpenAI's SDK gets equal chunks from the server and from its recording."""

    def chunks(url: str, heard: list[str]) -> list[str]:
        client = OpenAI(base_url=f"{url}/v1", api_key="sk-secret-0123456789abcdef", max_retries=0)
        asked = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "Hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        heard.extend(chunk.model_dump_json() for chunk in asked)
        return heard

    with recording(running.url, out) as url:
        live = chunks(url, [])
    with MockLLM(out.with_name("p.yaml")) as again:
        assert chunks(again.url, []) == live
    assert len(live) == 63
    assert "sk-secret" not in out.read_text("utf-8")
    broken = out.with_name("broken.yaml")
    broken.write_text(
        "mockllm: 1\nscript: {replay: c.yaml}\nfaults: [{reset: , at: after content 40}]\n", "utf-8"
    )
    with MockLLM(broken) as again:
        heard: list[str] = []
        with pytest.raises(APIConnectionError):
            chunks(again.url, heard)
    assert heard == live[:41]


HEAD = b"HTTP/1.1 200 OK\r\nX-Odd:  Value \r\nContent-Type: text/event-stream\r\n"


@pytest.mark.parametrize(
    ("data", "ending", "how"),
    [
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n05;x\r\nda", "fin", "fin"),
        (HEAD + b"\r\ndata: 1\n\n", "complete", "fin"),
        (HEAD + b"Content-Length: 99\r\n\r\ndata: 1\n\n", "rst", "rst"),
        (b"HTTP/1.1 20", "fin", "fin"),
        (b"", "rst", "rst"),
        (b"SSH-2.0-x\r\n", "fin", "fin"),
    ],
)
def test_broken_upstreams(data: bytes, ending: str, how: str, out: Path, factory: Factory) -> None:
    """Whatever an upstream sends is passed on to the byte, and so is how it ends."""

    def answer(sock: socket.socket) -> None:
        sock.sendall(data)
        if how == "rst":
            reset_on_close(sock)

    with (
        upstream(answer) as url,
        recording(url, out, factory=factory) as proxy,
        connected(proxy) as raw,
    ):
        raw.send(chat())
        got = raw.read_all()
    (one,) = cassette(out)
    # A reset may overtake what was sent before it, at the upstream as at the proxy.
    assert got == (data, how) or (how == "rst" and got[1] == "rst")
    assert one.recording.ending == ending
    assert b"".join(piece.data for piece in one.recording.pieces) == got[0]


def test_an_answer_that_ends_before_the_request(out: Path, factory: Factory) -> None:
    """It passes while the rest of the request is on its way, and the connection ends once."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\n"
    with (
        upstream(lambda sock: sock.sendall(answer), hasty=True) as url,
        recording(url, out, factory=factory) as proxy,
        connected(proxy) as raw,
    ):
        raw.send(chat(close=True, padding="x" * (16 << 20)))
        assert raw.read_all() == (answer, "fin")
    assert [one.recording.ending for one in cassette(out)] == ["complete"]


def test_no_upstream(out: Path) -> None:
    """A refused connection is recorded as that, and the client gets a reset, not a 500."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with recording(url, out) as proxy, connected(proxy) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")
    (one,) = cassette(out)
    assert one.recording.ending == "refused"
    with MockLLM(out.with_name("p.yaml")) as again, connected(again.url) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "rst")


def test_the_client_leaves(out: Path, factory: Factory) -> None:
    """A client that leaves ends the exchange at both ends; it is written as far as it came."""
    begun, gone = threading.Event(), threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(HEAD + b"\r\ndata: 1\n\n")
        begun.set()
        if not sock.recv(1):
            gone.set()

    with upstream(answer) as url, recording(url, out, factory=factory) as proxy:
        with connected(proxy) as raw:
            raw.send(chat())
            raw.read_until(b"data: 1\n\n")
        assert gone.wait(GUARD)
    (one,) = cassette(out)
    assert one.recording.ending == "open"
    assert one.recording.pieces[-1].data.endswith(b"data: 1\n\n")


def test_the_end_comes_before_the_file(
    running: MockLLM, out: Path, factory: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client has the end while the exchange is not written yet; the proxy does not stop before."""
    written, real, stop = threading.Event(), Recorder.write_meanwhile, RecordingProxy.stop

    async def late(recorder: Recorder, exchange: Exchange) -> bool:
        await asyncio.to_thread(written.wait, GUARD)
        return await real(recorder, exchange)

    async def stopping(proxy: RecordingProxy) -> None:
        written.set()
        await stop(proxy)

    monkeypatch.setattr(Recorder, "write_meanwhile", late)
    monkeypatch.setattr(RecordingProxy, "stop", stopping)
    with recording(running.url, out, factory=factory) as url:
        with connected(url) as raw:
            raw.send(chat(path="/p/truncated-dirty/v1/chat/completions"))
            assert raw.read_all()[1] == "fin"
        assert not cassette(out).exchanges
    assert [one.recording.ending for one in cassette(out)] == ["fin"]


def test_gzip(out: Path) -> None:
    """A packed body stays packed: the client gets its bytes, and the cassette has them."""
    packed = gzip.compress(b'data: {"a": 1}\n\ndata: [DONE]\n\n')
    data = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
    with (
        upstream(lambda sock: sock.sendall(data)) as url,
        recording(url, out) as proxy,
        connected(proxy) as raw,
    ):
        raw.send(chat(headers={"Accept-Encoding": "gzip"}))
        assert raw.read_while_not_ended(packed) == data
    assert "data64: " in out.read_text("utf-8")
    assert "done: " in out.read_text("utf-8")  # the frames are readable beside it


def test_tls(out: Path) -> None:
    """An upstream over TLS is recorded like any other; one that is not trusted is `tls`."""
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(served)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    data = HEAD + b"Content-Length: 2\r\n\r\nhi"
    with upstream(lambda sock: sock.sendall(data), tls=served) as url:
        with recording(url, out, trust=trust) as proxy, connected(proxy) as raw:
            raw.send(chat())
            assert raw.read_while_not_ended(b"hi") == data
        with recording(url, out) as proxy, connected(proxy) as raw:
            raw.send(chat())
            assert raw.read_all() == (b"", "rst")
    assert [one.recording.ending for one in cassette(out)] == ["complete", "tls"]


def test_through_a_proxy(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The HTTP proxy of the environment is asked for the whole URL."""
    asked: list[bytes] = []
    data = HEAD + b"Content-Length: 2\r\n\r\nhi"
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with upstream(lambda sock: sock.sendall(data), asked=asked) as url:
        monkeypatch.setenv("http_proxy", url.replace("//", "//user:pass@"))
        with recording("http://api.test:81/base", out) as proxy, connected(proxy) as raw:
            raw.send(chat())
            raw.read_while_not_ended(b"hi")
    assert asked[0].startswith(b"POST http://api.test:81/base/v1/chat/completions HTTP/1.1\r\n")
    assert b"Host: api.test:81\r\n" in asked[0]
    assert b"Proxy-Authorization: Basic dXNlcjpwYXNz\r\n" in asked[0]


def test_through_a_tunnel(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For TLS the proxy is asked for a tunnel; a proxy that gives none is told."""
    asked: list[bytes] = []
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with upstream(lambda sock: sock.sendall(b"HTTP/1.1 403 No\r\n\r\n"), asked=asked) as url:
        monkeypatch.setenv("https_proxy", url)
        with recording("https://api.test", out) as proxy, connected(proxy) as raw:
            raw.send(chat())
            assert raw.read_all() == (b"", "rst")
    assert asked[0].startswith(b"CONNECT api.test:443 HTTP/1.1\r\n")
    assert cassette(out).exchanges[0].recording.ending == "refused"


def test_redacted_bodies(running: MockLLM, out: Path) -> None:
    """What a path names is not in the file, and a request with another value there still matches."""
    hide = ("messages[*].content",)
    with recording(running.url, out, redact=hide) as url, connected(url) as raw:
        raw.send(chat(messages=[{"role": "user", "content": "my secret"}]))
        raw.read_while_not_ended(b"0\r\n\r\n")
    assert "my secret" not in out.read_text("utf-8")
    strict = "mockllm: 1\nscript: {replay: c.yaml, strict: true}\n"
    out.with_name("p.yaml").write_text(strict, "utf-8")
    with MockLLM(out.with_name("p.yaml")) as again, connected(again.url) as raw:
        raw.send(chat())
        assert raw.read_until(b"\r\n") == b"HTTP/1.1 200 OK\r\n"


def test_only_what_is_missing(
    running: MockLLM, out: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With --record-missing a request that is there is answered from the cassette."""
    caplog.set_level(logging.INFO, "mockllm")
    with recording(running.url, out) as url, connected(url) as raw:
        raw.send(chat())
        first = raw.read_while_not_ended(b"0\r\n\r\n")
    before = len(running.calls)
    with recording(running.url, out, missing=True) as url, connected(url) as raw:
        raw.send(chat())
        assert body_of(raw.read_while_not_ended(b"0\r\n\r\n")) == body_of(first)
        assert len(running.calls) == before
        raw.send(chat(temperature=1))
        raw.read_while_not_ended(b"0\r\n\r\n")
    assert len(running.calls) == before + 1
    assert len(cassette(out).exchanges) == 2
    assert "answered POST /v1/chat/completions from line 6" in caplog.text


def test_equal_requests_that_were_recorded(out: Path) -> None:
    """With --record-missing they get the exchanges in their order, and the last one again and again."""
    said = iter(b"abc")

    def answer(sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%c" % next(said))

    def heard(url: str) -> bytes:
        with connected(url) as raw:
            raw.send(chat(close=True))
            return raw.read_all()[0][-1:]

    with upstream(answer) as url:
        with recording(url, out) as proxy:
            assert [heard(proxy) for _ in range(2)] == [b"a", b"b"]
        with recording(url, out, missing=True) as proxy:
            assert [heard(proxy) for _ in range(3)] == [b"a", b"b", b"b"]
    assert next(said) == ord("c")


def test_killed_in_mid_recording(running: MockLLM, out: Path) -> None:
    """After kill -9 the exchanges before are there whole; the one in flight is not."""
    command = [sys.executable, "-m", "mockllm", "record", "--upstream", running.url, "--port", "0"]
    process = subprocess.Popen(
        [*command, "--out", str(out), "--print-url"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        with connected(url) as raw:
            raw.send(chat())
            raw.read_while_not_ended(b"0\r\n\r\n")
            raw.send(chat(path="/p/stall-mid-stream/v1/chat/completions"))
            raw.read_until(b"content")
            os.kill(process.pid, signal.SIGKILL)
            process.wait(GUARD)
    finally:
        process.kill()
        process.stdout.close()
    made = cassette(out)
    assert [one.recording.ending for one in made] == ["complete"]
    assert made.warnings == ()


def test_what_the_request_was(running: MockLLM, out: Path) -> None:
    """The request stands in the cassette as the client sent it, without its credentials."""
    with recording(running.url, out) as url, connected(url) as raw:
        head = {"Authorization": "Bearer sk-0123456789abcdef", "Cookie": "a=b; c=d"}
        raw.send(chat(headers=head, path="/v1/chat/completions?key=secret&x=1"))
        raw.read_while_not_ended(b"0\r\n\r\n")
    (one,) = cassette(out)
    assert one.request.target == "/v1/chat/completions?key=***&x=1"
    headers = dict(one.request.headers)
    assert headers["Authorization"] == "Bearer ***cdef"
    assert headers["Cookie"] == "a=***; c=***"
    assert json.loads(one.request.body)["model"] == "gpt-4o-mini"
