"""A real model server of KServe for tests; `python -m tests.parts.kserve_server` captures its answers."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from tests.parts.installed import need
from tests.wires.kserve_requests import CAPTURE, REQUESTS, TEXT, Answer, Request, answer_of

PATIENCE = 60.0
"""Seconds after which a server that does not start is given up: a guard, not a measure."""
GUARD = 30.0
POLL = 0.05


class KServe(NamedTuple):
    """The ports of a running server."""

    http: int
    grpc: int


def free_ports() -> KServe:
    """Two ports that were free a moment ago."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return KServe(one.getsockname()[1], other.getsockname()[1])


@contextmanager
def kserve(log: Path) -> Iterator[KServe]:
    """Run a model server with the model `m`; what it logs goes to a file."""
    ports = free_ports()
    program = Path(__file__).with_name("kserve_model.py")
    command = [need("kserve"), str(program), str(ports.http), str(ports.grpc), TEXT]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        wait_for(process, ports, log)
        yield ports
    finally:
        process.kill()
        process.wait()


def wait_for(process: subprocess.Popen[bytes], ports: KServe, log: Path) -> None:
    """Return when both ports answer."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up and process.poll() is None:
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), timeout=GUARD).close()
        except OSError:
            time.sleep(POLL)
        else:
            return
    raise AssertionError(f"KServe did not start: {log.read_text('utf-8')[-2000:]}")


def ask(port: int, request: Request) -> Answer:
    """The answer to one request, on a connection of its own."""
    connection = HTTPConnection("127.0.0.1", port, timeout=GUARD)
    try:
        body = request.body or (b"" if request.method == "POST" else None)
        connection.request(request.method, request.path, body, request.headers)
        answer = connection.getresponse()
        return answer_of(answer.status, answer.getheaders(), answer.read())
    finally:
        connection.close()


def ask_all(port: int) -> dict[str, Answer]:
    """The answers to all requests, in their order."""
    return {name: ask(port, request) for name, request in REQUESTS.items()}


def main() -> None:
    """Write the capture anew."""
    with kserve(Path("/dev/null")) as ports:
        answers = ask_all(ports.http)
    lines = [f"{json.dumps(name)}: {json.dumps(answer)}" for name, answer in answers.items()]
    CAPTURE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
