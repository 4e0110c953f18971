"""Cells side by side: which, and what keeps them apart on one server."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mockllm.drill.gateway import Gateway, mark_of
from mockllm.drill.limits import Limits
from mockllm.drill.runner import drill
from mockllm.drill.runtimes import DRIVERS
from mockllm.drill.starting import Running
from mockllm.drill.subject import Subject, Told
from mockllm.drill.system import System
from mockllm.drill.task import Task
from mockllm.drill.upstream import Shared
from mockllm.drill.worker import Worker, now
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Seen
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

LIMITS = Limits()
GUARD = 30.0
FAULT = "faults: [{fail: 503, first: 1}]\nexpect: {client: {text: whole}}\n"


def incident(name: str, text: str = FAULT) -> Incident:
    """A profile of this name."""
    return Incident(Library().load_text(f"mockllm: 1\nabout: x\n{text}", name), "other")


class Meeting(Subject):
    """A system that answers when as many cells as there should be are under way."""

    lasting = False
    most = 0
    running = 0
    lock = threading.Lock()

    def __init__(self, barrier: threading.Barrier, alone: set[str]) -> None:
        self._barrier, self._alone = barrier, alone
        self._incident = ""

    def alone(self, incident: Incident) -> bool:
        """As the test says."""
        return incident.name in self._alone

    def begin(self, base_url: str, incident: str) -> None:
        """Remember which it is."""
        self._incident = incident

    def ask(self, task: Task, guard: float) -> Told:
        """Wait for the others."""
        with self.lock:
            Meeting.running += 1
            Meeting.most = max(self.most, self.running)
        if self._incident not in self._alone:
            self._barrier.wait(GUARD)
        else:
            assert self.running == 1
        with self.lock:
            Meeting.running -= 1
        return Told(Seen(text="", seconds=0.0), now(), ())


def test_cells_come_side_by_side() -> None:
    """As many as there are jobs, and those that disturb others by themselves, at the end."""
    barrier = threading.Barrier(3)
    done: list[str] = []
    names = ["alone", "a", "b", "c", "alone-too"]
    cells = drill(
        map(incident, names),
        lambda: Meeting(barrier, {"alone", "alone-too"}),
        LIMITS,
        jobs=3,
        on_cell=lambda cell: done.append(cell.incident),
    )
    assert Meeting.most == 3
    assert done[3:] == ["alone", "alone-too"]
    assert [cell.incident for cell in cells] == names
    assert {cell.reason for cell in cells} == {"no request reached the server"}


@pytest.fixture
def shared() -> Iterator[Shared]:
    """The server of a gateway that changes nothing: itself."""
    server = Shared(Library(), LIMITS.speed, "127.0.0.1", 0)
    yield server
    server.close()


@pytest.fixture
def worker() -> Iterator[Worker]:
    """A plain client."""
    one = Worker(DRIVERS["http"].command())
    yield one
    one.close()


def gateway(shared: Shared, worker: Worker, **more: object) -> Gateway:
    """A gateway that changes nothing."""
    system = System.model_validate({"name": "glass", "gateway": shared.url, **more})
    return Gateway(system, Running(shared.url), shared, worker, LIMITS)


def test_each_cell_has_its_own_calls(shared: Shared, worker: Worker) -> None:
    """A call belongs to the cell that it chose, or whose words it has; the others do not see it, and
    closing one cell leaves them alone."""
    one, other = incident("one"), incident("other")
    subject = gateway(shared, worker)
    with shared.stage(other.loaded, mark_of("other")) as second:
        with shared.stage(one.loaded, mark_of("one")) as first:
            for name in ("one", "other", "one"):
                subject.begin("", name)
                subject.ask(Task("openai.chat", stream=True), GUARD)
            subject.heal()  # in the name of the cell before, but of another profile
            subject.ask(Task("openai.chat", stream=True), GUARD)
            first.settle()
            assert statuses(first.calls) == [503, 200]
            assert [entry.plan.profile for entry in first.others] == ["one", "one", "default"]
            assert statuses(second.calls) == [503]
        assert list(first.others) == []
        assert statuses(second.calls) == [503]


def statuses(entries: Iterator[Entry] | tuple[Entry, ...] | list[Entry]) -> list[int | None]:
    """What was answered."""
    return [entry.status for entry in entries]


@pytest.mark.parametrize(
    ("select", "more"), [("header", {"model": "primary"}), ("path", {}), ("key", {}), ("model", {})]
)
def test_how_an_incident_is_chosen(
    shared: Shared, worker: Worker, select: str, more: dict[str, object]
) -> None:
    """By header, path, key or model, whatever the gateway lets through."""
    subject = gateway(shared, worker, select=select, **more)
    with shared.stage(incident("one").loaded, mark_of("one")) as stage:
        subject.begin("", "one")
        subject.ask(Task("openai.chat", stream=True), GUARD)
        (entry,) = stage.calls
        assert entry.status == 503
        assert entry.model == more.get("model", entry.model)


def test_what_disturbs_others(shared: Shared, worker: Worker) -> None:
    """A fault of a kept connection is for whoever comes next on it."""
    subject = gateway(shared, worker)
    assert not subject.alone(incident("one"))
    assert subject.alone(incident("idle", "faults: [{close: rst, at: idle}]\n"))


def test_what_begins_before_the_body(shared: Shared, worker: Worker) -> None:
    """The model is in the body, so an upload that breaks off cannot be chosen by it."""
    upload = incident("upload", "faults: [{close: rst, at: upload 1KiB}]\n")
    assert "before the body is there" in (gateway(shared, worker).why_not(upload) or "")
    assert gateway(shared, worker, select="path").why_not(upload) is None


def test_a_fallback_is_told_by_its_model(shared: Shared, worker: Worker) -> None:
    """Calls that ask for the other model are apart; a system without one has none."""
    with shared.stage(incident("one").loaded, mark_of("one")) as stage:
        subject = gateway(shared, worker, fallback="back*", model="mock-{incident}.backup")
        subject.begin("", "one")
        subject.ask(Task("openai.chat", stream=True), GUARD)
        assert subject.elsewhere(stage.calls) == list(stage.calls)
        assert gateway(shared, worker).elsewhere(stage.calls) is None


def test_a_gateway_is_warm_before_its_first_cell(shared: Shared, worker: Worker) -> None:
    """It is asked for what works, streamed and whole; these calls belong to no cell."""
    with shared.stage(incident("one").loaded, mark_of("one")) as stage:
        gateway(shared, worker).warm_up()
        assert list(stage.others) == []
    with shared.stage(Library().find("default"), mark_of("default")) as healthy:
        gateway(shared, worker).warm_up()
        assert [(entry.stream, entry.status) for entry in healthy.calls][-2:] == [
            (True, 200),
            (False, 200),
        ]
