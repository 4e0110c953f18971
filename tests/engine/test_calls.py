"""Calls as tests ask for them, and what they may assert of what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mockllm.engine.calls import Calls
from mockllm.engine.engine import Engine
from mockllm.engine.journal import Entry, Outcome
from tests.engine.build import ask, engine

SECRET = ("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz")
"""A credential, of which messages show the last four letters."""


def call(to: Engine, *headers: tuple[str, str], **data: Any) -> Entry:
    """A request that was answered to the end of its plan."""
    record = to.begin(ask(to, headers=headers, **data), "")
    events = len(record.entry.plan.lowered.events)
    entry = record.update(Outcome("done", events, events, 100, 0.0, 0.1))
    to.ended(entry)
    return entry


def failing(first: int) -> Engine:
    """A server whose first calls fail."""
    return engine(f"faults: [{{fail: 503, first: {first}}}]")


def raised(action: Callable[[], object]) -> str:
    """The message with which an assertion fails."""
    with pytest.raises(AssertionError) as caught:
        action()
    return str(caught.value)


def test_where_asks_as_a_route_does() -> None:
    """Conditions are those of a profile, and all must hold."""
    to = engine()
    calls = Calls(
        [
            call(to, ("x-tenant", "a"), model="gpt-4o-mini", stream=True),
            call(to, ("x-tenant", "b"), model="gpt-4o"),
            call(to, model="llama", messages=[{"role": "user", "content": "weather?"}]),
        ]
    )

    def numbers(**conditions: Any) -> list[int]:
        return [entry.number for entry in calls.where(**conditions)]

    assert numbers(model="gpt-4o*") == [1, 2]
    assert numbers(model="gpt-4o*", stream=True) == [1]
    assert numbers(header={"x-tenant": {"present": True}}) == [1, 2]
    assert numbers(message="/w.*r/") == [3]
    assert numbers(json={"messages.0.role": "user"}, model={"not": "gpt*"}) == [3]
    assert numbers(stream=True, model="llama") == []
    assert isinstance(calls.where(stream=True), Calls)


@pytest.mark.parametrize(
    ("conditions", "message"),
    [
        ({"modle": "x"}, "match.modle: unknown key 'modle'; did you mean 'model'?"),
        ({"stream": "yes"}, "match.stream: expected true or false, got 'yes'"),
        ({}, 'expected conditions such as model="gpt-4o*", got none'),
        ({"model": {1, 2}}, "{'model': {1, 2}}: Object of type set is not JSON serializable"),
    ],
)
def test_a_bad_condition(conditions: dict[str, Any], message: str) -> None:
    """A condition that a profile would not have is refused in the language's words."""
    with pytest.raises(ValueError) as caught:
        Calls().where(**conditions)
    assert str(caught.value) == message


def test_logical_calls_and_attempts() -> None:
    """Attempts of one logical call stand together, whatever came in between."""
    to = failing(3)
    calls = Calls([call(to, user="a"), call(to, user="b"), call(to, user="a"), call(to, user="a")])
    assert [[entry.number for entry in group] for group in calls.logical] == [[1, 3, 4], [2]]
    assert [entry.number for entry in calls.attempts(2)] == [3]
    assert [entry.number for entry in calls[1:].logical[1]] == [3, 4]
    assert isinstance(calls[1:], Calls)
    assert calls[-1].number == 4


def test_calls_are_shown_in_a_line_each() -> None:
    """What pytest prints of calls is short."""
    calls = Calls([call(engine())])
    assert repr(calls) == "<calls:\n  #1 POST /v1/chat/completions -> 200, done>"
    assert repr(Calls()) == "<no calls>"


BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}


def test_a_body_that_is_as_expected() -> None:
    """Keys may come in any order; a number is equal to the same number."""
    entry = call(engine(), temperature=1.0, seed=None)
    entry.assert_body({"seed": None, "temperature": 1, **BODY})


def test_a_body_that_differs() -> None:
    """Each difference has its path, and true is not 1."""
    entry = call(failing(2), temperature=True, user="me")
    wanted = {**BODY, "temperature": 1, "messages": [{"role": "user", "content": "Ho"}, {}], "n": 2}
    assert raised(lambda: entry.assert_body(wanted)) == (
        "call #1 (POST /v1/chat/completions): the body differs:\n"
        '  messages.0.content: expected "Ho", got "Hi"\n'
        "  messages.1: expected {}, got nothing\n"
        "  temperature: expected 1, got true\n"
        "  n: expected 2, got nothing\n"
        '  user: expected nothing, got "me"'
    )


