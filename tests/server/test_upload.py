"""Faults that act while a request's body arrives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockllm import MockLLM
from mockllm.engine.journal import Entry
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError
from mockllm.scripts.named import CANONICAL
from tests.server.raw import chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"
LARGE: dict[str, Any] = {"padding": "x" * 300_000}


def only(server: MockLLM) -> Entry:
    """The one call that came."""
    server.assert_attempts(1)
    return server.calls[0]


def halves(request: bytes, size: int) -> tuple[bytes, bytes]:
    """A request up to so many bytes of its body, and the rest."""
    head, mark, body = request.partition(b"\r\n\r\n")
    return head + mark + body[:size], body[size:]


def test_reset(server: MockLLM) -> None:
    """The connection is reset when so much has come, and not before."""
    server.add({"close": "rst", "at": "upload 64KiB"})
    first, _ = halves(chat(**LARGE), 65_000)
    with connected(server.url) as raw:
        raw.send(first)
        assert raw.silent_for(0.1)
        assert server.calls == ()
        raw.send(b"x" * 1_000)
        assert raw.read_all() == (b"", "rst")
    entry = only(server)
    assert (entry.outcome.ending, entry.status, entry.fired) == ("reset", None, ("close: rst",))


def test_an_early_reply(server: MockLLM) -> None:
    """An answer comes although the body is not there yet, says that it closes, and closes."""
    server.add({"reply": {"status": 413, "message": "too much"}, "at": "upload 1KiB"})
    first, rest = halves(chat(**LARGE), 2_000)
    with connected(server.url) as raw:
        raw.send(first)
        head = raw.read_until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 413 ")
        assert b"\r\nconnection: close\r\n" in head
        assert json.loads(raw.read_until(b"}}"))["error"]["message"] == "too much"
        raw.send(rest)
        assert raw.read_all() == (b"", "fin")
    assert server.calls[0].fired == ("reply: {status: 413, message: too much}",)


def test_a_fin(server: MockLLM) -> None:
    """The server's side ends; what the client still sends does not make a reset of it."""
    server.add({"close": "fin", "at": "upload 1KiB"})
    first, rest = halves(chat(**LARGE), 2_000)
    with connected(server.url) as raw:
        raw.send(first)
        assert raw.read_all() == (b"", "fin")
        raw.send(rest)


def test_a_wait(server: MockLLM) -> None:
    """The body is not answered for a while; then the call goes on as one call."""
    server.add({"wait": "50ms", "at": "upload 1KiB"})
    with connected(server.url) as raw:
        raw.send(chat(**LARGE))
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
    entry = only(server)
    assert entry.fired == ("wait: 50ms",)
    assert entry.plan.visit.ordinal == 1


def test_a_body_that_is_smaller(server: MockLLM) -> None:
    """A body that never gets so large meets nothing, and the journal says why."""
    server.add({"close": "rst", "at": "upload 1MiB", "first": 1})
    with connected(server.url) as raw:
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
    assert server.calls[0].not_fired == {"close: rst": "it acts while the body arrives"}


def test_counts(server: MockLLM) -> None:
    """A call that ended in its upload has been counted once."""
    server.add({"close": "rst", "at": "upload 1KiB", "first": 1})
    with connected(server.url) as raw:
        raw.send(chat(**LARGE))
        assert raw.read_all()[1] == "rst"
    with connected(server.url) as raw:
        raw.send(chat(**LARGE))
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
    assert [entry.plan.visit.ordinal for entry in server.calls] == [1, 2]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mockllm: 1\nmatch: {model: m}\nfaults: [{close: rst, at: upload 1KiB}]",
            "expected a match on the head of the request (header, key, method, path, wire), got "
            "'model'; upload 1KiB comes before the body has been read",
        ),
        (
            "mockllm: 1\nfaults: [{close: clean, at: upload 1KiB}]",
            "expected another anchor for close: clean, got 'upload 1KiB'; there is no body to end; "
            "say fin or rst",
        ),
    ],
)
def test_refusals(text: str, message: str) -> None:
    """What cannot be known or done yet is refused."""
    with pytest.raises(ProfileError) as caught:
        load(text, name="p")
    assert str(caught.value).endswith(message)
