"""Starts a gateway with its real configuration, and stops it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from mockllm.drill.limits import Limits
from mockllm.drill.system import BadSystem, System
from mockllm.drill.worker import now, without_pointers

PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
POLL = 0.1
GRACE = 5.0
"""Seconds that a gateway is given to end."""
SAID = 1500
"""Characters of its log that a message shows."""


class CannotStart(Exception):
    """A gateway is not installed, or did not start; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that can be asked."""

    url: str
    """Without a path or a slash at its end."""
    version: str = ""
    configuration: str = ""
    """The file that it runs with."""
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def started(
    system: System, beside: Path, upstream: str, limits: Limits, program: str | None
) -> Iterator[Running]:
    """A gateway before an upstream (host and port), until the context ends.

    `beside` is the folder of its templates, `program` stands for the first word of its command.
    Raises `CannotStart`, and `BadSystem` for a template that cannot be filled in.
    """
    start = system.start
    assert start is not None
    found = find(system, start.command[0], program)
    with tempfile.TemporaryDirectory(prefix="mockllm-drill-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        config = Path(folder) / (start.config or "none")
        values = {
            "config": str(config),
            "folder": folder,
            "port": str(port),
            "program": found,
            "retries": str(limits.retries),
            "timeout": f"{limits.timeout:g}",
            "timeout_ms": f"{limits.timeout * 1000:.0f}",
            "upstream": upstream,
            "upstream_port": upstream.rpartition(":")[2],
        }
        text = ""
        if start.config is not None:
            text = filled((beside / start.config).read_text("utf-8"), values)
            config.write_text(text, "utf-8")
        headers = {name: filled(value, values) for name, value in system.headers.items()}

        def words(given: Sequence[str]) -> list[str]:
            first = found if given[0] == start.command[0] else given[0]
            return [first, *(filled(word, values) for word in given[1:])]

        more = {name: filled(value, values) for name, value in start.environment.items()}
        log = Path(folder) / "log.txt"
        process = launch(words(start.command), {**without_pointers(), **more}, log, folder)
        try:
            wait_for(process, system, port, log)
            version = version_of(words(start.version)) if start.version else ""
            shown = "\n".join(f"{name}: {value}" for name, value in headers.items())
            yield Running(f"http://127.0.0.1:{port}", version, text or shown, headers)
        finally:
            stop(process)


def find(system: System, name: str, program: str | None) -> str:
    """The program of a gateway."""
    found = shutil.which(program or name)
    if found is None:
        where = f"at {program}" if program else f"as {name} on PATH"
        raise CannotStart(
            f"{system.name} is not installed {where}: {system.needs or 'install it'}; "
            f"name another place with --program {system.name}=PATH"
        )
    return str(Path(found).absolute())


def filled(text: str, values: Mapping[str, str]) -> str:
    """A template with its placeholders filled in; raises `BadSystem` for one that is unknown."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise BadSystem(f"expected one of {', '.join(sorted(values))}, got {{{{{name}}}}}")
        return values[name]

    return PLACEHOLDER.sub(value, text)


def launch(
    command: list[str], environment: Mapping[str, str], log: Path, folder: str
) -> subprocess.Popen[bytes]:
    """Start a program whose output goes to a file."""
    with log.open("wb") as out:
        return subprocess.Popen(  # noqa: S603  the user names the program
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )


def wait_for(process: subprocess.Popen[bytes], system: System, port: int, log: Path) -> None:
    """Return when it answers; raises `CannotStart` when it has ended or takes too long."""
    start = system.start
    assert start is not None
    give_up = now() + start.within
    while now() < give_up:
        if answers(port, start.ready):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL)
            break
    ended = process.poll()
    how = f"ended with status {ended}" if ended is not None else f"took over {start.within:g} s"
    said = log.read_text("utf-8", "replace")[-SAID:].strip()
    raise CannotStart(f"{system.name} did not start ({how}). It said: {said or 'nothing'}")


def answers(port: int, path: str) -> bool:
    """Whether something answers with less than a server's error."""
    connection = HTTPConnection("127.0.0.1", port, timeout=GRACE)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def version_of(command: list[str]) -> str:
    """The first line that a program says of its version; the program by its name, wherever it lies."""
    try:
        done = subprocess.run(  # noqa: S603  the user names the program
            command, capture_output=True, text=True, timeout=GRACE * 6, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = [line.strip() for line in f"{done.stdout}\n{done.stderr}".splitlines() if line.strip()]
    return lines[0].replace(command[0], Path(command[0]).name) if lines else ""


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program with all that it has started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
