"""Whose /health it is: this server's, or that of the server that a profile imitates."""

from __future__ import annotations

import h11
import pytest

from mockllm import MockLLM
from tests.server.raw import connected

VLLM = "mockllm: 1\ndialect: vllm\n"


def ask(url: str, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of a request."""
    client = h11.Connection(h11.CLIENT)
    headers = [("host", "a"), ("connection", "close")]
    request = client.send(h11.Request(method=method, target=path, headers=headers))
    with connected(url) as raw:
        raw.send((request or b"") + (client.send(h11.EndOfMessage()) or b""))
        client.receive_data(raw.read_all()[0])
    client.receive_data(b"")
    status, body = 0, b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
    return status, body


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_faults_act_on_the_health_of_vllm(server: MockLLM, method: str) -> None:
    """It is a path of the profile, which has faults and a journal; the admin API knows better."""
    server.profile(VLLM + "faults: [{fail: 503, first: 1}]\n")
    assert ask(server.url, "/health", method)[0] == 503
    assert ask(server.url, "/health", method) == (200, b"")
    server.assert_attempts(2)
    assert ask(server.url, "/_mockllm/health")[0] == 200


def test_health_is_the_servers_own_elsewhere(server: MockLLM) -> None:
    """Without the dialect no fault acts on it, and what vLLM does not have stays the server's."""
    own = (200, b'{"status": "ok"}')
    server.profile("mockllm: 1\nfaults: [{fail: 503}]\n")
    assert ask(server.url, "/health") == own
    server.profile(VLLM + "faults: [{fail: 503}]\n")
    assert ask(server.url, "/livez") == own


def test_health_while_models_are_loaded(server: MockLLM) -> None:
    """An empty 503, which stands for an engine that does not answer."""
    server.profile(VLLM + "loading: 10m\n")
    assert ask(server.url, "/health") == (503, b"")
    assert ask(server.url, "/ping", "POST") == (503, b"")
