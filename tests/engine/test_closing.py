"""Heads that confirm the end of a connection, as each server writes them."""

from __future__ import annotations

import pytest

from tests.engine.build import ask, engine, written


@pytest.mark.parametrize(
    ("answer", "http10", "line"),
    [
        # Its place and its case are the server's (nginx 1.22.1, Envoy 1.40.0, observed).
        ("nginx.502", False, b"Content-Length: 157\r\nConnection: close\r\n\r\n<html>"),
        ("nginx.502", True, b"Content-Length: 157\r\nConnection: close\r\n\r\n<html>"),
        ("envoy.ext-authz-denied", False, b"server: envoy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"),
        ("envoy.upstream-request-timeout", False, b"server: envoy\r\nconnection: close\r\n\r\nupstream"),
        ("litellm.no-key", True, b"charset=utf-8\r\nConnection: close\r\n\r\nInternal Server Error"),
    ],
)  # fmt: skip
def test_the_client_asks_for_the_end(answer: str, *, http10: bool, line: bytes) -> None:
    """`connection: close` stands where the server has it, once; HTTP/1.0 gets no chunks."""
    plan = ask(engine(f"faults: [{{reply: {answer}}}]"), keep_alive=False, http10=http10)
    sent = written(plan)
    assert line in sent
    assert sent.lower().count(b"\r\nconnection: ") == 1


def test_a_stream_of_uvicorn() -> None:
    """The transfer coding is behind everything, `connection: close`, too (vLLM 0.24.0, observed)."""
    plan = ask(engine("dialect: vllm"), stream=True, keep_alive=False)
    assert (
        b"\r\nvary: Origin\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
        in written(plan)
    )
