"""Faults on live traffic over real sockets: what a server with them does, a proxy before a healthy one does."""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from mockllm import MockLLM
from mockllm.cassettes import arriving
from mockllm.server import upload
from tests.proxy.build import GUARD, Proxy, proxied
from tests.proxy.test_passing import FRAME, SSE, chunk, frame, saying
from tests.record.build import upstream
from tests.server.raw import chat, connected, is_reset, text_of

WHOLE = {"stream": False}
TOOLS = {"tools": [{"type": "function", "function": {"name": "get_weather"}}]}
FAULTS: list[tuple[str, dict[str, Any]]] = [
    # verbs at their default anchors, and at others
    ("{wait: 10ms}", {}),
    ("{wait: 10ms, at: after content 3}", {}),
    ("{wait: {ping: 5ms, for: 12ms}}", {}),
    ("{wait: {ping: 5ms, for: 12ms}}", WHOLE),
    ("{wait: {drip: 1ms}, at: after content 50}", {}),
    ("{wait: {drip: 1ms}}", {}),
    ("{wait: {bandwidth: 100KiB/s}, at: head}", {}),
    ("{reply: envoy.no-healthy-upstream}", {}),
    ("{reply: {status: 418, shape: openai, message: no}}", WHOLE),
    ("{send: {comment: here}}", {}),
    ("{send: {raw: x}, at: request}", {}),
    ("{send: {raw: '  '}, at: end}", WHOLE),
    ("{send: {interim: 103}}", {}),
    ("{send: {frame: {delta: {content: more}}}, at: before finish}", {}),
    ("{send: {error: openai, done: true}, at: after role}", {}),
    ("{edit: drop}", {}),
    ("{edit: {duplicate: 3}, at: content -2}", {}),
    ("{edit: {patch: {model: other}}, at: frame 1}", WHOLE),
    ("{edit: {set: {content-type: text/html}}, at: head}", {}),
    ("{edit: {remove: content-length}, at: head}", WHOLE),
    ("{edit: {interleave: tool}}", TOOLS),
    ("{edit: {replace: nothing}, at: frame 10..finish}", {}),
    ("{encode: {newline: crlf}}", {}),
    ("{encode: bom}", {}),
    ("{encode: {terminator: false}}", {}),
    ("{encode: {split: {bytes: 7}}, at: content 2}", {}),
    ("{encode: {split: {bytes: 9}}, at: head}", WHOLE),
    ("{encode: {merge: 4}}", {}),
    ("{encode: {gzip: flushed}}", {}),
    ("{encode: {gzip: unflushed}}", WHOLE),
    ("{encode: {framing: te+cl}}", {}),
    ("{encode: {framing: none}}", {}),
    ("{encode: {framing: twice}}", WHOLE),
    ("{encode: {chunk-size: wrong}}", {}),
    ("{encode: {content-length: short}}", {}),
    ("{encode: {content-length: long}}", WHOLE),
    ("{encode: json-as-sse}", WHOLE),
    ("{close: rst}", {}),
    ("{close: fin, at: after content -1}", {}),
    ("{close: fin, at: head}", WHOLE),
    ("{close: rst, at: byte 100}", WHOLE),
    ("{close: rst, at: byte -100}", {}),
    ("{close: half, at: byte 1000}", {}),
    ("{close: clean, at: byte 50}", WHOLE),
    ("{close: rst, at: request}", {}),
    ("{close: fin, at: end}", {}),
    ("{close: rst, at: t 0s}", {}),
    ("{close: clean, announce: true, at: after content 3}", {}),
    # named faults at their default anchors, and at others
    ("{fail: 503}", {}),
    ("{fail: {status: 429, code: x}}", WHOLE),
    ("{hang: 10ms}", {}),
    ("{stall: 10ms}", {}),
    ("{stall: 10ms, at: before done}", {}),
    ("{reset: }", {}),
    ("{reset: , at: after content 60}", {}),
    ("{cut: }", {}),
    ("{cut: , at: head}", {}),
    ("{truncate: }", {}),
    ("{truncate: , at: before finish}", {}),
    ("{garble: }", {}),
    ("{garble: , at: frame 1}", WHOLE),
    ("{error: }", {}),
    ("{error: vllm, at: before finish}", {}),
    ("{reset: }", WHOLE),
]  # fmt: skip
"""The last has no place in a document, and does not fire."""


@pytest.fixture
def healthy() -> Iterator[MockLLM]:
    """A staging deployment, which has not been called: its ids follow the number of the call."""
    with MockLLM("mockllm: 1\n") as server:
        yield server


def undated(data: bytes) -> bytes:
    """Bytes without what only the time decides; `connection: close` may stand elsewhere in a head,
    because the upstream's head has it already."""
    data = re.sub(rb"(?i)\r\ndate: [^\r]*", b"", data)
    head, end, body = data.partition(b"\r\n\r\n")
    without = head.replace(b"\r\nconnection: close", b"")
    return without + b"\r\nconnection: close" * (without != head) + end + body


