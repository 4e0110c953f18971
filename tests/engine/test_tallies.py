"""What is counted at a route, in every scope that a fault may ask for."""

from __future__ import annotations

import json

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Conditions, Plan
from mockllm.engine.tallies import Tallies, end, scope_of
from mockllm.faults.often import By, Tally
from mockllm.matchers.call import Call
from mockllm.profile.library import Library
from mockllm.profile.loader import load

CALL = Call(
    "POST",
    "/v1/chat/completions",
    headers=(("authorization", "Bearer a-key"),),
    body=b"{}",
    model="m",
    session="s",
)


@pytest.mark.parametrize(
    ("by", "scope"),
    [
        ("session", "s"),
        ("request body", CALL.fingerprint),
        ("connection", "7"),
        ("key", "a-key"),
        ("model", "m"),
        ("server", ""),
    ],
)
def test_scopes(by: By, scope: str) -> None:
    """Each kind of scope reads its own part of the call."""
    assert scope_of(CALL, 7, by) == scope


def test_a_tally() -> None:
    """Calls, ages, calls in flight and tokens of one scope; others are not mixed in."""
    tallies = Tallies()
    session: dict[By, float | None] = {"session": 10.0}
    both: dict[By, float | None] = {"session": 10.0, "model": 10.0}
    first, counts = tallies.visit("p", 0, CALL, 7, both, 10.0)
    assert first == {"session": Tally(), "model": Tally()}
    second, _ = tallies.visit("p", 0, CALL, 7, session, 13.0)
    assert second == {"session": Tally(2, (3.0, 0.0), 2)}
    end(counts, 14.0, 50)
    third, _ = tallies.visit("p", 0, CALL, 7, both, 15.0)
    assert third["session"] == Tally(3, (5.0, 2.0, 0.0), 2, ((1.0, 50),))
    assert third["model"] == Tally(2, (5.0, 0.0), 1, ((1.0, 50),))
    fourth, _ = tallies.visit("p", 0, CALL, 7, session, 24.5)
    assert fourth["session"] == Tally(4, (9.5, 0.0), 3)
    assert tallies.visit("p", 1, CALL, 7, session, 15.0)[0] == {"session": Tally()}
    tallies.forget("p")
    assert tallies.visit("p", 0, CALL, 7, session, 15.0)[0] == {"session": Tally()}


def test_nothing_is_remembered_without_a_window() -> None:
    """Where no fault asks when calls came, there are only counts."""
    tallies = Tallies()
    _, counts = tallies.visit("p", 0, CALL, 7, {"session": 0.0}, 10.0)
    end(counts, 11.0, 50)
    second, _ = tallies.visit("p", 0, CALL, 7, {"session": 0.0}, 12.0)
    assert second == {"session": Tally(2)}
    assert not counts[0].arrivals
    assert not counts[0].ends


def test_ends_that_nobody_asks_for() -> None:
    """Where nothing asks which calls are over, none is counted among those in flight."""
    tallies = Tallies()
    for ordinal in (1, 2):
        told, _ = tallies.visit("p", 0, CALL, 7, {"session": 0.0}, 10.0, ends=False)
        assert told == {"session": Tally(ordinal, inflight=0)}


def test_of_most_calls_no_count_waits_for_the_end() -> None:
    """The engine remembers the counts of a call only where its route asks for ends."""
    plain, limited = Server("nth: 9"), Server("over: {inflight: 2}")
    for server in (plain, limited):
        server.call()
    assert [len(server.engine._counted) for server in (plain, limited)] == [0, 1]


@pytest.mark.parametrize(
    ("route", "ends"),
    [
        ("faults: [{fail: 503, first: 2}]", False),
        ("faults: [{fail: 503, over: {limit: 2, per: 10s}}]", False),
        ("faults: [{fail: 503, over: {inflight: 2}}]", True),
        ("faults: [{fail: 503, over: {tokens: 2, per: 10s}}]", True),
        ("pacing: {load: {slots: 1}}", True),
        ("about: Nothing fails.", False),
    ],
)
def test_what_asks_for_ends(route: str, ends: bool) -> None:
    """Load does, and limits of calls at a time and of tokens."""
    (made,) = load(f"mockllm: 1\n{route}\n", name="p").profile.all_routes
    assert made.counts_ends is ends


def test_nothing_is_told_where_nobody_asks() -> None:
    """Calls are counted all the same, and end."""
    tallies = Tallies()
    first, counts = tallies.visit("p", 0, CALL, 7, {"session": None, "server": 0.0}, 10.0)
    assert (first, [one.calls for one in counts]) == ({"server": Tally()}, [1, 1])
    end(counts[:1], 11.0, 0)
    second, counts = tallies.visit("p", 0, CALL, 7, {"session": None}, 12.0)
    assert (second, counts[0].calls, counts[0].inflight) == ({}, 2, 1)


