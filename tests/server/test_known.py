"""Requests that come again to the byte: answered without their parser, as they would be with it."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
from collections.abc import Callable
from functools import partial

import pytest
import uvloop

from mockllm import MockLLM
from mockllm.engine.engine import Engine
from mockllm.engine.stencil import Stencil
from mockllm.server import handler
from mockllm.server.application import Application
from mockllm.server.flight import Heard
from mockllm.server.handler import Handler
from mockllm.server.kernel import Shortcut
from mockllm.server.known import split
from mockllm.server.service import Service
from tests.server.raw import Raw, chat, connected

TIMES = 6
PROFILES = {
    "healthy": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}}",
    "paced": "{mockllm: 1, pacing: {ttft: 1ms, itl: 1ms}}",
    "fails twice": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{fail: 503, nth: [2, 5]}]}",
    "always fails": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{fail: 429}]}",
    "stalls": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{stall: 5ms, every: 2}]}",
    "upload": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{wait: 1ms, at: upload 10B}]}",
    "long": "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{edit: {set: {choices.0.message.content: {size: 200KiB}}}, at: frame 1}]}",
}


@pytest.fixture(autouse=True, params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is tried on both loops, which write and read in their own ways."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    monkeypatch.setitem(globals(), "MockLLM", partial(MockLLM, loop_factory=factory))


@pytest.fixture
def unparsed(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each known request was answered without its parser."""
    seen: list[bool] = []
    real = Application.answer_known

    def noted(self: Application, *args: object) -> bool:
        seen.append(real(self, *args))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(Application, "answer_known", noted)
    return seen


def undated(data: bytes) -> bytes:
    """Bytes without what the clock puts in."""
    return re.sub(rb"date: [^\r]+", b"date: -", data)


def answer_of(raw: Raw) -> bytes:
    """One whole answer, read by its framing."""
    head = raw.read_until(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    if length is None:
        return head + raw.read_until(b"\r\n0\r\n\r\n")
    body = raw.pending
    while len(body) < int(length[1]):
        body += raw.sock.recv(65536)
    raw.pending = body[int(length[1]) :]
    return head + body[: int(length[1])]


def asked(profile: str, *requests: bytes) -> tuple[list[bytes], list[tuple[object, ...]]]:
    """What a server answers on one connection, and what its journal says."""
    with MockLLM(profile, seed=5, paced=True) as server, connected(server.url) as raw:
        answers = []
        for request in requests:
            raw.send(request)
            answers.append(undated(answer_of(raw)))
            server.settle()  # else the next may come before aiohttp has seen the end of this one
        told: list[tuple[object, ...]] = [
            (
                call.number,
                call.attempt,
                call.logical,
                call.status,
                call.frames_sent,
                call.fired,
                list(call.not_fired),
                call.outcome.ending,
                call.outcome.bytes_sent,
                call.outcome.begun,
                call.outcome.completed,
                undated(call.bytes_written),
            )
            for call in server.calls
        ]
    return answers, told


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_the_same_as_with_the_parser(
    profile: str, stream: bool, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes and journal, whatever the profile makes of a request."""
    requests = [chat(stream=stream)] * TIMES
    quick = asked(profile, *requests)
    known = len(unparsed)
    assert known  # all but the first, where nothing is waited for
    monkeypatch.setattr(handler, "split", lambda data: None)
    assert quick == asked(profile, *requests)
    assert len(unparsed) == known


@pytest.mark.parametrize("model", ["mock-quota-exhausted", "mock-nonsense"])
def test_an_upload_is_that_of_the_profile_that_its_head_chooses(
    model: str, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model is in the body, of which nothing is known when faults act on its arrival."""
    requests = [chat(model=model, stream=False)] * TIMES
    quick = asked(PROFILES["upload"], *requests)
    assert unparsed == [False] * (TIMES - 1)
    monkeypatch.setattr(handler, "split", lambda data: None)
    assert quick == asked(PROFILES["upload"], *requests)


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("healthy", True), ("always fails", True), ("paced", True), ("upload", False)],
)
def test_what_needs_no_parser(profile: str, expected: bool, unparsed: list[bool]) -> None:
    """What nothing happens to while it arrives."""
    asked(PROFILES[profile], *[chat()] * TIMES)
    assert unparsed == [True] * (TIMES - 1) if expected else not any(unparsed)


def test_an_account_counts_them(unparsed: list[bool]) -> None:
    """Its buckets are emptied by known requests as by others."""
    profile = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, account: {rpm: 3}}"
    _, told = asked(profile, *[chat()] * TIMES)
    assert [status for _, _, _, status, *_ in told] == [200, 200, 200, 429, 429, 429]
    assert unparsed == [True] * (TIMES - 1)


