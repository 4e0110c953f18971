"""Runs a system through incidents, one cell after the other or several at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import replace

from mockllm.drill.cell import Cell, Verdict
from mockllm.drill.judging import judged
from mockllm.drill.limits import Limits
from mockllm.drill.marks import marks_of, sent_text
from mockllm.drill.sequence import answered_of, pause_of, times
from mockllm.drill.subject import Subject, Told
from mockllm.drill.task import CannotAsk, Task, task_of
from mockllm.drill.upstream import Stage
from mockllm.drill.worker import Hung, Lost, now
from mockllm.engine.journal import Entry
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library
from mockllm.scripts.canonical import CANONICAL


def drill(
    incidents: Iterable[Incident],
    subject: Callable[[], Subject],
    limits: Limits,
    *,
    library: Library | None = None,
    jobs: int = 4,
    on_cell: Callable[[Cell], None] = lambda cell: None,
) -> tuple[Cell, ...]:
    """Every incident's cell, in the order of the incidents.

    `subject` makes a system for each thread that runs; `jobs` is how many run at a time; `on_cell` is
    called with each cell when it is done; `library` has the profiles. Raises what `subject` raises.
    """
    known = library or Library()
    wanted = list(incidents)
    free: queue.SimpleQueue[Subject] = queue.SimpleQueue()
    made: list[Subject] = []

    def run(incident: Incident) -> Cell:
        mine = free.get()
        try:
            return cell_of(incident, mine, limits, known)
        finally:
            free.put(mine)

    cells: dict[str, Cell] = {}
    count = max(1, min(jobs, len(wanted)))
    pool = ThreadPoolExecutor(count)
    try:
        # All before the first cell: to start takes what cells would be slow without.
        starting = [pool.submit(subject) for _ in range(count)]
        wait(starting)
        made = [one.result() for one in starting if one.exception() is None]
        for ready in starting:
            free.put(ready.result())
        for group in groups(wanted, made[0]):
            for done in as_completed([pool.submit(run, incident) for incident in group]):
                cell = done.result()
                cells[cell.incident] = cell
                on_cell(cell)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for one in made:
            one.close()  # what is still asked ends with it
        pool.shutdown()
    return tuple(cells[incident.name] for incident in wanted)


def groups(incidents: Sequence[Incident], subject: Subject) -> Iterator[list[Incident]]:
    """What may run side by side: most of them, then one by one those that would disturb others."""
    alone = [incident for incident in incidents if subject.alone(incident)]
    yield [incident for incident in incidents if incident not in alone]
    yield from ([incident] for incident in alone)


def cell_of(incident: Incident, subject: Subject, limits: Limits, library: Library) -> Cell:
    """One incident, on a server that plays it, then a healthy probe through the same client."""
    bare = Cell(incident.name, incident.category, "not judged", "")
    why = subject.why_not(incident)
    if why is not None:
        return replace(bare, reason=why)
    try:
        task = task_of(incident, subject.wires)
    except CannotAsk as cannot:
        return replace(bare, reason=str(cannot))
    try:
        stage = subject.stage(incident, limits, library)
    except Exception as error:  # a listener whose port or extra is missing
        return replace(bare, reason=f"the incident cannot be played here: {error}")
    with stage:
        begun = now()
        told: list[Told] = []
        try:
            subject.begin(stage.client_url, incident.name)
            for _ in times(incident, limits):
                begun = now()
                told.append(subject.ask(task, limits.patience(pause_of(incident))))
        except Lost as lost:
            verdict: Verdict = "hung" if isinstance(lost, Hung) else "wrong"
            before = f"call {len(told) + 1}: " if told else ""
            cell = replace(
                bare,
                verdict=verdict,
                reason=f"{before}{lost}",
                begun=told[0].begun if told else begun,
                seconds=now() - begun,
                events=(*(event for one in told for event in one.events), *lost.events),
            )
            return with_server(cell, subject, stage, stage.calls, len(told) + 1)
        stage.settle()
        calls = stage.calls
        cell = replace(
            bare,
            # Of several calls the first that failed stands for all.
            seen=next((one.seen for one in told if one.seen.error), told[-1].seen),
            begun=told[0].begun,
            seconds=max(one.seen.seconds or 0.0 for one in told),
            events=tuple(event for one in told for event in one.events),
        )
        cell = with_server(cell, subject, stage, calls, len(told))
        if not calls and not incident.loaded.profile.listeners:
            return replace(cell, reason="no request reached the server")
        if unmet(incident, calls):
            return replace(cell, reason="no fault acted: the request is not one that meets it")
        if task.leaves_after is not None and not all(one.seen.left for one in told):
            return replace(cell, reason="its caller has to leave the stream, and did not")
        answered = answered_of(told, calls, stage.zero)
        well = alive(incident, subject, stage, limits)
        return judged(cell, incident, answered, well, limits, subject)


def unmet(incident: Incident, calls: Sequence[Entry]) -> bool:
    """Whether the requests met nothing of an incident that is about faults.

    A fault of a kept connection is the exception: a client that keeps none cannot meet it.
    """
    profile = incident.loaded.profile
    points = {f.anchor.point for route in profile.all_routes for f in route.faults} - {"idle"}
    return bool(points) and not profile.listeners and not any(entry.fired for entry in calls)


def alive(incident: Incident, subject: Subject, stage: Stage, limits: Limits) -> bool | None:
    """Whether a healthy call through the same client succeeds; None where that shows nothing.

    A listener that fails goes on failing, and a program that is started anew remembers nothing.
    """
    if incident.loaded.profile.listeners or not subject.lasting:
        return None
    stage.heal()
    subject.heal()
    wire = next((one for one in subject.wires if one.startswith("openai")), subject.wires[0])
    try:
        answer = subject.ask(Task(wire, stream=True), limits.guard)
    except Lost:
        return False
    return answer.seen.error is None and (answer.seen.text or "") == CANONICAL


def with_server(
    cell: Cell, subject: Subject, stage: Stage, calls: tuple[Entry, ...], asked: int
) -> Cell:
    """The cell with what the server did in so many logical calls."""
    zero = stage.zero
    marks = [mark for call in calls for mark in marks_of(call, zero, now())]
    return replace(
        cell,
        attempts=len(calls),
        marks=tuple(sorted(marks, key=lambda mark: mark.time)),
        sent=tuple(sent_text(call) for call in calls),
        facts=subject.facts(stage, cell.events, cell.seen, asked),
    )
