"""The log of `mockllm serve`: a line a call, for people or for programs."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from math import inf
from typing import TextIO

from mockllm.engine.journal import Ending, Entry
from mockllm.engine.lateness import LATE
from mockllm.server.times import MILLISECONDS

log = logging.getLogger("mockllm")


def set_up_log(form: str) -> Turnwise:
    """The log goes to stderr, in lines of text or of JSON."""
    handler = Turnwise(sys.stderr, JsonLines() if form == "json" else TextLines())
    logger = logging.getLogger("mockllm")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    # No line says them, and asking for them takes half of its time.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    return handler


class Turnwise(logging.StreamHandler[TextIO]):
    """Writes the lines of one turn of the loop together: a write takes as long as making five lines."""

    def __init__(self, stream: TextIO, lines: Lines) -> None:
        super().__init__(stream)
        self.setFormatter(lines)
        self._form = lines
        self._lines: list[str] = []

    def call(self, entry: Entry) -> None:
        """A line for a call that is over, past all that `logging` does for a record: there is one
        for each call, and it would take longer than to answer it."""
        self._lines.append(self._form.call(time.time(), entry))  # noqa: TID251  a log tells when it was
        if len(self._lines) == 1:
            self._flush_later()

    def emit(self, record: logging.LogRecord) -> None:
        """A line for anything else."""
        try:
            self._lines.append(self.format(record))
            if len(self._lines) == 1:
                self._flush_later()
        except Exception:
            self.handleError(record)

    def _flush_later(self) -> None:
        """Write what there is when the turn is over; without a loop, at once."""
        try:
            asyncio.get_running_loop().call_soon(self.flush)
        except RuntimeError:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        lines, self._lines = self._lines, []
        if lines:
            self.stream.write("\n".join([*lines, ""]))
        super().flush()


class Lines(logging.Formatter, ABC):
    """How lines look."""

    @abstractmethod
    def call(self, moment: float, entry: Entry) -> str:
        """The line for a call that was over at a Unix time."""


class TextLines(Lines):
    """Lines for people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s")
        self._second = -inf
        self._said = ""

    def call(self, moment: float, entry: Entry) -> str:
        """A call in words; all of its time but the milliseconds is that of all lines of a second."""
        since = moment - self._second
        if not 0 <= since < 1:
            self._second = moment // 1
            self._said = time.strftime(self.default_time_format, time.localtime(self._second))
            since = moment - self._second
        return f"{self._said},{MILLISECONDS[int(since * 1000)]} {call_line(entry)}"


class JsonLines(Lines):
    """Lines for programs."""

    def call(self, moment: float, entry: Entry) -> str:
        """A call as the journal shows it."""
        said = {"message": call_line(entry), "call": entry.as_json()}
        return self._line(moment, "info", log.name, said)

    def format(self, record: logging.LogRecord) -> str:
        """A message."""
        said = {"message": record.getMessage()}
        if record.exc_info:
            said = {"error": self.formatException(record.exc_info), **said}
        return self._line(record.created, record.levelname.lower(), record.name, said)

    def _line(self, moment: float, level: str, name: str, said: Mapping[str, object]) -> str:
        """One line."""
        when = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
        line = {"time": when, "level": level, "logger": name, **said}
        return json.dumps(line, ensure_ascii=False)


def call_line(entry: Entry) -> str:
    """A call in one line."""
    plan, outcome, sent = entry.plan, entry.outcome, entry.delivered
    call, ended, outline = plan.call, outcome.ended, plan.answer.outline
    model = f" model={call.model}" if call.model else ""
    went = how_it_went(call.stream, plan.profile, sent.status, sent.frames, outcome.ending)
    after = f" after={ended:.3f}s" if ended is not None else ""
    late = f" late={outcome.late:.3f}s" if outcome.late > LATE else ""
    line = f"#{entry.number} {call.method} {call.path}{model}{went}{after}{late}"
    if plan.before or outline.faults:
        fired, missed = entry.fired, entry.not_fired
        line += f" fired=[{'; '.join(fired)}]" if fired else ""
        line += f" not-fired=[{'; '.join(missed)}]" if missed else ""
    return f"{line} refused={outline.refused!r}" if outline.refused else line


@lru_cache(maxsize=256)  # most calls go as others did
def how_it_went(stream: bool, profile: str, status: int | None, frames: int, ending: Ending) -> str:
    """The part of a line that is said of many calls."""
    said = f"{' stream' if stream else ''} profile={profile} status={status or '-'}"
    return f"{said} frames={frames} ended={ending.replace(' ', '-')}"
