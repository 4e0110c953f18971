"""A program in any language as a subject: it is run once for each incident, and asks once.

The contract. The program finds in its environment where to go (`OPENAI_BASE_URL`, `OPENAI_API_BASE`,
`OPENAI_API_KEY`, `ANTHROPIC_BASE_URL`, `ANTHROPIC_API_KEY`) and what to ask (`MOCKLLM_*`, see
`Command.environment`). It makes one logical call, with as many attempts as it sees fit within the
limits, and ends:

- exit status 0: it has an answer, which it gives out as whole;
- another status: it gave up, and the last line of standard error says why.

If the last line of standard output is a JSON object, that is what it saw: `text`, `error` (a text, or
an object with `message` and perhaps `kind` (typed, timeout, other), `name`, `status` and `code`),
`tool_calls` (a list of `[name, arguments]`), `finish`, `usage`, `model`, `records`, `left` (it has left
the stream, as it was told to). What it does not tell is not
judged. A program that runs after the guard is killed, with all that it has started: it hung.
"""

from __future__ import annotations

import json
import os
import queue
import shlex
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mockllm.drill.limits import Limits
from mockllm.drill.subject import MODEL, Subject, Told
from mockllm.drill.task import Task
from mockllm.drill.worker import Broken, Event, Hung, Lines, Tail, now, without_pointers
from mockllm.engine.judge import ErrorKind, Failed, Seen
from mockllm.engine.select import API_KEY

KINDS: dict[str, ErrorKind] = {"typed": "typed", "timeout": "timeout", "other": "other"}
SHOWN = 2000
"""Characters of a line that the evidence keeps."""
AFTERWARDS = 1.0
"""Seconds that are left for reading what an ended program has written."""


class Command(Subject):
    """A program, started anew for each incident."""

    lasting = False

    def __init__(
        self, command: str, limits: Limits, wires: tuple[str, ...] = ("openai.chat",)
    ) -> None:
        self._command, self._limits, self.wires = shlex.split(command), limits, wires
        self.version = command
        self._base_url, self._incident = "", ""
        self._process: subprocess.Popen[str] | None = None

    def begin(self, base_url: str, incident: str) -> None:
        """Remember where to go."""
        self._base_url, self._incident = base_url, incident

    def environment(self, task: Task) -> dict[str, str]:
        """What the program is told, beside the caller's environment."""
        return {
            "OPENAI_BASE_URL": f"{self._base_url}/v1",
            "OPENAI_API_BASE": f"{self._base_url}/v1",
            "OPENAI_API_KEY": API_KEY,
            "ANTHROPIC_BASE_URL": self._base_url,
            "ANTHROPIC_API_KEY": API_KEY,
            "MOCKLLM_INCIDENT": self._incident,
            "MOCKLLM_WIRE": task.wire,
            "MOCKLLM_STREAM": "1" if task.stream else "0",
            "MOCKLLM_MODEL": MODEL,
            "MOCKLLM_MESSAGE": task.message,
            "MOCKLLM_TOOLS": json.dumps(task.tools) if task.tools else "",
            "MOCKLLM_USAGE": "1" if task.usage else "0",
            "MOCKLLM_LEAVES_AFTER": "" if task.leaves_after is None else str(task.leaves_after),
            "MOCKLLM_PAUSE": f"{task.pause:g}",
            "MOCKLLM_TIMEOUT": f"{self._limits.timeout:g}",
            "MOCKLLM_RETRIES": str(self._limits.retries),
        }

    def ask(self, task: Task, guard: float) -> Told:
        """Run it once."""
        begun = now()
        process = self._process = subprocess.Popen(  # noqa: S603  the user names the program
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**without_pointers(), **self.environment(task)},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        errors, lines = Tail(process.stderr), Lines(process.stdout)
        said: list[Event] = []
        try:
            status = ended(process, lines, said, begun + guard)
        finally:
            kill(process)
        seconds = now() - begun
        begin = Event(begun, "started", shlex.join(self._command))
        events = (begin, *(Event(e.time, e.kind, e.text[:SHOWN]) for e in said))
        if status is None:
            raise Hung(f"no end within {guard:g} s", events)
        events = (*events, Event(begun + seconds, "exited", str(status)))
        errors.wait(AFTERWARDS)
        try:
            document = document_of(said[-1].text if said else "")
            seen = seen_of(status, document, errors.text.strip().rpartition("\n")[2])
        except ValueError as error:
            raise Broken(f"the last line of the program: {error}", events) from None
        return Told(replace(seen, seconds=seconds), begun, events)

    def close(self) -> None:
        """End what still runs."""
        if self._process is not None:
            kill(self._process)


def ended(
    process: subprocess.Popen[str], lines: Lines, said: list[Event], give_up: float
) -> int | None:
    """The exit status of a program, None if it runs on; what it says on the way goes to `said`."""
    try:
        while True:
            said.append(Event(now(), "stdout", lines.next(give_up - now()).rstrip("\n")))
    except queue.Empty:
        return process.poll()
    except EOFError:
        pass
    try:
        return process.wait(max(0.0, give_up - now()))
    except subprocess.TimeoutExpired:
        return None


def kill(process: subprocess.Popen[str]) -> None:
    """End a program with all that it has started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def document_of(line: str) -> Mapping[str, Any] | None:
    """The JSON object in a line, if there is one."""
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def seen_of(status: int, document: Mapping[str, Any] | None, last_error: str) -> Seen:
    """What a program saw, by its exit status and what it told.

    Raises `ValueError` for something told in another form than that of the contract.
    """
    given = dict(document or {})
    error = failed(given.get("error"))
    if error is None and status != 0:
        name = f"exit status {status}" if status > 0 else f"signal {-status}"
        # A signal is a crash; of a status nobody knows whether the program meant it.
        error = Failed(None if status > 0 else "other", name, last_error)
    calls = checked(given, "tool_calls", list, "a list of [name, arguments]")
    if calls is not None and not all(isinstance(one, list) and len(one) == 2 for one in calls):
        raise ValueError(f"tool_calls: expected a list of [name, arguments], got {calls!r}")
    return Seen(
        text=checked(given, "text", str, "a text"),
        error=error,
        tool_calls=None if calls is None else tuple((str(name), a) for name, a in calls),
        finish=checked(given, "finish", str, "a text"),
        usage=checked(given, "usage", int, "a number of tokens"),
        records=checked(given, "records", int, "a number"),
        model=checked(given, "model", str, "a text"),
        left=given.get("left") is True,
    )


def failed(told: object) -> Failed | None:
    """The error that a program tells."""
    if told is None or isinstance(told, str):
        return Failed(None, "error", told) if told else None
    if not isinstance(told, dict):
        raise ValueError(f"error: expected a text or an object, got {told!r}")
    kind = told.get("kind")
    if kind is not None and kind not in KINDS:
        raise ValueError(f"error.kind: expected {', '.join(KINDS)}, got {kind!r}")
    code = told.get("code")
    return Failed(
        None if kind is None else KINDS[kind],
        checked(told, "name", str, "a text") or "error",
        checked(told, "message", str, "a text") or "",
        checked(told, "status", int, "a number"),
        code if isinstance(code, int | str) else None,
    )


def checked(told: Mapping[str, Any], key: str, kind: type, what: str) -> Any:
    """A value of the right type, or None where it is not told."""
    value = told.get(key)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{key}: expected {what}, got {value!r}")
    return value
