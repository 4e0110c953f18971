"""Requests that come again to the byte: answered without their parser, as they would be with it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from mockllm import MockLLM
from mockllm.server import application
from mockllm.server.application import Application
from mockllm.server.kernel import Way
from mockllm.server.known import split
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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each known request was answered at once."""
    seen: list[bool] = []
    real = Application.answer_at_once

    def noted(self: Application, *args: object) -> bool:
        seen.append(real(self, *args))  # type: ignore[arg-type]
        return seen[-1]

    monkeypatch.setattr(Application, "answer_at_once", noted)
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
        server.settle()
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
    profile: str, stream: bool, at_once: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes and journal, whatever the profile makes of a request."""
    requests = [chat(stream=stream)] * TIMES
    quick = asked(profile, *requests)
    assert len(at_once) == TIMES - 1  # all but the first were known
    monkeypatch.setattr(application, "split", lambda data: None)
    assert quick == asked(profile, *requests)
    assert len(at_once) == TIMES - 1


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("healthy", True), ("always fails", True), ("paced", False), ("upload", False)],
)
def test_what_is_answered_at_once(profile: str, expected: bool, at_once: list[bool]) -> None:
    """What nothing is waited for; all else has a handler."""
    asked(PROFILES[profile], *[chat()] * TIMES)
    assert at_once == [expected] * (TIMES - 1)


def test_an_account_counts_them(at_once: list[bool]) -> None:
    """Its buckets are emptied by known requests as by others."""
    profile = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, account: {rpm: 3}}"
    _, told = asked(profile, *[chat()] * TIMES)
    assert [status for _, _, _, status, *_ in told] == [200, 200, 200, 429, 429, 429]
    assert at_once == [True] * (TIMES - 1)


def test_other_requests_between(at_once: list[bool]) -> None:
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
    assert at_once == [True]


def test_two_connections(at_once: list[bool]) -> None:
    """What one has asked the other need not have parsed; each has its number in the journal."""
    with MockLLM() as server, connected(server.url) as first, connected(server.url) as second:
        for raw in (first, second):
            raw.send(chat())
            answer_of(raw)
        server.settle()
        assert len({call.plan.call.connection for call in server.calls}) == 2
    assert at_once == [True]


@pytest.mark.parametrize("room", [0, 1, 100, 16 << 10])
def test_a_reader_that_is_slow(
    room: int, at_once: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the kernel does not take at once is sent by a player, from there on."""
    whole = asked(PROFILES["healthy"], *[chat(), chat(), chat()])

    def partly(self: Way, data: bytes) -> int:
        return os.write(self._number, data[:room]) if room else 0

    monkeypatch.setattr(Way, "__call__", partly)
    assert asked(PROFILES["healthy"], *[chat(), chat(), chat()]) == whole
    assert at_once == [True, True, False, False]


def test_the_connection_goes_on(at_once: list[bool]) -> None:
    """Behind an answer that was sent at once comes what does not stay: the last request closes."""
    with MockLLM() as server, connected(server.url) as raw:
        for request in (chat(), chat(), chat(close=True)):
            raw.send(request)
            answer_of(raw)
        assert raw.read_all() == (b"", "fin")
        server.settle()
        assert len(server.calls) == 3


def test_the_admin_api_is_never_known(at_once: list[bool]) -> None:
    """Neither it nor the server's own health is a call."""
    with MockLLM() as server, connected(server.url) as raw:
        for _ in range(3):
            raw.send(
                b"GET /_mockllm/health HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"
            )
            assert b"200 OK" in answer_of(raw)
        assert server.calls == ()
    assert at_once == []


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
def test_what_is_said_meanwhile_holds(change: Change, at_once: list[bool]) -> None:
    """A known request meets what the server plays now, not what it played then."""
    with MockLLM() as server, connected(server.url) as raw:
        for _ in range(3):
            raw.send(chat())
            assert b"200 OK" in answer_of(raw)
        change(server)
        raw.send(chat())
        assert b" 503 " in raw.read_until(b"\r\n")
    assert at_once[:2] == [True, True]


@pytest.mark.parametrize("stream", [True, False])
def test_another_body_behind_a_known_head(
    stream: bool, at_once: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks something else each time gets what is meant for him."""
    prompts = ["one", "two", "three", "four", "fives", "a", "not JSON"]
    requests = [
        chat(stream=stream, messages=[{"role": "user", "content": text}]) for text in prompts
    ]
    requests[-1] = requests[-1].replace(b'{"model"', b'["model"')
    echo = "{mockllm: 1, pacing: {ttft: 0s, itl: 0s}, script: echo}"
    quick = asked(echo, *requests)
    assert at_once == [True] * 2  # `two` and `fives` have heads that came before
    monkeypatch.setattr(application, "split", lambda data: None)
    assert quick == asked(echo, *requests)
    for text, answer in zip(prompts[:-1], quick[0], strict=False):
        assert text.encode() in answer
    assert b" 400 " in quick[0][-1]
