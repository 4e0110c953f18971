"""A raw HTTP client: what it sends and reads is bytes, and it sees how a connection ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

GUARD = 20.0
"""Seconds after which a test that hangs is given up; never waited for in a test that passes."""


class Raw:
    """One connection."""

    def __init__(self, url: str, *, receive_buffer: int | None = None) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(GUARD)
        try:
            self.sock.connect((host, int(port)))
        except OSError:
            self.sock.close()
            raise
        self.pending = b""

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def read_all(self) -> tuple[bytes, str]:
        """Everything until the end, and which end it was: fin or rst."""
        data = self.pending
        while True:
            try:
                part = self.sock.recv(65536)
            except ConnectionResetError:
                return data, "rst"
            if not part:
                return data, "fin"
            data += part

    def read_until(self, mark: bytes) -> bytes:
        """Everything up to and with a mark; what follows is kept."""
        while mark not in self.pending:
            part = self.sock.recv(65536)
            if not part:
                raise AssertionError(f"expected {mark!r}, got the end after {self.pending!r}")
            self.pending += part
        head, _, self.pending = self.pending.partition(mark)
        return head + mark

    def read_while_not_ended(self, end: bytes) -> bytes:
        """Everything until the bytes end so; for large bodies, because it looks at the end only."""
        data = bytearray(self.pending)
        while not data.endswith(end):
            part = self.sock.recv(65536)
            if not part:
                raise AssertionError(f"expected {end!r}, got the end of the connection")
            data += part
        self.pending = b""
        return bytes(data)

    def silent_for(self, seconds: float) -> bool:
        """Whether nothing comes for a moment: neither bytes nor the end."""
        assert not self.pending
        self.sock.settimeout(seconds)
        try:
            self.sock.recv(1)
        except TimeoutError:
            return True
        finally:
            self.sock.settimeout(GUARD)
        return False

    def close(self) -> None:
        self.sock.close()


@contextmanager
def connected(url: str, **options: Any) -> Iterator[Raw]:
    """A connection that is closed at the end."""
    raw = Raw(url, **options)
    try:
        yield raw
    finally:
        raw.close()


def is_reset(url: str) -> bool:
    """Whether a new connection is reset with nothing said. The reset may come while `connect` still
    waits, after it, or in place of the first bytes."""
    try:
        with connected(url) as raw:
            return raw.read_all() == (b"", "rst")
    except ConnectionResetError:
        return True


def chat(
    *,
    stream: bool = True,
    model: str = "gpt-4o-mini",
    close: bool = False,
    headers: dict[str, str] | None = None,
    path: str = "/v1/chat/completions",
    version: str = "1.1",
    **fields: Any,
) -> bytes:
    """A chat request as bytes."""
    document = {
        "model": model,
        "stream": stream,
        "messages": [{"role": "user", "content": "Hi"}],
        **fields,
    }
    body = json.dumps(document).encode()
    lines = [
        f"POST {path} HTTP/{version}",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
        *(["Connection: close"] if close else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def text_of(data: bytes) -> str:
    """The text of all content frames in the bytes of a stream."""
    text = ""
    for line in data.split(b"\n"):
        if line.startswith(b'data: {"id"'):
            for choice in json.loads(line[6:])["choices"]:
                text += choice["delta"].get("content") or ""
    return text
