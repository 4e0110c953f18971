"""Attempts as a real server counts them."""

from __future__ import annotations

from mockllm import MockLLM
from tests.server.raw import chat, connected

TWICE = """
mockllm: 1
routes:
  - {match: {attempt: 1}, faults: [{reset: true}]}
  - {match: {attempt: 2}, faults: [{fail: 503}]}
"""


def test_attempts_follow_the_ends_of_exchanges(server: MockLLM) -> None:
    """A reset, then a 503, then the answer; the same request again is a new call."""
    server.use(TWICE)
    starts = []
    for _ in range(4):
        with connected(server.url) as raw:
            raw.send(chat(close=True))
            data, end = raw.read_all()
            starts.append((data[:12], end))
    assert starts == [
        (b"HTTP/1.1 200", "rst"),
        (b"HTTP/1.1 503", "fin"),
        (b"HTTP/1.1 200", "fin"),
        (b"HTTP/1.1 200", "rst"),
    ]
    assert [entry.plan.call.attempt for entry in server.calls] == [1, 2, 3, 1]
