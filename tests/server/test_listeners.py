"""Further ports, and what they do to connections before the first request."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPSConnection, IncompleteRead
from urllib.parse import urlsplit

import pytest
import uvloop

from mockllm import MockLLM
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError
from mockllm.scripts.named import CANONICAL
from tests.server.raw import GUARD, chat, connected, is_reset, text_of

PROFILE = """
mockllm: 1
listeners:
  - {name: refused, faults: [{close: refuse, at: connect}]}
  - {name: deaf, faults: [{close: never-accept, at: connect}]}
  - name: broken
    faults:
      - {close: rst, at: connect, first: 1}
      - {close: fin, at: connect, nth: 2}
      - {wait: forever, at: connect, nth: 3}
      - {close: clean, at: after content 3}
  - name: secure
    tls: true
    faults:
      - {close: fin, at: tls, first: 1}
      - {close: rst, at: tls, nth: 2}
      - {reset: , at: after content 5, nth: 2}
  - name: hint
    faults:
      - {fail: {status: 503, message: "ask {{listener secure}}"}}
"""


@pytest.fixture(params=["asyncio", "uvloop"])
def server(request: pytest.FixtureRequest) -> Iterator[MockLLM]:
    """A server with further ports, on each loop."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with MockLLM(PROFILE, loop_factory=factory) as made:
        yield made


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def test_refused(server: MockLLM) -> None:
    """Nobody listens: ECONNREFUSED; the port is still the server's."""
    for _ in range(2):
        with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
            sock.connect(address(server.listeners["refused"]))
    with socket.socket() as sock, pytest.raises(OSError, match="in use"):
        sock.bind(address(server.listeners["refused"]))
    assert server.connections == ()


def test_never_accepted(server: MockLLM) -> None:
    """A connect hangs: the SYN is not answered."""
    with socket.socket() as sock:
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            sock.connect(address(server.listeners["deaf"]))


def test_connections_are_counted(server: MockLLM) -> None:
    """The first is reset, the second ends with a FIN, the third hangs, the fourth is served by the
    listener's own profile; the server's own port is healthy."""
    url = server.listeners["broken"]
    assert is_reset(url)
    with connected(url) as raw:
        raw.send(chat())
        assert raw.read_all() == (b"", "fin")
    with connected(url) as raw:
        raw.send(chat())
        assert raw.silent_for(0.1)
    with connected(url) as raw:
        raw.send(chat(close=True))
        assert text_of(raw.read_all()[0]) == "This is a"
    with connected(server.url) as raw:
        raw.send(chat(close=True))
        assert text_of(raw.read_all()[0]) == CANONICAL
    assert [(c.number, c.fired, c.ended) for c in server.connections] == [
        (1, ("close: rst",), True),
        (2, ("close: fin",), True),
        (3, ("wait: forever",), False),
        (4, (), False),
    ]


def test_tls(server: MockLLM) -> None:
    """The first handshake ends, the second is reset, the third is whole; with the authority's
    certificate a client trusts the port, and an RST in a stream is one under TLS too."""
    context = ssl.create_default_context(cadata=server.ca_pem)
    host, port = address(server.listeners["secure"])

    def ask() -> bytes:
        connection = HTTPSConnection(host, port, timeout=GUARD, context=context)
        try:
            head, _, body = chat().partition(b"\r\n\r\n")
            assert head.startswith(b"POST")
            headers = {"content-type": "application/json"}
            connection.request("POST", "/v1/chat/completions", body, headers)
            return connection.getresponse().read()
        finally:
            connection.close()

    with pytest.raises(ssl.SSLEOFError):
        ask()
    with pytest.raises(ConnectionResetError):
        ask()
    assert text_of(ask()) == CANONICAL
    # Python's ssl module takes an RST behind data for an end; http.client misses the last chunk.
    with pytest.raises((IncompleteRead, ConnectionResetError)):
        ask()
    assert [call.outcome.ending for call in server.calls] == ["done", "reset"]


def test_the_name_of_a_listener_is_its_url(server: MockLLM) -> None:
    """A placeholder names another port."""
    with connected(server.listeners["hint"]) as raw:
        raw.send(chat(close=True))
        data, _ = raw.read_all()
    assert f"ask {server.listeners['secure']}".encode() in data


def test_the_admin_api_knows_them(server: MockLLM) -> None:
    """Ports, connections and the authority can be asked for."""

    def ask(path: str) -> str:
        connection = HTTPConnection(*address(server.url), timeout=GUARD)
        try:
            connection.request("GET", f"/_mockllm{path}")
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    assert json.loads(ask("/listeners"))["listeners"] == server.listeners
    assert json.loads(ask("/connections")) == {"connections": []}
    assert ask("/ca.pem") == server.ca_pem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "mockllm: 1\nfaults: [{close: refuse, at: connect}]",
            "2:9: faults: expected an anchor behind the request, got 'connect'; no route is known "
            "when a connection is made: write the fault under `listeners:`",
        ),
        (
            "mockllm: 1\nlisteners: [{name: a, faults: [{close: refuse, at: connect, first: 1}]}]",
            "2:31: listeners[0].faults: expected `during`, or no frequency, got 'first'; a port "
            "that is closed sees no connections to count",
        ),
        (
            "mockllm: 1\nlisteners: [{name: a, faults: [{close: rst, at: tls}]}]",
            "2:13: listeners[0]: expected `tls: true` beside a fault at tls, got 'false'",
        ),
        (
            "mockllm: 1\nlisteners: [{name: a, tls: true, faults: [{close: half}]}]",
            "2:13: listeners[0]: expected another ending, got 'half'; TLS has no half close; say "
            "fin or rst",
        ),
        (
            "mockllm: 1\nlisteners: [{name: a}, {name: a}]",
            "2:12: listeners: expected listeners with different names, got 'a'",
        ),
    ],
)
def test_refusals(text: str, message: str) -> None:
    """What a port cannot do is refused with the reason."""
    with pytest.raises(ProfileError) as caught:
        load(text, name="p")
    assert str(caught.value) == f"p:{message}"


def test_a_port_that_is_closed_for_some_time() -> None:
    """During the window nobody listens; afterwards the same port answers."""
    text = "mockllm: 1\nlisteners: [{name: late, faults: [{close: refuse, at: connect, during: [0s, 1s]}]}]"
    with MockLLM(text, speed=10) as server:
        url = server.listeners["late"]
        refused = 0
        while True:
            try:
                with connected(url) as raw:
                    raw.send(chat(close=True))
                    assert text_of(raw.read_all()[0]) == CANONICAL
                break
            except ConnectionRefusedError:
                refused += 1
        assert refused > 0
