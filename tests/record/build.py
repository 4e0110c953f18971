"""A recording proxy in a thread of its own, and raw upstreams, for tests."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mockllm.cassettes.cassette import Cassette
from mockllm.cassettes.reading import read
from mockllm.record.proxy import RecordingProxy
from mockllm.record.recorder import Recorder
from mockllm.record.upstream import Upstream

GUARD = 20.0
"""Seconds after which something that hangs is given up; never waited for in a test that passes."""


@contextmanager
def recording(
    upstream: str,
    out: Path,
    *,
    trust: ssl.SSLContext | None = None,
    missing: bool = False,
    redact: tuple[str, ...] = (),
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Iterator[str]:
    """The URL of a proxy that records; at the end everything is written."""
    recorder = Recorder(out, upstream=upstream, redacted=redact)
    ready, stop = threading.Event(), asyncio.Event()
    found: list[tuple[str, asyncio.AbstractEventLoop]] = []

    async def live() -> None:
        proxy = RecordingProxy(Upstream(upstream, trust=trust), recorder, missing=missing)
        await proxy.start()
        found.append((proxy.url, asyncio.get_running_loop()))
        ready.set()
        await stop.wait()
        await proxy.stop()

    def run() -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(live())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(GUARD)
    url, loop = found[0]
    try:
        yield url
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(GUARD)
        recorder.close()


@contextmanager
def upstream(
    answer: Callable[[socket.socket], None],
    *,
    tls: ssl.SSLContext | None = None,
    asked: list[bytes] | None = None,
    hasty: bool = False,
) -> Iterator[str]:
    """The URL of a server that reads a request and then does what it is told, once per connection.

    Requests are put into `asked`. A hasty server answers when a request begins, ends its own side,
    and reads the rest afterwards.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with sock, suppress(OSError):  # a client that does not trust it leaves
                if tls is not None:
                    sock = tls.wrap_socket(sock, server_side=True)
                if hasty:
                    sock.recv(1)
                    answer(sock)
                    sock.shutdown(socket.SHUT_WR)
                    while sock.recv(65536):
                        pass
                    continue
                request = read_request(sock)
                if asked is not None:
                    asked.append(request)
                answer(sock)
                if tls is not None:
                    sock.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(GUARD)


def read_request(sock: socket.socket) -> bytes:
    """A request whose length is said."""
    sock.settimeout(GUARD)
    data = b""
    while b"\r\n\r\n" not in data:
        data += sock.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            while len(body) < int(line.partition(b":")[2]):
                body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def cassette(path: Path) -> Cassette:
    """What was written."""
    return read(path.read_text("utf-8"), path.name)
