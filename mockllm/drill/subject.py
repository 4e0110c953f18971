"""What a drill asks: an SDK in a process of its own, or a Python function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from mockllm.drill.limits import Limits
from mockllm.drill.task import Task
from mockllm.drill.upstream import Stage, Upstream
from mockllm.drill.worker import Event, Hung, Lost, Worker, now
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Failed, Seen
from mockllm.engine.select import API_KEY
from mockllm.profile.expect import Expect
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

MODEL = "gpt-4o-mini"
"""The model that is asked for where it chooses nothing."""
NOWHERE = "http://127.0.0.1:9/v1"
"""Where nobody listens: the port of RFC 863."""
WARM = 120.0
"""Seconds that the first call of a client's process may take."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller told of one call."""

    seen: Seen
    begun: float
    """When it was asked, on the clock that all processes share."""
    events: tuple[Event, ...]


class Subject(ABC):
    """A system that can be asked, incident by incident. Each thread has its own."""

    wires: tuple[str, ...] = ("openai.chat",)
    version: str = ""
    lasting: bool = True
    """Whether what it was in one call lives on in the next, so that a healthy call proves something."""

    def why_not(self, incident: Incident) -> str | None:
        """Why it cannot meet an incident; None where it can."""
        return None

    def alone(self, incident: Incident) -> bool:
        """Whether no other cell of the same system may run meanwhile."""
        return False

    def fair(self, expect: Expect) -> Expect:
        """What can be expected of such a system."""
        return expect

    def elsewhere(self, calls: Sequence[Entry]) -> Sequence[Entry] | None:
        """Of the calls those to the model that it falls back to; None where it has none."""
        return None

    def stage(self, incident: Incident, limits: Limits, library: Library) -> Stage:
        """The server for one cell; raises what hinders it."""
        return Upstream(incident.loaded, limits.speed, library)

    @abstractmethod
    def begin(self, base_url: str, incident: str) -> None:
        """Prepare for one incident, with a client that knows nothing of those before."""

    @abstractmethod
    def ask(self, task: Task, guard: float) -> Told:
        """Ask once; raises `Hung` or `Broken`."""

    def heal(self) -> None:  # noqa: B027  most have nothing to do
        """From now on ask for what works."""

    def facts(
        self, stage: Stage, events: tuple[Event, ...], seen: Seen | None, asked: int
    ) -> dict[str, str]:
        """What it made of what it got in so many logical calls, by name; only what stands in between
        has such facts."""
        return {}

    def close(self) -> None:  # noqa: B027  most have nothing to close
        """Let go of everything."""


class Client(Subject):
    """An SDK in a process of its own."""

    def __init__(
        self, worker: Worker, limits: Limits, headers: Mapping[str, str] | None = None
    ) -> None:
        self._worker, self._limits = worker, limits
        self._headers = dict(headers or {})
        self._warm = 0
        self.open(NOWHERE, API_KEY)
        self.wires = tuple(worker.version["wires"])
        self._warm_up()
        self.version = f"{worker.version['version']}, {worker.version['runtime']}"

    def open(self, base_url: str, key: str, retries: int | None = None) -> None:
        """A new client."""
        self._worker.open(
            {
                "base_url": base_url,
                "api_key": key,
                "timeout": self._limits.timeout,
                "retries": self._limits.retries if retries is None else retries,
                "headers": self._headers,
            }
        )

    def _warm_up(self) -> None:
        """Ask nobody once after each start: what clients import with their first call would count as
        slowness of the cell otherwise."""
        self._worker.revive()
        if self._warm == self._worker.starts:
            return
        self.open(NOWHERE, API_KEY, retries=0)
        with suppress(Lost):  # what is wrong with it, cells will show
            self._worker.call(Task(self.wires[0], stream=True).order(MODEL), WARM)
        self._worker.revive()
        self._warm = self._worker.starts

    def begin(self, base_url: str, incident: str) -> None:
        """A new client for the incident's server."""
        self._warm_up()
        self.open(f"{base_url}/v1", API_KEY)

    def ask(self, task: Task, guard: float) -> Told:
        """Ask once through the client."""
        return told(*self._worker.call(task.order(MODEL), guard))

    def close(self) -> None:
        """End the process."""
        self._worker.close()


class Function(Subject):
    """A Python function, in this process: it takes base URL, task and model, and returns what it
    saw."""

    def __init__(self, function: Callable[[str, Task, str], Seen], name: str = "") -> None:
        self._function = function
        self._base_url = ""
        self.version = name or getattr(function, "__name__", "function")

    def begin(self, base_url: str, incident: str) -> None:
        """Remember where to go."""
        self._base_url = f"{base_url}/v1"

    def ask(self, task: Task, guard: float) -> Told:
        """Call it; a call that hangs is left behind in its thread."""
        begun = now()
        pool = ThreadPoolExecutor(1)
        try:
            seen = pool.submit(self._function, self._base_url, task, MODEL).result(guard)
        except TimeoutError:
            raise Hung(f"no answer within {guard:g} s") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        seconds = now() - begun if seen.seconds is None else seen.seconds
        return Told(replace(seen, seconds=seconds), begun, ())


def told(answer: Mapping[str, Any], events: list[Event]) -> Told:
    """The answer of a client's process."""
    found = dict(answer["seen"])
    error = found.pop("error", None)
    calls = found.pop("tool_calls", None)
    known = {key: found.get(key) for key in ("text", "finish", "usage", "model", "seconds")}
    seen = Seen(
        left=bool(found.get("left")),
        error=None if error is None else Failed(**error),
        tool_calls=None if calls is None else tuple((str(n), a) for n, a in calls),
        **known,
    )
    return Told(seen, float(answer["begun"]), tuple(events))
