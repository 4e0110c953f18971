"""Runs a system through incidents, one cell after the other or several at a time."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from dataclasses import replace

from mockllm.drill.cell import Cell, Verdict, verdict_of
from mockllm.drill.limits import Limits
from mockllm.drill.marks import marks_of, sent_text
from mockllm.drill.subject import Subject
from mockllm.drill.task import CannotAsk, Task, task_of
from mockllm.drill.upstream import Stage
from mockllm.drill.worker import Hung, Lost, now
from mockllm.engine.findings.verdict import judge as judge_conduct
from mockllm.engine.journal import Entry
from mockllm.engine.judge import judge
from mockllm.profile.expect import Expect
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
        for done in as_completed([pool.submit(run, incident) for incident in wanted]):
            cell = done.result()
            cells[cell.incident] = cell
            on_cell(cell)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for one in made:
            one.close()  # what is still asked ends with it
        pool.shutdown()
    return tuple(cells[incident.name] for incident in wanted)


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
        try:
            subject.begin(stage.client_url, incident.name)
            begun = now()
            answer = subject.ask(task, limits.guard)
        except Lost as lost:
            verdict: Verdict = "hung" if isinstance(lost, Hung) else "wrong"
            cell = replace(
                bare,
                verdict=verdict,
                reason=str(lost),
                begun=begun,
                seconds=now() - begun,
                events=lost.events,
            )
            return with_server(cell, subject, stage, stage.calls)
        stage.settle()
        calls = stage.calls
        cell = replace(
            bare,
            seen=answer.seen,
            begun=answer.begun,
            seconds=answer.seen.seconds or 0.0,
            events=answer.events,
        )
        cell = with_server(cell, subject, stage, calls)
        if not calls and not incident.loaded.profile.listeners:
            return replace(cell, reason="no request reached the server")
        return judged(cell, incident, calls, alive(incident, subject, stage, limits), limits)


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


def judged(
    cell: Cell, incident: Incident, calls: tuple[Entry, ...], alive: bool | None, limits: Limits
) -> Cell:
    """The cell of a call that ended."""
    assert cell.seen is not None
    profile = incident.loaded.profile
    expect = profile.expect or Expect()
    seen = replace(cell.seen, alive=alive)
    judgements = judge(scaled(expect, limits, scalable=profile.scalable), seen, calls)
    if alive is False and expect.after is None:
        judgements = (*judgements, *judge(Expect(after="alive"), seen, calls))
    findings = judge_conduct(calls).findings
    wanted = expect.server.attempts if expect.server else None
    too_few = wanted is not None and len(calls) < (wanted.min or 0)
    verdict, reason = verdict_of(seen, judgements, findings, too_few=too_few)
    return replace(
        cell, verdict=verdict, reason=reason, seen=seen, judgements=judgements, findings=findings
    )


def scaled(expect: Expect, limits: Limits, *, scalable: bool) -> Expect:
    """The expectation with its limits on time in this drill's time."""
    client, server = expect.client, expect.server
    if client is not None and client.within is not None:
        within = limits.within(client.within, scalable=scalable)
        client = client.model_copy(update={"within": within})
    if server is not None and server.closed_within is not None:
        closed = limits.closing(server.closed_within)
        server = server.model_copy(update={"closed_within": closed})
    return expect.model_copy(update={"client": client, "server": server})


def with_server(cell: Cell, subject: Subject, stage: Stage, calls: tuple[Entry, ...]) -> Cell:
    """The cell with what the server did."""
    zero = stage.zero
    marks = [mark for call in calls for mark in marks_of(call, zero, now())]
    return replace(
        cell,
        attempts=len(calls),
        marks=tuple(sorted(marks, key=lambda mark: mark.time)),
        sent=tuple(sent_text(call) for call in calls),
        facts=subject.facts(stage, cell.events, cell.seen),
    )