def asked(url: str, **fields: Any) -> tuple[bytes, str]:
    """What a call gets that wants its connection closed."""
    with connected(url) as raw:
        raw.send(chat(close=True, **fields))
        data, how = raw.read_all()
    return undated(data), how


@pytest.mark.parametrize(("fault", "fields"), FAULTS)
def test_as_a_server_with_the_fault(fault: str, fields: dict[str, Any], healthy: MockLLM) -> None:
    """The same bytes, the same ending, the same in the journal."""
    text = f"faults: [{fault}]\n"
    with MockLLM(f"mockllm: 1\n{text}") as server:
        expected = asked(server.url, **fields)
        server.settle()
        (there,) = server.calls
    with proxied(healthy.url, text) as proxy:
        assert asked(proxy.url, **fields) == expected
        (here,) = proxy.calls()
    assert (here.fired, here.not_fired) == (there.fired, there.not_fired)
    assert here.outcome.ending == there.outcome.ending
    assert (here.status, here.frames_sent, here.tokens_sent) == (
        there.status, there.frames_sent, there.tokens_sent,
    )  # fmt: skip
    assert undated(here.bytes_written) == expected[0]


@pytest.mark.parametrize(
    "profile", ["reset-mid-stream", "error-in-stream", "flapping", "mixed-error-schemas", "truncated-dirty", "rate-limited"]
)  # fmt: skip
def test_profiles_of_the_library(profile: str, healthy: MockLLM) -> None:
    """Each for three calls: frequencies are counted as a server counts them."""
    with MockLLM(profile) as server:
        expected = [asked(server.url) for _ in range(3)]
    with proxied(healthy.url, profile) as proxy:
        found = [asked(proxy.url) for _ in range(3)]
    # Ids follow the profile's name, and the healthy server has another.
    assert [how for _, how in found] == [how for _, how in expected]
    assert [text_of(data) for data, _ in found] == [text_of(data) for data, _ in expected]
    assert [data[:15] for data, _ in found] == [data[:15] for data, _ in expected]


# What is asked of the upstream, and when


def counting(profile: str) -> tuple[list[bytes], list[bytes], tuple[Any, ...]]:
    """What an upstream was asked, what three clients got, and the journal."""
    seen: list[bytes] = []
    answer = saying(SSE, frame(1), b"0\r\n\r\n")
    with upstream(answer, asked=seen) as url, proxied(url, profile) as proxy:
        got = [asked(proxy.url)[0] for _ in range(3)]
        entries = proxy.calls()
    return seen, got, entries


def test_a_reply_asks_nobody() -> None:
    """The first two calls are answered here, the third there."""
    seen, got, entries = counting("faults: [{fail: 503, first: 2}]")
    assert len(seen) == 1
    assert [data.split(b" ")[1] for data in got] == [b"503", b"503", b"200"]
    assert [entry.fired for entry in entries] == [("fail: 503",), ("fail: 503",), ()]
    assert entries[2].not_fired == {"fail: 503": "call 3 of the session, first: 2"}


def test_an_account_asks_nobody() -> None:
    """A profile's account refuses before the upstream hears of it, and says its headers after."""
    seen, got, entries = counting("account: {rpm: 2}")
    assert len(seen) == 2
    assert [data.split(b" ")[1] for data in got] == [b"200", b"200", b"429"]
    assert b"\r\nx-ratelimit-remaining-requests: 0\r\n" in got[1]
    assert [entry.status for entry in entries] == [200, 200, 429]


