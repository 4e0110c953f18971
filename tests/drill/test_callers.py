"""Callers that do more than ask once and read all: they leave, stop reading, or ask again and again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mockllm.drill.cell import Cell
from mockllm.drill.judging import scaled
from mockllm.drill.limits import Limits
from mockllm.drill.program import Command
from mockllm.drill.runner import drill
from mockllm.drill.runtimes import DRIVERS
from mockllm.drill.sequence import merged
from mockllm.drill.subject import Client, Function, Subject
from mockllm.drill.task import HELLO, Task, task_of
from mockllm.drill.worker import Worker
from mockllm.engine.judge import Judgement, Seen
from mockllm.profile.expect import Expect
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

LIMITS = Limits()
CAREFUL = Path(__file__).parents[2] / "examples" / "drill" / "careful.py"


def http() -> Subject:
    """A plain client."""
    return Client(Worker(DRIVERS["http"].command()), LIMITS)


def careful() -> Subject:
    """A program that does what it is told."""
    return Command(shlex.join([sys.executable, str(CAREFUL)]), LIMITS)


def cell_of(subject: Callable[[], Subject], text: str, limits: Limits = LIMITS) -> Cell:
    """What became of a profile."""
    incident = Incident(Library().load_text(f"mockllm: 1\nabout: x\n{text}", "p"), "other")
    (cell,) = drill([incident], subject, limits, jobs=1)
    return cell


SLOW = """
scalable: false
match: {stream: true}
faults: [{wait: {drip: 200ms}, at: head}]
expect: {server: {closed_within: 2s}, caller: {leaves_after: 3}}
"""


@pytest.mark.parametrize("subject", [http, careful])
def test_a_caller_that_leaves(subject: Callable[[], Subject]) -> None:
    """The server sees it, long before the stream is over."""
    cell = cell_of(subject, SLOW)
    assert cell.verdict == "survived", cell.reason
    assert cell.seen is not None
    assert cell.seen.left
    assert any("client left" in mark.text for mark in cell.marks)


def test_a_caller_that_stays_though_it_has_to_leave() -> None:
    """Then nothing has been seen of what the incident is about."""
    cell = cell_of(lambda: Function(lambda url, task, model: asked(url, task)), SLOW)
    assert cell.verdict == "not judged"
    assert "has to leave" in cell.reason


def test_a_caller_that_stops_reading() -> None:
    """What the kernel holds for it is all that the server gets rid of."""
    text = """
match: {stream: true}
faults:
  - {edit: {set: {choices.0.delta.content: {size: 32KiB}}}, at: content 5}
  - {edit: {duplicate: 1250}, at: content 5}
expect: {server: {accepted_bytes: {max: 16MiB}}, caller: {leaves_after: 2, pause: 500ms}}
"""
    cell = cell_of(http, text)
    assert cell.verdict == "survived", cell.reason


def asked(url: str, task: Task) -> Seen:
    """One request, as a function makes it."""
    with_http = Client(Worker(DRIVERS["http"].command()), LIMITS)
    try:
        with_http.open(url, "x")
        return Seen(text=with_http.ask(Task(task.wire, stream=True), 30.0).seen.text)
    finally:
        with_http.close()


OUTAGE = """
match: {stream: true}
faults: [{fail: 503, first: 3}]
expect:
  client: {text: whole, error: any}
  server: {attempts: 1, returns: {after: 10s, within: 60s}}
  caller: {calls: 5, every: 4s}
"""


def test_several_calls_are_each_judged() -> None:
    """Each has one attempt, though five came; the cell tells of the first that failed."""
    cell = cell_of(http, OUTAGE)
    assert cell.attempts == 5
    assert cell.verdict == "failed safely", cell.reason
    assert cell.seen is not None
    assert cell.seen.error is not None
    found = {one.statement.partition(":")[0]: one for one in cell.judgements}
    assert found["server.attempts"].evidence.startswith("5 of 5 calls, the first is call 1: 1 came")
    assert found["server.returns"].verdict == "held"
    assert not cell.findings, "calls that are alike are no retries of each other"


def test_a_statement_holds_if_it_holds_for_all_calls() -> None:
    """One call for which it does not hold decides; one that nobody judged does not."""
    text = "client.text: whole"
    held, broken = Judgement(text, "held", "all"), Judgement(text, "broken", "half")
    unseen = Judgement(text, "not judged", "nobody")
    (one,) = merged([[held], [unseen], [broken], [broken]], [held])
    assert (one.verdict, one.evidence) == ("broken", "2 of 4 calls, the first is call 3: half")
    assert merged([[unseen], [held]], [held])[0].verdict == "held"
    assert merged([[broken]], [held]) == (broken,)


def test_times_of_calls_and_limits_run_with_the_drill() -> None:
    """What a server does runs faster in a drill; a limit never falls below the client's own."""
    table = Expect.model_validate(
        {
            "client": {"within": "10m"},
            "advice": {"client": {"within": "1s"}},
            "fallback": {"server": {"returns": {"after": "60s", "within": "30s"}}},
        }
    )
    fast = scaled(table, LIMITS, scalable=True)
    assert fast.client is not None
    assert fast.client.within == 30.0
    assert fast.advice is not None
    assert fast.advice.client is not None
    assert fast.advice.client.within == LIMITS.longest
    assert fast.fallback is not None
    assert fast.fallback.server is not None
    assert fast.fallback.server.returns is not None
    assert fast.fallback.server.returns.after == 3.0
    assert scaled(table, Limits(speed=1.0), scalable=True).lines() == table.lines()


def test_who_waits_as_it_is_told_does_not_hang() -> None:
    """The guard of a call leaves room for the pauses that the incident asks for."""
    assert LIMITS.patience(0.0) == LIMITS.guard
    assert LIMITS.patience(30.0) == LIMITS.guard + 60.0


def test_a_request_that_meets_nothing() -> None:
    """An incident whose fault did not act shows nothing about the system."""
    cell = cell_of(
        lambda: Function(lambda url, task, model: asked(url, task)),
        "match: {stream: false}\nfaults: [{fail: 503}]\nexpect: {client: {text: whole}}\n",
    )
    assert cell.verdict == "not judged"
    assert "no fault acted" in cell.reason


def task(text: str) -> Task:
    """What is asked for a profile."""
    incident = Incident(Library().load_text(f"mockllm: 1\nabout: x\n{text}", "p"), "other")
    return task_of(incident, ["openai.chat"])


def test_what_is_asked() -> None:
    """Tokens where they are judged, a long message where its upload breaks off."""
    fault = "faults: [{fail: 503}]\n"
    assert not task(f"{fault}expect: {{client: {{text: whole}}}}").usage
    assert task(f"{fault}expect: {{fallback: {{advice: {{client: {{usage: whole}}}}}}}}").usage
    assert not task(f"{fault}expect: {{client: {{usage: 60}}}}").usage, "the incident sends it"
    assert task("faults: [{fail: 503}]").message == HELLO
    assert len(task("faults: [{close: rst, at: upload 64KiB}]").message) > 64 << 10
