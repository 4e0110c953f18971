"""Faults that were asked for by name, and whether they acted."""

from __future__ import annotations

from typing import Any

from mockllm.engine.demands import Demand, Demands
from mockllm.engine.engine import Engine
from mockllm.engine.gate import Connection
from mockllm.engine.journal import Entry, Outcome
from mockllm.faults.apply import AnyFault
from mockllm.profile.adding import read_fault
from tests.engine.build import ask, engine


def call(to: Engine, outcome: Outcome | None = None, **data: Any) -> Entry:
    """A call that is done, unless something else is said."""
    record = to.begin(ask(to, **data), "")
    events = len(record.entry.plan.lowered.events)
    return record.update(outcome or Outcome("done", events, events, 9, 0.0, 0.1))


def faults(to: Engine) -> tuple[AnyFault, ...]:
    """The faults of the only route."""
    return to.profile.profile.all_routes[0].faults


def unmet(demands: Demands, *entries: Entry) -> list[str]:
    """What never fired, in words."""
    return [str(one) for one in demands.unmet(entries, ())]


def test_no_call() -> None:
    """Where nothing came, no call reached it."""
    demands = Demands()
    demands.ask(Demand("x.fail(503)", (read_fault("x", {"fail": 503}),)))
    assert unmet(demands) == ["x.fail(503) never fired: no call reached a route that has it"]


def test_one_of_the_faults_suffices() -> None:
    """A demand is met when one of its faults has acted."""
    to = engine("faults: [{fail: 503}, {fail: 500}]")
    demands = Demands()
    demands.ask(Demand("use", faults(to)))
    demands.ask(Demand("first", faults(to)[:1]))
    demands.ask(Demand("second", faults(to)[1:]))
    words = [one.partition(" never")[0] for one in unmet(demands, call(to))]
    assert words == ["second"]


def test_nothing_to_demand() -> None:
    """A profile without faults asks for none."""
    demands = Demands()
    demands.ask(Demand("use('default')", ()))
    assert unmet(demands) == []


def test_equal_faults_are_two() -> None:
    """Two equal faults are told apart: that one acted says nothing of the other."""
    to, other = engine("faults: [{fail: 503}]"), read_fault("x", {"fail": 503})
    assert other == faults(to)[0]
    demands = Demands()
    demands.ask(Demand("other", (other,)))
    assert len(unmet(demands, call(to))) == 1


def test_reasons() -> None:
    """Each reason stands once, with the first five calls that have it."""
    to = engine("faults: [{fail: 503, nth: 9}, {reset: , at: after content 99, nth: 1}]")
    demands = Demands()
    demands.ask(Demand("fail", faults(to)[:1]))
    demands.ask(Demand("reset", faults(to)[1:]))
    entries = [call(to, stream=True) for _ in range(7)]
    first, second = unmet(demands, *entries)
    assert first.startswith("fail never fired: call 1 of the session, nth: [9] (#1); call 2 of")
    assert second.startswith("reset never fired: the answer has 60 content frames (#1); call 2")
    same = [call(engine("faults: [{fail: 503, nth: 9}]")) for _ in range(7)]
    demands.clear()
    demands.ask(Demand("far", tuple(one.missed[0][0] for one in same)))
    assert unmet(demands, *same) == [
        "far never fired: call 1 of the session, nth: [9] (#1, #1, #1, #1, #1, …)"
    ]


def test_a_client_that_left_before() -> None:
    """A fault that was not reached has not acted, and the reason says so."""
    to = engine("faults: [{stall: 30s}]")
    demands = Demands()
    demands.ask(Demand("stall", faults(to)))
    left = call(to, Outcome("peer gone", 1, 1, 9, 0.0, 0.1, 0.1), stream=True)
    assert unmet(demands, left) == ["stall never fired: the client had left before it (#1)"]


def test_what_the_journal_has_forgotten() -> None:
    """What acted on a call counts when its entry is gone; until all is forgotten."""
    to = engine("faults: [{fail: 503}]")
    demands = Demands()
    demands.ask(Demand("fail", faults(to)))
    demands.note(call(to))
    assert unmet(demands) == []
    demands.clear()
    demands.ask(Demand("fail", faults(to)))
    assert len(unmet(demands)) == 1


def test_faults_of_connections() -> None:
    """A fault of a listener's connections has acted when a connection says so."""
    demands = Demands()
    demands.ask(Demand("use", (read_fault("x", {"close": "rst"}),)))
    seen = Connection("bad", 1, "now", ("close: rst",), True)
    assert demands.unmet((), (seen,)) == ()
    assert len(demands.unmet((), (Connection("bad", 1, "now", (), False),))) == 1
