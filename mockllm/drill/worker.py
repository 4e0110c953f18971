"""A client in a process of its own, which is given orders and may hang."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAIN = Path(__file__).parent / "clients" / "main.py"
KEPT = 4000
"""Characters of standard error that are kept for messages."""
START = 60.0
"""Seconds that a client's imports may take."""


class Hung(Exception):
    """The client did not answer within its guard; its process has been killed."""


class Broken(Exception):
    """The client's process ended, or never began; the message has what it said last."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the client saw, on the clock that all processes share."""

    time: float
    kind: str
    text: str


class Worker:
    """One process that drives one client after another; not safe for threads."""

    def __init__(
        self,
        client: str,
        *,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start it. `client` is a file of `clients`; `python` the interpreter of its environment."""
        self.version: Mapping[str, Any] = {}
        self._command = [python, str(MAIN), client]
        # Pointers of the caller's environment must not decide where the client goes.
        kept = {key: value for key, value in os.environ.items() if not is_pointer(key)}
        self._environment = {**kept, "NO_PROXY": "*", "no_proxy": "*", **(environment or {})}
        self._start()

    def _start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  the user names the interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            text=True,
            encoding="utf-8",
        )
        self._errors = Tail(self._process)

    def open(self, order: Mapping[str, Any]) -> None:
        """Make a new client. Raises `Broken` where that fails."""
        self.version = self._ask({"op": "open", **order}, START)

    def call(self, order: Mapping[str, Any], guard: float) -> dict[str, Any]:
        """Ask once through the client; what the caller saw.

        Raises `Hung` if no answer came within so many seconds, `Broken` if the process ended.
        """
        return self._ask(order, guard)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _ask(self, order: Mapping[str, Any], guard: float) -> dict[str, Any]:
        if self._process.poll() is not None:
            self._start()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._broken() from None
        line = self._line(guard)
        if line is None:
            self.close()
            raise Hung(f"no answer within {guard:g} s")
        if not line:
            raise self._broken()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _line(self, guard: float) -> str | None:
        """The next line of the process, empty where it has ended; None where none came in time."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(guard):
                return None
        return self._process.stdout.readline()

    def _broken(self) -> Broken:
        self._process.wait()
        said = self._errors.text.strip().rpartition("\n")[2]
        return Broken(f"the client's process ended with {self._process.returncode}: {said}")


class Tail:
    """What a process says on standard error last, read all the time so that it never blocks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.text = ""
        assert process.stderr is not None
        self._stream = process.stderr
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            for line in self._stream:
                self.text = (self.text + line)[-KEPT:]
        except ValueError:  # closed while it was read
            return


def is_pointer(name: str) -> bool:
    """Whether a variable says where clients go, or with which key."""
    return name.startswith(("OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_")) or name.upper().endswith(
        "_PROXY"
    )


def events_of(answer: Mapping[str, Any]) -> tuple[Event, ...]:
    """The events of an answer."""
    rows: Sequence[Sequence[Any]] = answer.get("events") or ()
    return tuple(Event(float(at), str(kind), str(text)) for at, kind, text in rows)


def now() -> float:
    """The clock that all processes share."""
    return time.monotonic()  # noqa: TID251  the clients' processes read the same one
