"""LitServe in front of an LLM that answers `no healthy upstream`: `python -m tests.stories.litserve`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from mockllm import MockLLM
from mockllm.engine.calls import Calls
from tests.parts.installed import need
from tests.stories.page import draw, installed, table, write
from tests.stories.picture import Bar, of_calls, svg

INCIDENT = "litserve-no-healthy-upstream"
PATIENCE = 8.0
"""Seconds that a client waits for an answer; LitServe's own limit for a request is 30."""
GUARD = 60.0
POLL = 0.05
PROGRAM = Path(__file__).parent / "programs/litserve_api.py"


class Asked(NamedTuple):
    """A request to LitServe; without a status nothing came within the patience."""

    path: str
    begin: float
    end: float
    status: int | None
    body: str


class Run(NamedTuple):
    """What happened."""

    asked: dict[str, Asked]
    worker_alive: bool
    calls: Calls
    log: str


class Front(NamedTuple):
    """A running LitServe."""

    port: int
    pid_file: Path
    log: Path

    @property
    def worker_alive(self) -> bool:
        """Whether the process that predicts lives; one that nobody has buried does not."""
        pid = self.pid_file.read_text("utf-8")
        told = subprocess.run(
            ["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False
        )
        return bool(told.stdout.strip()) and not told.stdout.startswith("Z")

    def ask(self, path: str, now: Callable[[], float], patience: float = PATIENCE) -> Asked:
        """One request."""
        begin = now()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=patience)
        try:
            body = json.dumps({"question": "Hi"}) if path == "/predict" else None
            headers = {"content-type": "application/json"} if body else {}
            connection.request("POST" if body else "GET", path, body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read().decode()
        except TimeoutError:
            return Asked(path, begin, now(), None, "")
        finally:
            connection.close()
        return Asked(path, begin, now(), status, text)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def litserve(part: str, upstream: str, folder: Path) -> Iterator[Front]:
    """Run LitServe in front of an LLM; it listens, and its worker is ready."""
    front = Front(free_port(), folder / "pid", folder / "log")
    command = [need(part), str(PROGRAM), str(front.port), upstream, str(front.pid_file)]
    with front.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that its processes can be ended together
        )
    try:
        wait_for(process, front)
        yield front
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(process: subprocess.Popen[bytes], front: Front) -> None:
    """Return when the worker is ready."""
    give_up = time.monotonic() + GUARD
    while time.monotonic() < give_up and process.poll() is None:
        try:
            if front.ask("/health", time.monotonic).status == 200 and front.pid_file.exists():
                return
        except OSError:
            pass  # not yet
        time.sleep(POLL)
    raise AssertionError(f"LitServe did not start: {front.log.read_text('utf-8')[-2000:]}")


def run(part: str) -> Run:
    """Two questions to LitServe and its health after each; the upstream is down for the first."""
    with tempfile.TemporaryDirectory() as name, MockLLM(INCIDENT) as mock:
        with litserve(part, mock.openai_url, Path(name)) as front:
            mock.clear()
            clock = mock.server.clock
            start = clock.now()
            asked = {
                what: front.ask(path, lambda: clock.now() - start)
                for what, path in {
                    "first": "/predict",
                    "health after the first": "/health",
                    "second": "/predict",
                    "health after the second": "/health",
                }.items()
            }
            alive = front.worker_alive
        mock.settle()
        return Run(asked, alive, mock.calls, front.log.read_text("utf-8", "replace"))


def bars(part: str, happened: Run) -> list[Bar]:
    """The run as it is drawn."""
    drawn = [
        Bar(
            f"{part}: client",
            one.begin,
            one.end,
            f"{one.path}: {one.status or 'no answer'}",
            "good" if one.status == 200 else "bad",
        )
        for one in happened.asked.values()
    ]
    return [*drawn, *of_calls(f"{part}: upstream", happened.calls)]


def main() -> None:
    """Write the page's table and picture."""
    runs = {part: run(part) for part in ("litserve-0.2.5", "litserve")}
    rows = [
        [
            what,
            *(
                f"{one.asked[what].status or 'no answer'}, {shown(one.asked[what])}"
                for one in runs.values()
            ),
        ]
        for what in runs["litserve"].asked
    ]
    rows.append(["calls at the upstream", *(str(len(one.calls)) for one in runs.values())])
    rows.append(
        [
            "process that predicts",
            *(("alive" if one.worker_alive else "dead") for one in runs.values()),
        ]
    )
    write("litserve", "measured", table(["", *map(installed, runs)], rows))
    drawn = [bar for part, one in runs.items() for bar in bars(part, one)]
    draw("litserve", svg("One 503 of the upstream, before and after LitServe's repair", drawn))


def shown(one: Asked) -> str:
    """How long it took."""
    return f"{one.end - one.begin:.2f} s"


if __name__ == "__main__":
    main()
