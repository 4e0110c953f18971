"""Runs a system through incidents, one cell after the other or several at a time."""

from __future__ import annotations

import queue
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any

from mockllm.drill.cell import Cell, Verdict, verdict_of
from mockllm.drill.limits import Limits
from mockllm.drill.marks import marks_of, sent_text
from mockllm.drill.task import CannotAsk, Task, task_of
from mockllm.drill.upstream import Upstream
from mockllm.drill.worker import Broken, Event, Hung, Worker, events_of, now
from mockllm.engine.findings.verdict import judge as judge_conduct
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Failed, Seen, judge
from mockllm.engine.select import API_KEY
from mockllm.profile.expect import Expect
from mockllm.profile.incidents import Incident
from mockllm.scripts.canonical import CANONICAL

HEALTHY = "gpt-4o-mini"


@dataclass(frozen=True, slots=True)
class Told:
    """What a caller told of one call."""

    seen: Seen
    begun: float
    events: tuple[Event, ...]


def told(answer: Mapping[str, Any]) -> Told:
    """The answer of a client's process."""
    found = dict(answer["seen"])
    error = found.pop("error", None)
    calls = found.pop("tool_calls", None)
    known = {key: found.get(key) for key in ("text", "finish", "usage", "seconds")}
    seen = Seen(
        error=None if error is None else Failed(**error),
        tool_calls=None if calls is None else tuple((str(n), a) for n, a in calls),
        **known,
    )
    return Told(seen, float(answer["begun"]), events_of(answer))


class Subject(ABC):
    """A system that can be asked, incident by incident. Each thread has its own."""

    wires: tuple[str, ...] = ("openai.chat",)
    version: str = ""

    @abstractmethod
    def begin(self, base_url: str, incident: str) -> None:
        """Prepare for one incident, with a client that knows nothing of those before."""

    @abstractmethod
    def ask(self, task: Task, model: str, guard: float) -> Told:
        """Ask once; raises `Hung` or `Broken`."""

    def close(self) -> None:  # noqa: B027  most have nothing to close
        """Let go of everything."""


class Client(Subject):
    """An SDK in a process of its own."""

    def __init__(
        self, worker: Worker, limits: Limits, headers: Mapping[str, str] | None = None
    ) -> None:
        self._worker, self._limits = worker, limits
        self._headers = dict(headers or {})
        self.open("http://127.0.0.1:9/v1", API_KEY)

    def open(self, base_url: str, key: str) -> None:
        """A new client."""
        self._worker.open(
            {
                "base_url": base_url,
                "api_key": key,
                "timeout": self._limits.timeout,
                "retries": self._limits.retries,
                "headers": self._headers,
            }
        )
        self.wires = tuple(self._worker.version["wires"])
        self.version = f"{self._worker.version['version']}, Python {self._worker.version['python']}"

    def begin(self, base_url: str, incident: str) -> None:
        """A new client for the incident's server."""
        self.open(base_url, API_KEY)

    def ask(self, task: Task, model: str, guard: float) -> Told:
        """Ask once through the client."""
        return told(self._worker.call(task.order(model), guard))

    def close(self) -> None:
        """End the process."""
        self._worker.close()


class Function(Subject):
    """A Python function, in this process: it takes base URL and task, and returns what it saw."""

    def __init__(self, function: Callable[[str, Task, str], Seen], name: str = "") -> None:
        self._function = function
        self._base_url = ""
        self.version = name or getattr(function, "__name__", "function")

    def begin(self, base_url: str, incident: str) -> None:
        """Remember where to go."""
        self._base_url = base_url

    def ask(self, task: Task, model: str, guard: float) -> Told:
        """Call it; a call that hangs is left behind in its thread."""
        begun = now()
        pool = ThreadPoolExecutor(1)
        try:
            seen = pool.submit(self._function, self._base_url, task, model).result(guard)
        except TimeoutError:
            raise Hung(f"no answer within {guard:g} s") from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        seconds = now() - begun if seen.seconds is None else seen.seconds
        return Told(replace(seen, seconds=seconds), begun, ())


