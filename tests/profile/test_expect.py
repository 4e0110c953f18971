"""What a good client does, as a profile says it."""

from __future__ import annotations

import json

import jsonschema
import pytest

from mockllm.profile.adding import Said, read_fault, with_said
from mockllm.profile.expect import Expect
from mockllm.profile.loader import load
from mockllm.profile.nodes import read
from mockllm.profile.problems import ProfileError
from mockllm.profile.schema import schema

WHOLE = """\
mockllm: 1
expect:
  client:
    text: prefix
    error: typed
    status: [502, 503]
    code: [500, "500"]
    contains: no healthy upstream
    status_not: 400
    tool_calls: none
    finish: length
    model: "gpt-*"
    usage: 30
    within: 1m30s
    no_partial_success: true
    records: 1
  server:
    attempts: 2
    gap: {min: 300ms, max: 5s}
    first_gap: {min: 1s}
    burst: {within: 1500ms, max: 2}
    repeats: 0
    returns: {after: 60s, within: 30s}
    executions: {max: 1}
    closed_within: 2s
    accepted_bytes: {max: 8MiB}
    headers_absent: [authorization, cookie]
  advice: {client: {usage: whole}, server: {attempts: 1}}
  fallback:
    client: {text: whole}
    advice: {client: {within: 15s}}
  caller: {calls: 20, every: 4s, leaves_after: 5, pause: 2s}
  after: alive
  policy: {terminal: either}
  probes: {picklable: true, turns: [1, 2]}
"""


def expect(text: str) -> Expect:
    """The table of a profile with this `expect`, in one line."""
    made = load(f"mockllm: 1\nexpect: {text}\n", name="p").profile.expect
    assert made is not None
    return made


def refused(text: str) -> str:
    """What is said of it."""
    with pytest.raises(ProfileError) as error:
        load(f"mockllm: 1\nexpect: {text}\n", name="p")
    return str(error.value)


def test_the_whole_table() -> None:
    """Every key of the table is read, and said in the table's order."""
    made = load(WHOLE, name="p").profile.expect
    assert made is not None
    assert made.lines() == (
        "client.text: prefix",
        "client.error: typed",
        "client.status: 502 or 503",
        "client.code: 500 or 500",
        "client.contains: no healthy upstream",
        "client.status_not: 400",
        "client.tool_calls: none",
        "client.finish: length",
        'client.model: "gpt-*"',
        "client.usage: 30",
        "client.within: 90s",
        "client.no_partial_success: true",
        "client.records: 1",
        "server.attempts: 2",
        "server.gap: at least 300ms, at most 5s",
        "server.first_gap: at least 1s",
        "server.burst: at most 2 in 1.5s",
        "server.repeats: 0",
        "server.returns: within 30s, 60s after the first",
        "server.executions: at most 1",
        "server.closed_within: 2s",
        "server.accepted_bytes: at most 8388608",
        "server.headers_absent: authorization or cookie",
        "advice.client.usage: whole",
        "advice.server.attempts: 1",
        "fallback.client.text: whole",
        "fallback.advice.client.within: 15s",
        "caller.calls: 20",
        "caller.every: 4s",
        "caller.leaves_after: 5",
        "caller.pause: 2s",
        "after: alive",
        "policy.terminal: either",
        "probes.picklable: true",
        "probes.turns: [1, 2]",
    )


def test_it_is_written_as_it_was_read() -> None:
    """The table, dumped, loads to an equal one, and editors take both."""
    made = load(WHOLE, name="p").profile
    dumped = made.model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert load(json.dumps(dumped), name="p").profile == made
    validator = jsonschema.Draft202012Validator(schema())
    for document in (dumped, read(WHOLE, "p").data):
        assert [error.message for error in validator.iter_errors(document)] == []


def test_codes_keep_their_kind() -> None:
    """The number 500 and the text "500" are two codes."""
    client = expect('{client: {error: any, code: [500, "500"]}}').client
    assert client is not None
    assert client.code == (500, "500")