@pytest.mark.parametrize(
    "differing", ["messages.0.content", "messages.*.content", "messages.-1", "messages", "*.*.*"]
)
def test_a_body_that_differs_where_it_may(differing: str) -> None:
    """Paths are those of the language; what stands below one may differ too."""
    entry = call(engine())
    wanted = {**BODY, "messages": [{"role": "user", "content": "Ho"}]}
    entry.assert_body(wanted, differing=[differing])
    entry.assert_body(wanted, differing=differing)
    more = {**wanted, "n": 2}
    assert "  n: expected 2" in raised(lambda: entry.assert_body(more, differing=[differing]))


def test_long_texts_are_shown_where_they_differ() -> None:
    """A message shows the end of what two texts have in common."""
    same = "word " * 100
    entry = call(engine(), user=f"{same}one")
    assert raised(lambda: entry.assert_body({**BODY, "user": f"{same}two"})).endswith(
        '  user: expected "…word word word word two", got "…word word word word one"'
    )


def test_many_differences() -> None:
    """Only so many are listed."""
    entry = call(engine())
    wanted = BODY | {f"k{number}": 1 for number in range(25)}
    lines = raised(lambda: entry.assert_body(wanted)).splitlines()
    assert (len(lines), lines[-1]) == (22, "  … and 5 more")


def test_a_body_that_is_no_json() -> None:
    """What came instead is said."""
    to = engine()
    entry = to.begin(ask(to, body=b"[1]"), "").entry
    assert raised(lambda: entry.assert_body({})) == (
        "call #1 (POST /v1/chat/completions): the body is no JSON object: "
        "expected an object, got list"
    )


def test_headers() -> None:
    """A header is there, or has a value; of several of one name, one has it."""
    to = failing(1)
    call(to, ("x-a", "1"))
    entry = call(to, ("X-A", "1"), ("x-a", "2"))
    entry.assert_header("x-a")
    entry.assert_header("x-A", "2")
    entry.assert_no_header("x-b", "authorization")
    title = "call #2 (POST /v1/chat/completions, attempt 2 of #1)"
    assert raised(lambda: entry.assert_header("x-b")) == (
        f"{title}: expected header x-b to be there, got none"
    )
    assert raised(lambda: entry.assert_header("x-a", "3")) == (
        f'{title}: expected header x-a to be "3", got "1" and "2"'
    )
    assert raised(lambda: entry.assert_no_header("x-b", "x-a")) == (
        f'{title}: expected no header x-b or x-a, got x-a: "1", x-a: "2"'
    )
    with pytest.raises(TypeError, match="at least one header"):
        entry.assert_no_header()


def test_credentials_are_compared_and_not_shown() -> None:
    """Two keys that look alike in a message differ all the same."""
    entry = call(engine(), SECRET)
    entry.assert_header(*SECRET)
    other = SECRET[1].replace("abc", "ABC")
    said = raised(lambda: entry.assert_header("authorization", other))
    assert said.endswith(
        'expected header authorization to be "Bearer ***wxyz", got "Bearer ***wxyz" '
        "(they differ in what is hidden here)"
    )
    told = raised(lambda: entry.assert_no_header("authorization"))
    assert "abc" not in (said + told).lower()


def keyed(*keys: str | None) -> Calls:
    """Calls that all fail, the last of them another logical call, with these idempotency keys."""
    to = failing(9)
    return Calls(
        call(
            to,
            *(() if key is None else (("Idempotency-Key", key),)),
            user="b" if number == len(keys) else "a",
        )
        for number, key in enumerate(keys, 1)
    )


def test_the_same_header_in_all_attempts() -> None:
    """One key for a logical call, and another for the next."""
    keyed("k1", "k1", "k2").assert_same_header("idempotency-key")
    keyed("k1", "k1", "k1").assert_same_header("idempotency-key", unique=False)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (("k1", None, "k2"), "call #2 (POST /v1/chat/completions, attempt 2 of #1): expected header idempotency-key to be there, got none"),
        (("k1", "k2", "k3"), 'call #2 (POST /v1/chat/completions, attempt 2 of #1): expected the header idempotency-key of attempt 1 (#1), "k1", got "k2"'),
        (("k1", "k1", "k1"), 'call #3 (POST /v1/chat/completions): expected a header idempotency-key of its own, got that of call #1 (POST /v1/chat/completions), "k1"'),
        ((), "expected calls with header idempotency-key, got no call"),
    ],
)  # fmt: skip
def test_another_header_in_an_attempt(keys: tuple[str | None, ...], message: str) -> None:
    """A key that is missing, changes, or belongs to another call."""
    assert raised(lambda: keyed(*keys).assert_same_header("idempotency-key")) == message