def test_other_requests_between(unparsed: list[bool]) -> None:
    """A connection may ask for other things, and several at once, in order."""
    one, other = chat(model="one"), chat(model="other", stream=False)
    with MockLLM() as server, connected(server.url) as raw:
        for request in (one, other, one):
            raw.send(request)
            assert b"200 OK" in answer_of(raw)
        raw.send(one + other)  # together they are not known, and from here on nothing is
        assert [b'"one"' in answer_of(raw), b'"other"' in answer_of(raw)] == [True, True]
        raw.send(one)
        assert b'"one"' in answer_of(raw)
        server.settle()
        assert [call.model for call in server.calls] == [
            "one",
            "other",
            "one",
            "one",
            "other",
            "one",
        ]
    assert unparsed == [True]


def test_two_connections(unparsed: list[bool]) -> None:
    """What one has asked the other need not have parsed; each has its number in the journal."""
    with MockLLM() as server, connected(server.url) as first, connected(server.url) as second:
        for raw in (first, second):
            raw.send(chat())
            answer_of(raw)
        server.settle()
        assert len({call.plan.visit.connection for call in server.calls}) == 2
    assert unparsed == [True]


@pytest.mark.parametrize("room", [0, 1, 100, 16 << 10])
def test_a_reader_that_is_slow(
    room: int, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel does not take at once is sent by a player, from there on."""
    whole = asked(PROFILES["healthy"], *[chat(), chat(), chat()])

    def partly(self: Shortcut, data: bytes) -> int:
        return os.write(self.number, data[:room]) if room else 0

    monkeypatch.setattr(Shortcut, "send", partly)
    assert asked(PROFILES["healthy"], *[chat(), chat(), chat()]) == whole
    assert unparsed == [True] * 4


def test_the_connection_goes_on(unparsed: list[bool]) -> None:
    """Behind an answer that was sent at once comes what does not stay: the last request closes."""
    with MockLLM() as server, connected(server.url) as raw:
        for request in (chat(), chat(), chat(close=True)):
            raw.send(request)
            answer_of(raw)
        assert raw.read_all() == (b"", "fin")
        server.settle()
        assert len(server.calls) == 3


def test_the_admin_api_is_never_known(unparsed: list[bool]) -> None:
    """Neither it nor the server's own health is a call."""
    with MockLLM() as server, connected(server.url) as raw:
        for _ in range(3):
            raw.send(
                b"GET /_mockllm/health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
            )
            assert b"200 OK" in answer_of(raw)
        assert server.calls == ()
    assert unparsed == []


BODY = b'{"a": 1}'


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n" + BODY, True),
        (b"POST / HTTP/1.1\r\ncontent-length:8\r\nHost: x\r\n\r\n" + BODY, True),
        (b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n" + BODY, False),
        (b"POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\n" + BODY + b"P", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 8\r\nContent-Length: 8\r\n\r\n" + BODY, False),
        (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 8\r\n", False),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99999, False),
    ],
)
def test_whole_requests(data: bytes, whole: bool) -> None:
    """A head with one length, and all of the body that it announces."""
    found = split(data)
    assert (found is not None) is whole
    assert found is None or b"\r\n\r\n".join(found) == data


Change = Callable[[MockLLM], object]


@pytest.mark.parametrize(
    "change",
    [
        lambda server: server.fail(503),
        lambda server: server.use("upstream-unavailable"),
        lambda server: server.on(model="gpt-4o-mini").fail(503),
    ],
)
def test_what_is_said_meanwhile_holds(change: Change, unparsed: list[bool]) -> None:
    """A known request meets what the server plays now, not what it played then."""
    with MockLLM() as server, connected(server.url) as raw:
        for _ in range(3):
            raw.send(chat())
            assert b"200 OK" in answer_of(raw)
        change(server)
        raw.send(chat())
        assert b" 503 " in raw.read_until(b"\r\n")
    assert unparsed[:2] == [True, True]


HEALTH = b"GET /_mockllm/health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
INSTANT = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}}"


def have_been_read(url: str) -> None:
    """Return when a server has read what other connections have sent: it answers one thing more."""
    with connected(url) as raw:
        raw.send(HEALTH)
        answer_of(raw)


def test_what_waits_in_line_is_not_taken_for_another() -> None:
    """Requests that come while another is answered are known by their own bytes, or not at all."""
    slow = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{wait: 1h, first: 1}]}"
    paths = ["/v1/chat/completions", "/openai/v1/chat/completions", "/v1/nowhere"]
    requests = [chat(stream=False, path=path) for path in paths]  # their bodies are the same
    with MockLLM(slow) as server:
        with connected(server.url) as raw:
            for request in requests:
                raw.send(request)  # each is a packet of its own
                have_been_read(server.url)
            server.server.clock.advance(3600)
            assert [b"200 OK" in answer_of(raw) for _ in paths] == [True, True, False]
        for request in requests:
            with connected(server.url) as raw:
                raw.send(request)
                answer_of(raw)
        server.settle()
        assert [call.path for call in server.calls] == paths * 2


