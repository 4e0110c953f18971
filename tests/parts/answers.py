"""Answers byte by byte, and programs that are started for a test."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

GUARD = 30.0
"""Seconds without a byte, or until a program is ready, after which a test gives up."""
POLL = 0.02

BODY = b'{"model": "m", "messages": [{"role": "user", "content": "Hello!"}]}'


class Answer(NamedTuple):
    """One answer as it stands on the wire, with an X for the time."""

    status: str
    headers: list[str]
    body: bytes


def chat(path: str = "/v1/chat/completions", *extra: str, body: bytes = BODY) -> bytes:
    """The bytes of a request for a chat completion, with more lines for its head."""
    lines = (f"POST {path} HTTP/1.1", "Host: models.example", "Content-Type: application/json")
    head = "\r\n".join((*lines, f"Content-Length: {len(body)}", *extra))
    return head.encode() + b"\r\n\r\n" + body


def answer_to(port: int, request: bytes) -> Answer:
    """The answer to a request on a connection of its own; the body is as long as the head says."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=GUARD) as sock:
        sock.sendall(request)
        while not complete(received):
            data = sock.recv(65536)
            if not data:
                break
            received += data
    head, _, body = received.partition(b"\r\n\r\n")
    status, *headers = head.decode("latin-1").split("\r\n")
    dated = [re.sub(r"(?i)^(date): \w{3}, .* GMT$", r"\1: X", line) for line in headers]
    return Answer(status, dated, body)


def complete(received: bytes) -> bool:
    """Whether these bytes are a whole answer with a length, or one in chunks."""
    head, end, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    if length:
        return bool(end) and len(body) >= int(length[1])
    return bool(end) and body.endswith(b"0\r\n\r\n")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@contextmanager
def running(command: list[str], port: int, log: Path, **options: str) -> Iterator[int]:
    """Run a program, in a session of its own, until its port takes connections; then the port."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=options or None,
        )
    try:
        wait_for(process, port, log)
        yield port
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and the processes that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Return when the port takes connections."""
    give_up = time.monotonic() + GUARD
    while time.monotonic() < give_up and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=GUARD).close()
        except OSError:
            time.sleep(POLL)
        else:
            return
    raise AssertionError(f"{process.args!r} did not start: {log.read_text('utf-8')[-2000:]}")
