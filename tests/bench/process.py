"""Servers as processes on a processor of their own, and what they use of it."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

SERVER, LOAD = "0", "1"
"""The processors."""
START_LIMIT = 60.0
STOP_LIMIT = 10.0
ROOT = Path(__file__).parents[2]

Start = Callable[[int], Sequence[str]]
"""The command that starts a server on a port."""


class Broken(Exception):
    """A server or a load did not do what it is measured for, so there is no figure."""


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def family(self) -> list[int]:
        """Its process, and those that it has started."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += map(int, children.read_text().split())
        return found

    @property
    def resident_mb(self) -> float:
        """The memory that its processes have in use."""
        page = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
        return sum(int(stat(pid, "statm").split()[1]) * page for pid in self.family)

    @property
    def cpu_seconds(self) -> float:
        """The time that its threads have been on a processor, by the scheduler's own clock: what is
        counted by ticks misses who never runs when one comes."""
        tasks = (task for pid in self.family for task in Path(f"/proc/{pid}/task").iterdir())
        return sum(nanoseconds((task / "schedstat").read_text()) for task in tasks) / 1e9


def stat(pid: int, name: str) -> str:
    """A file of a process."""
    return Path(f"/proc/{pid}/{name}").read_text()


def nanoseconds(line: str) -> int:
    """The time on a processor in a `schedstat`, before the time of waiting for one."""
    return int(line.split()[0])


def pinned(processor: str, command: Sequence[str]) -> list[str]:
    """A command on one processor."""
    return ["taskset", "-c", processor, *command]


def free_port() -> int:
    """A port that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def raise_limit() -> None:
    """As many open files as may be, for this process and what it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def running(start: Start) -> Iterator[Server]:
    """A server that accepts connections. Raises `Broken` with its last words where it does not."""
    port = free_port()
    with tempfile.TemporaryFile() as words:
        command = pinned(SERVER, start(port))
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=words
        )
        try:
            if not accepts(port, process):
                words.seek(max(0, words.tell() - 2000))
                said = words.read().decode("utf-8", "replace")
                raise Broken(f"{' '.join(command)} accepts no connections: {said.strip()}")
            yield Server(port, process)
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def accepts(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server accepts connections; False where it has ended or takes too long."""
    end = monotonic() + START_LIMIT
    while monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            sleep(0.02)
        else:
            return True
    return False