def test_a_failure_is_told_as_ever(monkeypatch: pytest.MonkeyPatch, unparsed: list[bool]) -> None:
    """What goes wrong for a known request gets the 500 that it gets with the parser, and the
    connection stays."""
    with MockLLM(INSTANT) as server, connected(server.url) as raw:
        for _ in range(2):
            raw.send(chat())
            assert b"200 OK" in answer_of(raw)
        with monkeypatch.context() as broken:
            broken.setattr(Engine, "plan", fails)
            for request in (chat(), chat(model="new")):
                raw.send(request)
                answer = answer_of(raw)
                assert answer.startswith(b"HTTP/1.1 500 ")
                assert answer.endswith(b"mockllm failed: RuntimeError: out of order")
        raw.send(chat())
        assert b"200 OK" in answer_of(raw)
    assert unparsed[:2] == [True, False]


def fails(*args: object, **options: object) -> None:
    """What a matcher of somebody may do."""
    raise RuntimeError("out of order")


@pytest.mark.parametrize("ending", ["at once", "later"])
def test_what_a_fault_cuts_stays_apart(
    ending: str, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes that a fault sends in several calls of the socket are not put together."""
    profile = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{encode: {split: {bytes: 300}}}]}"
    calls: list[int] = []
    real = Shortcut.send

    def noted(self: Shortcut, data: bytes) -> int:
        calls.append(len(data))
        return real(self, data)

    monkeypatch.setattr(Shortcut, "send", noted)
    sizes = []
    with MockLLM(profile) as server, connected(server.url) as raw:
        for _ in range(3):
            calls.clear()
            raw.send(chat(stream=False))
            answer_of(raw)
            server.settle()
            sizes.append(tuple(calls))
    assert len(sizes[0]) > 2
    assert len(set(sizes)) == 1
    assert unparsed == [True, True]


@pytest.mark.parametrize("profile", ["healthy", "paced"])
def test_an_answer_is_filled_in_once(
    profile: str, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its names are drawn and filled in when its bytes are first needed, and are not made again."""
    filled = 0
    real = Stencil.score

    def noted(self: Stencil, *args: object) -> object:
        nonlocal filled
        filled += 1
        return real(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Stencil, "score", noted)
    counts = []
    with MockLLM(PROFILES[profile], paced=True) as server, connected(server.url) as raw:
        for _ in range(TIMES):
            raw.send(chat(stream=True))
            answer_of(raw)
            server.settle()
            counts.append(filled)
            filled = 0
    assert counts[2:] == [1] * (TIMES - 2)
    assert unparsed == [True] * (TIMES - 1)


def test_a_connection_that_goes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was begun for its request has been counted, so it is written down, and is over."""
    profile = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{wait: 1h, nth: 2}]}"
    real = Application.answer_known

    def left(self: Application, connection: Handler, begun: Heard, body: bytes) -> bool:
        asyncio.get_running_loop().call_soon(connection.force_close)
        return real(self, connection, begun, body)

    monkeypatch.setattr(Application, "answer_known", left)
    with MockLLM(profile) as server, connected(server.url) as raw:
        for _ in range(2):
            raw.send(chat())
            server.settle()
        server.wait_for_calls(2)
        server.settle()
        assert [call.outcome.ending for call in server.calls] == ["done", "peer gone"]
        assert server._read(lambda service: len(service.engine._playing)) == 0


HELD = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, faults: [{wait: 1h, at: after frame 2, nth: 2}]}"
"""The second answer is held in its midst."""


def test_many_requests_in_line_behind_a_known_one(unparsed: list[bool]) -> None:
    """They are answered when it is over, each once and in order, however much they are."""
    lines = [chat(model=f"m{number}", stream=False) for number in range(400)]
    assert sum(map(len, lines)) > handler.MOST_KEPT
    with MockLLM(HELD) as server, connected(server.url) as raw:
        raw.send(chat())
        answer_of(raw)
        raw.send(chat())
        raw.read_until(b"\n\n")
        for line in lines:
            raw.send(line)
        have_been_read(server.url)
        assert len(server.calls) == 2
        server.server.clock.advance(3600)
        raw.read_until(b"\r\n0\r\n\r\n")
        for number in range(len(lines)):
            assert b'"m%d"' % number in answer_of(raw)
        server.settle()
        assert [call.outcome.ending for call in server.calls] == ["done"] * 402
    assert unparsed[0]


def test_a_client_that_leaves_a_known_request(unparsed: list[bool]) -> None:
    """The journal says so, and nothing is left in flight."""
    with MockLLM(HELD) as server:
        with connected(server.url) as raw:
            raw.send(chat())
            answer_of(raw)
            raw.send(chat())
            raw.read_until(b"\n\n")
        server.settle()
        assert [call.outcome.ending for call in server.calls] == ["done", "peer gone"]
        assert server.calls[1].fired == ("wait: 3600s",)
    assert unparsed == [True]


def test_a_known_request_at_the_stop(unparsed: list[bool]) -> None:
    """A held answer does not keep a server from stopping."""
    with MockLLM(HELD) as server, connected(server.url) as raw:
        raw.send(chat())
        answer_of(raw)
        raw.send(chat())
        raw.read_until(b"\n\n")
        server.stop()
        assert raw.read_all()[1] == "fin"
        assert server.calls[1].outcome.ending == "held"
    assert unparsed == [True]


def test_a_known_request_that_is_answered_is_not_idle() -> None:
    """aiohttp, which has not seen it, takes its connection for idle; it stays while it is answered."""

    def times_out(service: Service) -> None:
        (connection,) = service._handler.connections
        assert isinstance(connection, Handler)
        connection._next_keepalive_close_time = 0.0
        connection._process_keepalive()

    with MockLLM(HELD) as server, connected(server.url) as raw:
        raw.send(chat())
        answer_of(raw)
        raw.send(chat())
        raw.read_until(b"\n\n")
        server._read(times_out)
        server.server.clock.advance(3600)
        raw.read_until(b"\r\n0\r\n\r\n")
        server._read(times_out)
        assert raw.read_all() == (b"", "fin")


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_known_request_whose_connection_a_fault_ends(how: str, unparsed: list[bool]) -> None:
    """Also behind the answer, where the connection was to stay."""
    for fault in (
        f"{{close: {how}, at: after frame 3, nth: 2}}",
        f"{{close: {how}, at: idle, nth: 2}}",
    ):
        profile = f"{{mockllm: 1, pacing: {{ttft: 0s, itl: 0s}}, faults: [{fault}]}}"
        with MockLLM(profile) as server, connected(server.url) as raw:
            raw.send(chat())
            answer_of(raw)
            raw.send(chat())
            assert raw.read_all()[1] == how
            server.settle()
            assert server.calls[1].fired == (f"close: {how}",)
    assert unparsed == [True, True]


@pytest.mark.parametrize("path", ["/health", "/livez"])
def test_health_is_whose_the_profile_says(path: str) -> None:
    """A known request is the server's own health where the profile that is on imitates none."""
    ask = b"GET %b HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" % path.encode()
    with MockLLM("{mockllm: 1, dialect: vllm}") as server, connected(server.url) as raw:
        for _ in range(2):
            raw.send(ask)
            raw.read_until(b"\r\n")
            rest = raw.read_until(b"\r\n\r\n")
            if b"content-length: 0" not in rest.lower():
                raw.read_until(b"}")
        server.use("{mockllm: 1}")
        raw.send(ask)
        assert b'{"status": "ok"}' in answer_of(raw)


def test_a_body_that_grows_is_not_remembered() -> None:
    """A short body may be a long one: what is known is held by its bytes on the wire."""
    body = gzip.compress(json.dumps({"model": "m", "messages": [], "pad": "x" * 100_000}).encode())
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
    with MockLLM(INSTANT) as server, connected(server.url) as raw:
        raw.send(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        answer_of(raw)
        known = server._read(lambda service: len(service.application.known))
        assert known == 0


def test_the_keep_alive_time_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is in use is not idle, whichever way its requests are answered."""
    seen: list[float] = []
    real = Handler.data_received

    def noted(self: Handler, data: bytes) -> None:
        self._next_keepalive_close_time = 0.0
        real(self, data)
        if data:
            seen.append(self._next_keepalive_close_time)

    monkeypatch.setattr(Handler, "data_received", noted)
    with MockLLM(INSTANT) as server, connected(server.url) as raw:
        for _ in range(3):
            raw.send(chat())
            answer_of(raw)
    assert [bool(when) for when in seen] == [False, True, True]  # the first is aiohttp's to note


@pytest.mark.parametrize("stream", [True, False])
def test_another_body_behind_a_known_head(
    stream: bool, unparsed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks something else each time gets what is meant for him."""
    prompts = ["one", "two", "three", "four", "fives", "a", "not JSON"]
    requests = [
        chat(stream=stream, messages=[{"role": "user", "content": text}]) for text in prompts
    ]
    requests[-1] = requests[-1].replace(b'{"model"', b'["model"')
    echo = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, script: echo}"
    quick = asked(echo, *requests)
    assert unparsed == [True] * 2  # `two` and `fives` have heads that came before
    monkeypatch.setattr(handler, "split", lambda data: None)
    assert quick == asked(echo, *requests)
    for text, answer in zip(prompts[:-1], quick[0], strict=False):
        assert text.encode() in answer
    assert b" 400 " in quick[0][-1]
