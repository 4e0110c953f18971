"""What is told of a gateway: each fact, with what came out as it went in, and otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest

from mockllm.drill.facts import KEY, SECRETS, facts_of, is_warning
from mockllm.drill.worker import Event
from mockllm.engine.journal import Entry, Outcome
from mockllm.engine.judge import Failed, Seen
from tests.engine.build import ask, engine

ASKER = "sk-of-the-asker"
REFUSAL = "faults: [{fail: {status: 429, message: Slow down, headers: {retry-after: '7'}}}]"
CUT = "script: {text: one two three}\nfaults: [{cut: , at: after content 1}]"
WELL = "script: {text: one two three}"


def entry(profile: str, outcome: str = "done", **headers: str) -> Entry:
    """A request that reached the upstream, and how its answer ended."""
    to = engine(profile)
    given: list[tuple[str, str]] = [(name.replace("_", "-"), v) for name, v in headers.items()]
    record = to.begin(ask(to, headers=given, stream=True), "")
    events = len(record.entry.plan.lowered.events)
    done: Any = Outcome(outcome, events, events, 100, 0.0, 0.1)  # type: ignore[arg-type]
    return record.update(done)


def told(
    *entries: Entry,
    status: int = 200,
    body: str = "",
    seen: Seen | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """The facts of a cell whose asker got this."""
    events = [
        Event(0.0, "head", str(status)),
        *(Event(0.0, "header", f"{name}: {value}") for name, value in headers.items()),
        Event(0.0, "body", body),
    ]
    return facts_of(entries, entries, events, seen, ASKER)


def body_of(one: Entry) -> str:
    """The body that the upstream wrote."""
    return one.bytes_written.partition(b"\r\n\r\n")[2].decode()


@pytest.mark.parametrize(
    ("status", "change", "retry_after", "expected"),
    [
        (429, lambda body: body, "7", ("kept: 429", "kept: byte for byte", "kept: 7")),
        (429, lambda body: body.replace(":", ": "), "7", ("kept: 429", "kept: the same JSON, written anew", "kept: 7")),
        (500, lambda body: '{"message": "upstream said Slow down"}', "8", ("changed: 429 became 500", "rewrapped: the upstream's message is in another body", "changed: 7 became 8")),
        (502, lambda body: "Bad Gateway", None, ("changed: 429 became 502", "lost: ", "dropped: 7 did not come through")),
    ],
)  # fmt: skip
def test_an_error_on_its_way(
    status: int, change: Any, retry_after: str | None, expected: tuple[str, str, str]
) -> None:
    """Its status, its body and Retry-After are kept, changed or lost."""
    refused = entry(REFUSAL)
    headers = {} if retry_after is None else {"retry-after": retry_after}
    facts = told(refused, status=status, body=change(body_of(refused)), headers=headers)
    assert facts["status"] == expected[0]
    assert facts["error body"].startswith(expected[1])
    assert facts["Retry-After"] == expected[2]
    assert is_warning(facts["error body"]) == expected[1].startswith("lost")


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(error=Failed("typed", "IncompleteRead", "broke off")), "told"),
        (Seen(text="one two three"), "rescued"),
        (Seen(text="one"), "laundered"),
    ],
)
def test_an_answer_that_broke_off(seen: Seen, expected: str) -> None:
    """The asker was told, got the whole from elsewhere, or took the part for the whole."""
    fact = told(entry(CUT, "closed"), seen=seen)["truncation"]
    assert fact.startswith(f"{expected}: ")
    assert is_warning(fact) == (expected == "laundered")


def test_an_answer_that_did_not() -> None:
    """There is nothing to tell of."""
    assert "truncation" not in told(entry(WELL), seen=Seen(text="one two three"))


def test_credentials() -> None:
    """The asker's key and account, wherever they are in what reached the upstream."""
    kept = told(entry(WELL, authorization="Bearer sk-of-the-gateway"))
    assert kept["caller's credentials"] == "kept back"
    passed = told(
        entry(WELL, authorization=f"Bearer {ASKER}", openai_organization=SECRETS["openai-organization"])
    )  # fmt: skip
    assert passed["caller's credentials"] == (
        "forwarded: its key, openai-organization reached the upstream"
    )


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ((KEY, KEY), "passed"),
        ((None, None), "not passed"),
        (("gw-1", "gw-1"), "replaced: one for all attempts"),
        (("gw-1", "gw-2"), "unstable: one an attempt"),
    ],
)
def test_idempotency_keys(keys: tuple[str | None, ...], expected: str) -> None:
    """The asker's, none, or the gateway's own."""
    entries = [entry(WELL, **({} if key is None else {"idempotency_key": key})) for key in keys]
    assert told(*entries)["Idempotency-Key"] == expected


def test_executions() -> None:
    """What a real upstream would have carried out and billed, and how many requests there were."""
    facts = told(entry(CUT, "closed"), entry(CUT, "closed"), entry(WELL), seen=Seen(text="x"))
    assert facts["executions"] == "executed 3 times"
    assert facts["requests upstream"] == "3"
    assert told(entry(REFUSAL), entry(WELL))["executions"] == "1"


@pytest.mark.parametrize(("asked", "fact"), [(3, "2"), (2, "2"), (1, "executed 2 times")])
def test_executions_of_several_calls(asked: int, fact: str) -> None:
    """What was asked twice may be carried out twice."""
    calls = (entry(WELL), entry(WELL))
    assert facts_of(calls, calls, (), None, ASKER, asked)["executions"] == fact


def test_leaks() -> None:
    """Headers that tell of the gateway's account at the upstream."""
    one = entry(WELL)
    assert one.plan.head is not None
    organization = one.plan.head.get("openai-organization")
    assert organization is not None
    assert told(one, headers={"openai-organization": organization})["upstream's headers"] == (
        "leaked: openai-organization"
    )
    assert (
        told(one, headers={"openai-organization": "another"})["upstream's headers"] == "kept back"
    )


def test_no_request_came_through() -> None:
    """Then nothing is told."""
    assert told() == {}


def test_other_calls_of_the_same_asker() -> None:
    """What met another profile is counted beside the rest: a fallback elsewhere."""
    one, other = entry(WELL), entry(WELL)
    facts = facts_of([one], [one, other], (), None, ASKER)
    assert facts["requests upstream"] == "1, and 1 that met another profile"