def test_a_request_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused here, as a server refuses it."""
    monkeypatch.setattr(upload, "MAX_BODY", 50)
    seen, got, entries = counting("")
    assert seen == []
    assert [data[:13] for data in got] == [b"HTTP/1.1 413 "] * 3
    assert [entry.status for entry in entries] == [413] * 3


def test_what_stands_before_the_answer_comes_first(healthy: MockLLM) -> None:
    """While a request hangs, the upstream has not heard of it."""
    seen: list[bytes] = []
    with upstream(saying(b""), asked=seen) as url, proxied(url, "faults: [{hang: forever}]") as p:
        with connected(p.url) as raw:
            raw.send(chat())
            assert p.server.wait_for(lambda service: bool(service.engine.journal.entries()))
            assert [entry.outcome.ending for entry in p.playing()] == ["playing"]
        (entry,) = p.calls()
    assert entry.outcome.ending == "peer gone"
    assert seen == []


def test_the_upstream_is_left_when_a_fault_ends_the_exchange() -> None:
    """It need not go on for nobody."""
    left = threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(SSE + frame(1))
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        left.set()

    with upstream(answer) as url, proxied(url, "faults: [{cut: , at: after content 1}]") as proxy:
        assert asked(proxy.url)[1] == "fin"
        assert left.wait(GUARD)


# What is held back


@pytest.mark.parametrize(
    ("fault", "held"),
    [
        ("{close: rst, at: after content 9}", 0),
        ("{close: rst, at: after content -1}", 0),
        ("{close: rst, at: before content -1}", 1),
        ("{edit: drop, at: content -2}", 2),
        ("{encode: {merge: 3}}", 2),
        ("{close: rst, at: byte -1}", 1),
    ],
)
def test_what_is_held_back(fault: str, held: int) -> None:
    """So many of the frames that have come; the others are with the client already."""
    got = threading.Event()
    ends = "rst" in fault and "content 9" not in fault

    def answer(sock: socket.socket) -> None:
        sock.sendall(SSE + b"".join(map(frame, range(1, 6))))
        assert got.wait(GUARD)
        sock.sendall(b"0\r\n\r\n")

    with upstream(answer) as url, proxied(url, f"faults: [{fault}]") as proxy:
        with connected(proxy.url) as raw:
            raw.send(chat())
            raw.read_until(FRAME % (5 - held) + (b"" if "merge" in fault else b"\r\n"))
            (entry,) = proxy.playing()
            assert FRAME % (6 - held) not in entry.bytes_written
            got.set()
            if ends:
                assert raw.read_all()[1] == "rst"
            else:
                raw.read_until(b"0\r\n\r\n")
        (entry,) = proxy.calls()
    assert bool(entry.fired) is ("content 9" not in fault)


@pytest.mark.parametrize("at", ["t 30s", "server 1h"])
def test_times_come_while_nothing_comes(at: str) -> None:
    """A fault at a time needs no bytes of the upstream."""
    stay = threading.Event()

    def answer(sock: socket.socket) -> None:
        sock.sendall(SSE + frame(1))
        stay.wait(GUARD)

    profile = f"faults: [{{close: rst, at: {at}}}]"
    with upstream(answer) as url, proxied(url, profile) as proxy, connected(proxy.url) as raw:
        raw.send(chat())
        raw.read_until(FRAME % 1 + b"\r\n")
        proxy.server.call(lambda service: service.clock.advance(3600.0))
        assert raw.read_all() == (b"", "rst")
        stay.set()
        (entry,) = proxy.calls()
    assert entry.fired == ("close: rst",)


def test_packed_answers_are_unpacked_for_faults() -> None:
    """A client's offer to take packed ones is not passed on; what comes packed is unpacked."""
    seen: list[bytes] = []
    packed = gzip.compress(b'{"choices": [], "model": "m"}')
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    profile = (
        "faults: [{edit: {set: {model: other}}, at: frame 1, first: 1}, {wait: 1ms, at: head}]"
    )
    request = chat(headers={"Accept-Encoding": "gzip, br"}, close=True)
    got = []
    answer = saying(head % len(packed), packed)
    with upstream(answer, asked=seen) as url, proxied(url, profile) as proxy:
        for _ in range(2):
            with connected(proxy.url) as raw:
                raw.send(request)
                got.append(raw.read_all()[0].partition(b"\r\n\r\n"))
    assert b"content-encoding" not in got[0][0]
    assert json.loads(got[0][2]) == {"choices": [], "model": "other"}
    assert b"\r\nAccept-Encoding: identity\r\n" in seen[0]
    assert got[1][2] == packed
    assert b"\r\nAccept-Encoding: gzip, br\r\n" in seen[1]