def test_one_stands_for_a_list() -> None:
    """A single status, code, text or header is a list of one."""
    made = expect(
        "{client: {error: any, status: 503, code: x, contains: y}, server: {headers_absent: z}}"
    )
    assert made.client is not None
    assert made.server is not None
    assert (made.client.status, made.client.code, made.client.contains) == ((503,), ("x",), ("y",))
    assert made.server.headers_absent == ("z",)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("2", (2,), (1, 3)),
        ("{min: 2}", (2, 9), (1,)),
        ("{max: 2}", (0, 2), (3,)),
        ("{min: 1, max: 2}", (1, 2), (0, 3)),
    ],
)
def test_counts(text: str, inside: tuple[int, ...], outside: tuple[int, ...]) -> None:
    """A number is itself alone; both ends belong to a range."""
    server = expect(f"{{server: {{attempts: {text}}}}}").server
    assert server is not None
    assert server.attempts is not None
    assert [server.attempts.holds(number) for number in inside] == [True] * len(inside)
    assert [server.attempts.holds(number) for number in outside] == [False] * len(outside)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{clint: {}}", "2:10: expect.clint: unknown key 'clint'; did you mean 'client'?"),
        ("{after: dead}", "2:17: expect.after: expected 'alive', got 'dead'"),
        ("{client: {text: all}}", "2:25: expect.client.text: expected 'whole', 'prefix' or 'empty', got 'all'"),
        ("{client: {within: 3}}", "2:27: expect.client.within: expected a duration, got 3; write the unit, such as 3s or 3ms"),
        ("{client: {status: 503}}", "2:18: expect.client: expected `error` beside status, got a mapping with status"),
        ("{client: {error: any, status: x}}", "2:39: expect.client.status: expected a whole number, got 'x'"),
        ("{client: {error: any, code: true}}", "2:37: expect.client.code: expected a number, a text, or a list of them, got true"),
        ("{client: {usage: most}}", "2:26: expect.client.usage: expected whole, or a number of completion tokens, got 'most'"),
        ("{client: {records: -1}}", "2:28: expect.client.records: expected a number of at least 0, got -1"),
        ("{server: {attempts: few}}", "2:29: expect.server.attempts: expected a number such as 2, or {min, max}, got 'few'"),
        ("{server: {attempts: {}}}", "2:29: expect.server.attempts: expected min, max, or both, got an empty mapping"),
        ("{server: {attempts: {min: 3, max: 2}}}", "2:29: expect.server.attempts: expected a max of at least the min (3), got '2'"),
        ("{server: {attempts: {mni: 3}}}", "2:30: expect.server.attempts.mni: unknown key 'mni'; did you mean 'min'?"),
        ("{server: {gap: {min: 1m, max: 1s}}}", "2:24: expect.server.gap: expected a max of at least the min (60s), got '1s'"),
        ("{server: {gap: 1s}}", "2:24: expect.server.gap: expected a mapping, got '1s'"),
        ("{server: {accepted_bytes: {max: 8}}}", "2:41: expect.server.accepted_bytes.max: expected a size, got 8; write the unit, such as 8B or 8KiB"),
        ("{server: {burst: {within: 1s}}}", "2:26: expect.server.burst: expected the key 'max', got nothing"),
        ("{caller: {calls: 0}}", "2:26: expect.caller.calls: expected a number of at least 1, got 0"),
        ("{caller: {pause: 2s}}", "2:18: expect.caller: expected `leaves_after` beside pause, got a mapping with pause"),
        ("{fallback: {fallback: {}}}", "2:21: expect.fallback.fallback: unknown key 'fallback'; known keys: advice, client, server"),
        ("{policy: {terminal: none}}", "2:29: expect.policy.terminal: expected 'finish', 'done' or 'either', got 'none'"),
        ("{probes: [x]}", "2:18: expect.probes: expected a mapping, got a list of 1"),
    ],
)  # fmt: skip
def test_refusals(text: str, problem: str) -> None:
    """The table is closed: what is not in it is refused at its place."""
    assert refused(text) == f"p:{problem}"


def test_an_empty_table_says_nothing() -> None:
    """A table, or a part of it, may be empty."""
    assert expect("{}").lines() == ()
    assert expect("{client: {}, probes: {}}").lines() == ()


def test_scalable() -> None:
    """A profile is scalable unless it says otherwise."""
    assert load("mockllm: 1", name="p").profile.scalable
    assert not load("mockllm: 1\nscalable: false", name="p").profile.scalable


def test_what_is_said_keeps_the_rest() -> None:
    """A profile with one more fault expects the same, and is as scalable as before."""
    loaded = load("mockllm: 1\nscalable: false\nexpect: {after: alive}", name="p")
    made = with_said(loaded, [Said(faults=(read_fault("add", {"reset": None}),))]).profile
    assert made.expect == loaded.profile.expect
    assert not made.scalable