def test_windows() -> None:
    """A window ends before the age that is as long as it."""
    tally = Tally(3, (10.0, 4.0, 0.0), 1, ((10.0, 7), (3.0, 5)))
    assert [tally.calls_within(span) for span in (4.0, 4.1, 11.0)] == [1, 2, 3]
    assert [tally.tokens_within(span) for span in (3.0, 4.0, 11.0)] == [0, 5, 12]


class Server:
    """An engine whose clock a test moves."""

    def __init__(self, fault: str, *, speed: float = 1.0) -> None:
        self.now = 0.0
        text = f"mockllm: 1\nfaults: [{{fail: 503, {fault}}}]\n"
        self.engine = Engine(
            Library(),
            load(text, name="p"),
            conditions=Conditions(paced=False, speed=speed),
            now=lambda: self.now,
        )

    def call(
        self, text: str = "hi", *, model: str = "m", key: str = "k", connection: int = 1
    ) -> Plan:
        """One request."""
        body = {"model": model, "messages": [{"role": "user", "content": text}]}
        call, name = self.engine.read(
            "POST",
            "/v1/chat/completions",
            (("authorization", f"Bearer {key}"),),
            json.dumps(body).encode(),
        )
        return self.engine.plan(call, name, Here(), connection=connection)

    def finish(self, plan: Plan) -> None:
        """A request is over, answered whole."""
        count = len(plan.lowered.events)
        self.engine.ended(
            self.engine.journal.begin(plan, "").update(Outcome("done", count, count, 1))
        )

    def fails(self, **options: object) -> bool:
        """Whether a request that is answered at once fails."""
        plan = self.call(**options)  # type: ignore[arg-type]
        self.finish(plan)
        assert plan.head is not None
        return plan.head.status == 503


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("every: 3", [False, False, True, False, False, True]),
        ("skip: 2", [False, False, True, True, True, True]),
        ("skip: 1, first: 3", [False, True, True, False, False, False]),
        ("skip: 1, every: 2", [False, True, False, True, False, True]),
    ],
)
def test_counting(fault: str, expected: list[bool]) -> None:
    """Counts of the calls at the route; several must hold."""
    server = Server(fault)
    assert [server.fails() for _ in expected] == expected


@pytest.mark.parametrize(
    ("by", "others"),
    [
        ("request body", {"text": "other"}),
        ("connection", {"connection": 2}),
        ("key", {"key": "other"}),
        ("model", {"model": "other"}),
    ],
)
def test_scopes_count_apart(by: str, others: dict[str, object]) -> None:
    """What differs in the scope is counted anew, and by the whole server it is not."""
    server = Server(f"first: 1, by: {by}")
    assert [server.fails(), server.fails(), server.fails(**others)] == [True, False, True]
    server = Server("first: 1, by: server")
    assert [server.fails(), server.fails(), server.fails(**others)] == [True, False, False]


def test_over_a_rate() -> None:
    """Two calls in ten seconds go through, the third does not; later there is room again."""
    server = Server("over: {limit: 2, per: 10s}")
    assert [server.fails(), server.fails(), server.fails()] == [False, False, True]
    server.now = 9.9
    assert server.fails()
    server.now = 20.0
    assert not server.fails()


def test_the_window_goes_with_the_speed() -> None:
    """At ten times the speed a window of ten seconds lasts one."""
    server = Server("over: {limit: 1, per: 10s}", speed=10)
    assert [server.fails(), server.fails()] == [False, True]
    server.now = 1.0
    assert not server.fails()


def test_over_the_calls_at_a_time() -> None:
    """The third call at a time is hit; when one has ended there is room."""
    server = Server("over: {inflight: 2}")
    plans = [server.call() for _ in range(3)]
    assert [plan.head.status for plan in plans if plan.head] == [200, 200, 503]
    for plan in plans[1:]:
        server.finish(plan)
    assert not server.fails()


def test_over_a_budget_of_tokens() -> None:
    """Calls go through until the tokens of those before are used up, prompt and answer counted."""
    server = Server("over: {tokens: 100, per: 60s}")
    assert [server.fails(), server.fails(), server.fails()] == [False, False, True]
    server.now = 60.0
    assert not server.fails()


def test_a_reason_names_the_scope() -> None:
    """Why a fault does not act says what was counted."""
    server = Server("over: {limit: 2, per: 10s}, by: model")
    assert server.call().reports[0].skipped == "1 calls within 10s, over: {limit: 2, per: 10s}"
    server = Server("every: 2, by: key")
    assert server.call().reports[0].skipped == "call 1 of the key, every: 2"