def drill(
    incidents: Iterable[Incident],
    subject: Callable[[], Subject],
    limits: Limits,
    *,
    jobs: int = 4,
    on_cell: Callable[[Cell], None] = lambda cell: None,
) -> tuple[Cell, ...]:
    """Every incident's cell, in the order of the incidents.

    `subject` makes a system for each thread that runs; `jobs` is how many run at a time; `on_cell` is
    called with each cell when it is done. Every cell has a server of its own.
    """
    wanted = list(incidents)
    free: queue.SimpleQueue[Subject] = queue.SimpleQueue()
    made = [subject() for _ in range(max(1, min(jobs, len(wanted))))]
    for one in made:
        free.put(one)

    def run(incident: Incident) -> Cell:
        mine = free.get()
        try:
            return cell_of(incident, mine, limits)
        finally:
            free.put(mine)

    cells: dict[str, Cell] = {}
    try:
        with ThreadPoolExecutor(len(made)) as pool:
            for done in as_completed([pool.submit(run, incident) for incident in wanted]):
                cell = done.result()
                cells[cell.incident] = cell
                on_cell(cell)
    finally:
        for one in made:
            one.close()
    return tuple(cells[incident.name] for incident in wanted)


def cell_of(incident: Incident, subject: Subject, limits: Limits) -> Cell:
    """One incident, on a server of its own, then a healthy probe through the same client."""
    bare = Cell(incident.name, incident.category, "not judged", "")
    try:
        task = task_of(incident, subject.wires)
    except CannotAsk as why:
        return replace(bare, reason=str(why))
    try:
        server = Upstream(incident.loaded, limits.speed)
    except Exception as error:  # a listener whose port or extra is missing
        return replace(bare, reason=f"the incident cannot be played here: {error}")
    with server:
        base_url = f"{server.client_url}/v1"
        subject.begin(base_url, incident.name)
        begun = now()
        try:
            answer = subject.ask(task, HEALTHY, limits.guard)
        except (Hung, Broken) as error:
            verdict: Verdict = "hung" if isinstance(error, Hung) else "wrong"
            return with_server(
                replace(
                    bare, verdict=verdict, reason=str(error), begun=begun, seconds=now() - begun
                ),
                server,
                server.calls,
            )
        server.settle()
        calls = server.calls
        alive = probe(subject, server, limits) if not incident.loaded.profile.listeners else None
        return judged(bare, incident, answer, server, calls, alive, limits)


def probe(subject: Subject, server: Upstream, limits: Limits) -> bool | None:
    """Whether a healthy call through the same client succeeds."""
    server.heal()
    wire = next((one for one in subject.wires if one.startswith("openai")), subject.wires[0])
    try:
        answer = subject.ask(Task(wire, stream=True), HEALTHY, limits.guard)
    except (Hung, Broken):
        return False
    return answer.seen.error is None and (answer.seen.text or "") == CANONICAL


def judged(
    cell: Cell,
    incident: Incident,
    answer: Told,
    server: Upstream,
    calls: tuple[Entry, ...],
    alive: bool | None,
    limits: Limits,
) -> Cell:
    """The cell of a call that ended."""
    expect = incident.loaded.profile.expect or Expect()
    seen = replace(answer.seen, alive=alive)
    if not calls and not incident.loaded.profile.listeners:
        reason = "no request reached the server"
        return replace(cell, reason=reason, seen=seen, begun=answer.begun, events=answer.events)
    judgements = judge(scaled(expect, limits), seen, calls)
    if alive is False and expect.after is None:
        judgements = (*judgements, *judge(Expect(after="alive"), seen, calls))
    findings = judge_conduct(calls).findings
    verdict, reason = verdict_of(seen, judgements, findings)
    made = replace(
        cell,
        verdict=verdict,
        reason=reason,
        seen=seen,
        judgements=judgements,
        findings=findings,
        begun=answer.begun,
        seconds=seen.seconds or 0.0,
        events=answer.events,
    )
    return with_server(made, server, calls)


def scaled(expect: Expect, limits: Limits) -> Expect:
    """The expectation with the client's time limit in this drill's time."""
    client = expect.client
    if client is None or client.within is None:
        return expect
    within = limits.within(client.within)
    return expect.model_copy(update={"client": client.model_copy(update={"within": within})})


def with_server(cell: Cell, server: Upstream, calls: tuple[Entry, ...]) -> Cell:
    """The cell with what the server did."""
    zero = server.zero
    marks = tuple(sorted(all_marks(calls, zero), key=lambda mark: mark.time))
    return replace(
        cell, attempts=len(calls), marks=marks, sent=tuple(sent_text(call) for call in calls)
    )


def all_marks(calls: Iterable[Entry], zero: float) -> Iterator[Any]:
    """The marks of several calls."""
    for call in calls:
        yield from marks_of(call, zero)
