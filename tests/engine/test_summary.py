"""All that can be said of what happened, for people and for programs."""

from __future__ import annotations

import pytest

from mockllm.engine.demands import Demand
from mockllm.engine.engine import Engine
from mockllm.engine.journal import Outcome
from mockllm.engine.judge import Seen
from mockllm.engine.summary import Snapshot
from mockllm.profile.adding import Said, read_fault, read_script
from tests.engine.build import ask, engine


def call(to: Engine, key: str = "any") -> None:
    """A call that is done."""
    record = to.begin(ask(to, headers=[("authorization", f"Bearer {key}")]), "")
    events = len(record.entry.plan.lowered.events)
    to.ended(record.update(Outcome("done", events, events, 9, 0.0, 0.1)))


def test_nothing_happened() -> None:
    """Nothing is wrong where nothing came."""
    made = Snapshot.of(engine()).judged()
    assert not made.failed
    assert made.as_text().startswith("profile p, 0 calls\nconduct:\n")
    data = made.as_json()
    assert data["failed"] is False
    assert (data["profile"], data["calls"], data["expectations"]) == ("p", 0, [])


def test_what_is_broken() -> None:
    """An expectation that does not hold fails it, and is told in text and data."""
    to = engine("expect: {server: {attempts: 2}, client: {text: whole}}")
    call(to)
    made = Snapshot.of(to).judged()
    assert [one.statement for one in made.broken] == ["server.attempts: 2"]
    assert made.failed
    lines = made.as_text().splitlines()
    assert lines[0] == "profile p, 1 call"
    assert "  broken: server.attempts: 2 (1 came)" in lines
    assert "  not judged: client.text: whole (nobody told what the caller saw)" in lines
    assert {"statement": "server.attempts: 2", "verdict": "broken", "evidence": "1 came"} in (
        made.as_json()["expectations"]
    )


def test_what_the_caller_saw() -> None:
    """With what the caller told, its side is judged too."""
    to = engine("expect: {client: {text: whole}}\nscript: {text: Hello}")
    call(to)
    assert not Snapshot.of(to).judged(seen=Seen("Hello")).failed
    assert Snapshot.of(to).judged(seen=Seen("Hell")).failed


def test_unmet_and_unused() -> None:
    """A fault that never fired fails it; an answer that nobody got is told only."""
    to = engine()
    to.say((Said(script=read_script("w", {"text": "x"})),))
    made = Snapshot.of(to).judged()
    assert not made.failed
    assert "unused  mockllm.says: no call got it" in made.as_text()
    assert made.as_json()["unused"] == ["mockllm.says: no call got it"]
    to.demands.ask(Demand("reset()", (read_fault("w", {"reset": None}),)))
    made = Snapshot.of(to).judged()
    assert made.failed
    never = "reset() never fired: no call reached a route that has it"
    assert f"fail  {never}" in made.as_text()
    assert made.as_json()["never_fired"] == [never]


def test_a_session() -> None:
    """Only the calls of one session count."""
    to = engine("expect: {server: {attempts: 1}}")
    for key in ("mock-p.one", "mock-p.two", "mock-p.two"):
        call(to, key)
    assert len(Snapshot.of(to).judged().calls) == 3
    counts = [len(Snapshot.of(to, name).judged().calls) for name in ("one", "two", "three")]
    assert counts == [1, 2, 0]


def test_a_finding_that_is_none() -> None:
    """A name that no finding has is refused with the nearest."""
    snapshot = Snapshot.of(engine())
    snapshot.judged(ignore=["no-jitter"])
    with pytest.raises(ValueError, match=r"no-jiter.*no-jitter"):
        snapshot.judged(ignore=["no-jiter"])


def test_a_snapshot_stays() -> None:
    """What happens after the snapshot is not in it."""
    to = engine()
    call(to)
    to.demands.ask(Demand("reset()", (read_fault("w", {"reset": None}),)))
    snapshot = Snapshot.of(to)
    call(to)
    to.reset()
    made = snapshot.judged()
    assert (len(made.calls), len(made.unmet)) == (1, 1)


def test_times_that_did_not_hold() -> None:
    """A report says so, because what clients measured is then not the profile's; nothing fails."""
    to = engine()
    call(to)
    for _ in range(200):
        to.lateness.note(0.0375)
    made = Snapshot.of(to).judged()
    assert not made.failed
    assert made.as_json()["gap_error"] == 0.038
    assert "the machine is too slow for this load: p99 gap error 38 ms" in made.as_text()
    to.reset()
    made = Snapshot.of(to).judged()
    assert made.as_json()["gap_error"] == 0.0
    assert "too slow" not in made.as_text()