@pytest.mark.parametrize("framing", [b"content-length: 64", b"transfer-encoding: chunked"])
def test_what_is_too_large_passes(framing: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document over the limit is not looked at, and the journal says so."""
    monkeypatch.setattr(arriving, "MAX_HELD", 50)
    document = json.dumps({"model": "m", "text": "x" * 38}).encode()
    assert len(document) == 64
    body = document if b"length" in framing else chunk(document[:40]) + chunk(document[40:])
    end = b"" if b"length" in framing else b"0\r\n\r\n"
    answer = b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + body + end
    profile = "faults: [{edit: {set: {model: other}}, at: frame 1}]"
    with upstream(saying(answer)) as url, proxied(url, profile) as proxy:
        with connected(proxy.url) as raw:
            raw.send(chat(stream=False))
            data = raw.read_while_not_ended(end or b"}")
        (entry,) = proxy.calls()
    assert b"".join(re.findall(rb"\{.*|x+\"\}", data.replace(b"\r\n", b""))).endswith(
        b'"}' + end[:1]
    )
    assert b"other" not in data
    why = "the answer is larger than 32 MiB, and passes as it is"
    assert (entry.fired, entry.not_fired) == ((), {"edit: {set: {model: other}}": why})


# Everything else is the server's


def test_the_path_of_the_upstream(healthy: MockLLM) -> None:
    """A call is of the API that its path has there, where it is of none here."""
    with proxied(f"{healthy.url}/v1", "faults: [{garble: }]") as proxy:
        data, _ = asked(proxy.url, path="/chat/completions")
        (entry,) = proxy.calls()
    assert (entry.path, entry.plan.call.wire) == ("/v1/chat/completions", "openai.chat")
    assert entry.fired == ("garble",)
    assert healthy.calls[0].path == "/v1/chat/completions"
    assert data.endswith(b"0\r\n\r\n")


def test_profiles_per_call(healthy: MockLLM) -> None:
    """By path, header and model; what chose is not passed on, and unknown names ask nobody."""
    seen: list[bytes] = []
    name = "upstream-unavailable"
    with upstream(saying(SSE, frame(1), b"0\r\n\r\n"), asked=seen) as url, proxied(url) as proxy:
        path = f"/p/{name}/v1/chat/completions"
        for fields in (
            {"path": path},
            {"headers": {"X-Mockllm-Profile": name}},
            {"model": f"mock-{name}.gpt-4o"},
        ):
            assert asked(proxy.url, **fields)[0].startswith(b"HTTP/1.1 503 ")
        assert asked(proxy.url, model="mock-nothing")[0].startswith(b"HTTP/1.1 404 ")
        assert seen == []
        for fields in (
            {"path": "/p/default/v1/chat/completions"},
            {"headers": {"X-Mockllm-Profile": "default"}},
            {"model": "mock-default.gpt-4o", "user": "\ud800 é"},
        ):
            assert asked(proxy.url, **fields)[0].startswith(b"HTTP/1.1 200 ")
    assert [one.split(b" ")[1] for one in seen] == [b"/v1/chat/completions"] * 3
    assert b"mockllm" not in seen[1].lower()
    last = json.loads(seen[2].partition(b"\r\n\r\n")[2])
    assert (last["model"], last["user"], last["stream"]) == ("gpt-4o", "\ud800 é", True)


def test_before_and_after_the_exchange(healthy: MockLLM) -> None:
    """Faults while the body arrives, and on the kept connection."""
    seen: list[bytes] = []
    with upstream(saying(SSE, frame(1), b"0\r\n\r\n"), asked=seen) as url:
        with proxied(url, "faults: [{close: rst, at: upload 10B}]") as proxy:
            assert asked(proxy.url) == (b"", "rst")
            assert [entry.fired for entry in proxy.calls()] == [("close: rst",)]
        assert seen == []
        with proxied(url, "faults: [{close: rst, at: idle}]") as proxy, connected(proxy.url) as raw:
            raw.send(chat())
            assert raw.read_all() == (SSE + frame(1) + b"0\r\n\r\n", "rst")
            assert [entry.fired for entry in proxy.calls()] == [("close: rst",)]


def test_listeners(healthy: MockLLM) -> None:
    """A further port, whose connections fail, or which passes calls on."""
    profile = "listeners: [{name: bad, faults: [{close: rst, at: connect, first: 1}]}]"
    with proxied(healthy.url, profile) as proxy:
        url = proxy.server.service.listeners["bad"]
        assert is_reset(url)
        assert text_of(asked(url)[0]) == text_of(asked(healthy.url)[0])


def test_older_clients(healthy: MockLLM) -> None:
    """HTTP/1.0 knows no chunks."""
    with proxied(healthy.url, "faults: [{garble: }]") as proxy, connected(proxy.url) as raw:
        raw.send(chat(version="1.0"))
        data, how = raw.read_all()
    assert (b"transfer-encoding" in data.lower(), how) == (False, "fin")
    assert data.endswith(b"data: [DONE]\n\n")


def test_cookies_are_not_shown() -> None:
    """An upstream's secrets reach the client, and are not in what the admin API shows."""
    head = b"HTTP/1.1 200 OK\r\nset-cookie: sid=s3cret; Path=/\r\ncontent-length: 0\r\n\r\n"
    with upstream(saying(head)) as url, proxied(url) as proxy, connected(proxy.url) as raw:
        raw.send(chat())
        assert raw.read_until(b"\r\n\r\n") == head
        (entry,) = proxy.calls()
    assert "sid=***" in json.dumps(entry.as_json())
    assert "s3cret" not in json.dumps(entry.as_json())


def test_what_plays_is_released_at_the_stop(healthy: MockLLM) -> None:
    """A held stream does not keep a proxy from stopping."""
    proxy: Proxy
    with proxied(healthy.url, "faults: [{stall: forever}]") as proxy, connected(proxy.url) as raw:
        raw.send(chat())
        raw.read_until(b"answer")
        proxy.server.stop()
        assert raw.read_all()[1] == "fin"
