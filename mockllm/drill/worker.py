"""A client in a process of its own, which is given orders and may hang."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

KEPT = 4000
"""Characters of standard error that are kept for messages."""
START = 180.0
"""Seconds that a client's imports may take: several at a time, on a machine that is loaded."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the client saw, on the clock that all processes share."""

    time: float
    kind: str
    text: str


class Lost(Exception):
    """A call has no result; `events` are what the client saw until then."""

    def __init__(self, message: str, events: Iterable[Event] = ()) -> None:
        super().__init__(message)
        self.events = tuple(events)


class Hung(Lost):
    """The client did not answer within its guard; its process has been killed."""


class Broken(Lost):
    """The client's process ended, or never began; the message has what it said last."""


class Worker:
    """One process that drives one client after another; not safe for threads."""

    def __init__(
        self, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start it. `command` runs one of the programs of `clients`."""
        self.version: Mapping[str, Any] = {}
        self.starts = 0
        """How often the process was started: one that hung is replaced."""
        self._command = list(command)
        self._environment = {**without_pointers(), **(environment or {})}
        self._start()

    def _start(self) -> None:
        self.starts += 1
        self._process = subprocess.Popen(  # noqa: S603  the user names the interpreter
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environment,
            encoding="utf-8",
            errors="replace",
        )
        self._errors = Tail(self._process.stderr)
        self._lines = Lines(self._process.stdout)

    def open(self, order: Mapping[str, Any]) -> None:
        """Make a new client. Raises `Broken` where that fails."""
        self.version = self._ask({"op": "open", **order}, START)

    def revive(self) -> None:
        """Start the process anew if it has ended."""
        if self._process.poll() is not None:
            self._start()

    def call(self, order: Mapping[str, Any], guard: float) -> tuple[dict[str, Any], list[Event]]:
        """Ask once through the client; what the caller saw, and the events on the way.

        Raises `Hung` if no answer came within so many seconds, `Broken` if the process ended.
        """
        events: list[Event] = []
        return self._ask(order, guard, events), events

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        with suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def _ask(
        self, order: Mapping[str, Any], guard: float, events: list[Event] | None = None
    ) -> dict[str, Any]:
        self.revive()
        assert self._process.stdin is not None
        seen = [] if events is None else events
        give_up = now() + guard
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            while True:
                answer: dict[str, Any] = json.loads(self._lines.next(give_up - now()))
                if "event" not in answer:
                    return answer
                at, kind, text = answer["event"]
                seen.append(Event(float(at), str(kind), str(text)))
        except queue.Empty:
            self.close()
            raise Hung(f"no answer within {guard:g} s", seen) from None
        except (BrokenPipeError, EOFError):
            self._process.wait()
            self.close()
            self._errors.wait(1.0)
            said = self._errors.text.strip().rpartition("\n")[2]
            status = self._process.returncode
            raise Broken(f"the client's process ended with {status}: {said}", seen) from None


class Lines:
    """The lines of a pipe, read all the time by a thread, so that one can wait for them."""

    def __init__(self, pipe: IO[str] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def next(self, seconds: float) -> str:
        """The next line; raises `queue.Empty` if none comes in time, `EOFError` after the last."""
        line = self._queue.get(timeout=max(seconds, 0.001))
        if line is None:
            self._queue.put(None)
            raise EOFError
        return line

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self._queue.put(line)
        self._queue.put(None)


class Tail:
    """What a process says on standard error last, read all the time so that it never blocks."""

    def __init__(self, pipe: IO[str] | None) -> None:
        self.text = ""
        assert pipe is not None
        self._pipe = pipe
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when the pipe is at its end, or after so long."""
        self._thread.join(seconds)

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self.text = (self.text + line)[-KEPT:]


def without_pointers() -> dict[str, str]:
    """This process's environment without what would decide where a client goes."""
    kept = {key: value for key, value in os.environ.items() if not is_pointer(key)}
    return {**kept, "NO_PROXY": "*", "no_proxy": "*"}


def is_pointer(name: str) -> bool:
    """Whether a variable says where clients go, or with which key."""
    return name.startswith(("OPENAI_", "ANTHROPIC_", "AZURE_OPENAI_")) or name.upper().endswith(
        "_PROXY"
    )


def now() -> float:
    """The clock that all processes share."""
    return time.monotonic()  # noqa: TID251  the clients' processes read the same one
