"""The test kit over HTTP: each endpoint, with good input and bad."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockllm import MockLLM
from tests.server.raw import chat, connected, text_of
from tests.server.test_admin import Reply, ask


def post(server: MockLLM, path: str, document: Any = None) -> Reply:
    """A JSON document to the test kit; a text is sent as it is."""
    body = document if isinstance(document, str) else json.dumps(document)
    return ask(server, "POST", path, None if document is None else body)


def talk(server: MockLLM, **options: Any) -> tuple[int, str]:
    """Status and text of a chat."""
    with connected(server.url) as raw:
        raw.send(chat(close=True, **options))
        data = raw.read_all()[0]
    return int(data.split()[1]), text_of(data)


def refused(reply: Reply) -> str:
    """The message of a refusal."""
    assert reply.status == 400, reply.text
    assert set(reply.json) == {"error"}
    return str(reply.json["error"])


# say


def test_say(server: MockLLM) -> None:
    """An answer and faults, for all calls."""
    reply = post(
        server, "/say", {"script": {"text": "Hello"}, "faults": [{"fail": 503, "first": 1}]}
    )
    assert (reply.status, reply.json) == (200, {"said": ["all calls"]})
    assert [talk(server)[0], talk(server)] == [503, (200, "Hello")]


def test_say_more(server: MockLLM) -> None:
    """What is said again adds faults, and replaces the answer."""
    post(server, "/say", {"script": {"text": "one"}})
    post(server, "/say", {"faults": [{"fail": 503, "first": 1}]})
    post(server, "/say", {"faults": [{"fail": 500, "nth": 2}]})
    post(server, "/say", {"script": {"text": "two"}})
    assert [talk(server)[0], talk(server)[0], talk(server)] == [503, 500, (200, "two")]


def test_say_to_some(server: MockLLM) -> None:
    """Calls that match have an answer of their own; the newest match wins; order is no matter."""
    wide = {"match": {"model": "gpt*", "stream": True}}
    post(server, "/say", {**wide, "script": {"text": "wide"}})
    reply = post(server, "/say", {"match": {"model": "gpt-4o"}, "script": {"text": "narrow"}})
    assert len(reply.json["said"]) == 2
    assert [talk(server)[1], talk(server, model="gpt-4o")[1]] == ["wide", "narrow"]
    again = {"match": {"stream": True, "model": "gpt*"}, "faults": [{"fail": 503, "first": 1}]}
    assert len(post(server, "/say", again).json["said"]) == 2
    assert [talk(server)[0], talk(server, model="gpt-4o")[1]] == [503, "wide"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, 'expected {"script": …} or {"faults": […]}, or both'),
        ({}, 'expected {"script": …} or {"faults": […]}, or both'),
        ({"match": {"model": "x"}}, 'expected {"script": …} or {"faults": […]}, or both'),
        ("{", "expected JSON: Expecting property name "),
        ("[" * 100_000, "expected JSON: "),
        ([1], "expected an object, got list"),
        ({"fauls": []}, "unknown key 'fauls'; did you mean 'faults'?"),
        ({"faults": [{"fial": 503}]}, "say: expected a fault "),
        ({"faults": {"fail": 503}}, "say: expected a list"),
        ({"script": {"txet": "x"}}, "say: expected a script "),
        ({"script": {"text": "x"}, "match": {"modle": "x"}}, "say: unknown key 'modle'; did you mean 'model'?"),
        ({"script": {"text": "x"}, "match": "x"}, 'match: expected an object, got "x"'),
        ({"faults": ["reset"], "may_not_fire": "yes"}, 'may_not_fire: expected true or false, got "yes"'),
    ],
)  # fmt: skip
def test_what_cannot_be_said(server: MockLLM, document: Any, message: str) -> None:
    """It is refused with what is wrong, and nothing is said."""
    assert refused(post(server, "/say", document)).startswith(message)
    assert talk(server)[0] == 200
    assert ask(server, "GET", "/report").json["never_fired"] == []


def test_reset_forgets(server: MockLLM) -> None:
    """A new test knows nothing of what was said."""
    post(server, "/say", {"faults": [{"fail": 503}]})
    post(server, "/reset")
    assert talk(server)[0] == 200
    assert ask(server, "GET", "/report").json["failed"] is False


def test_both_ways_to_say(server: MockLLM) -> None:
    """What is said in Python and what is said over HTTP stand together."""
    server.says("Hello").on(model="gpt*").fail(500, first=1)
    post(server, "/say", {"match": {"model": "gpt*"}, "faults": [{"fail": 503, "first": 2}]})
    server.on(model="other").says("Other")
    assert [talk(server)[0], talk(server)[0], talk(server)] == [500, 503, (200, "Hello")]
    assert talk(server, model="other") == (200, "Other")


# report, findings, expectations


def test_report(server: MockLLM) -> None:
    """A fault that never fired fails the report, in data and in text, until it has."""
    post(server, "/say", {"faults": [{"fail": 503, "nth": 2}], "script": {"text": "x"}})
    talk(server)
    data = ask(server, "GET", "/report").json
    assert (data["failed"], data["profile"], data["calls"], data["unused"]) == (
        True,
        "default",
        1,
        [],
    )
    assert data["never_fired"] == [
        '{"fail": 503, "nth": 2} never fired: call 1 of the session, nth: [2] (#1)'
    ]
    text = ask(server, "GET", "/report?format=text").text
    assert text.startswith("profile default, 1 call\n#1 at ")
    assert 'fail  {"fail": 503, "nth": 2} never fired' in text
    talk(server)
    assert ask(server, "GET", "/report").json["failed"] is False


def test_a_fault_that_need_not_act(server: MockLLM) -> None:
    """Whoever says so is not told of it."""
    post(server, "/say", {"faults": ["reset"], "may_not_fire": True})
    assert ask(server, "GET", "/report").json["never_fired"] == []


def test_findings(server: MockLLM) -> None:
    """Conduct, and no more; names can be left out, and wrong ones are refused."""
    server.fail(400)
    for _ in range(3):
        talk(server)
    data = ask(server, "GET", "/findings").json
    assert set(data) == {"findings", "passed", "not_judged"}
    assert "permanent-error-retried" in json.dumps(data["findings"])
    less = ask(server, "GET", "/findings?ignore=permanent-error-retried,%20no-jitter").json
    assert "permanent-error-retried" not in json.dumps(less["findings"])
    assert "no-jitter" in refused(ask(server, "GET", "/findings?ignore=no-jiter"))


def test_a_session(server: MockLLM) -> None:
    """The calls of one session, judged alone."""
    for name in ("one", "two", "two"):
        talk(server, headers={"Authorization": f"Bearer mock-default.{name}"})
    counts = [
        ask(server, "GET", f"/report?session={name}").json["calls"] for name in ("one", "two")
    ]
    assert counts == [1, 2]


EXPECT = (
    "{mockllm: 1, script: {text: Hello}, expect: {client: {text: whole}, server: {attempts: 1}}}"
)


@pytest.mark.parametrize(
    ("seen", "verdicts", "failed"),
    [
        (None, ["not judged", "held"], False),
        ({}, ["not judged", "held"], False),
        ({"text": "Hello"}, ["held", "held"], False),
        ({"text": "Hell"}, ["broken", "held"], True),
        ({"error": {"kind": "timeout"}}, ["broken", "held"], True),
        ({"tool_calls": [["a", "{}"]], "seconds": 1, "alive": True}, ["not judged", "held"], False),
    ],
)
def test_expectations(server: MockLLM, seen: Any, verdicts: list[str], failed: bool) -> None:
    """The profile's statements, with what the caller saw."""
    server.use(EXPECT)
    talk(server)
    reply = post(server, "/expectations", seen)
    assert [one["verdict"] for one in reply.json["expectations"]] == verdicts
    assert reply.json["failed"] is failed


def test_a_profile_that_expects_nothing(server: MockLLM) -> None:
    """There is nothing to judge, and nothing is wrong."""
    assert post(server, "/expectations", {}).json == {"failed": False, "expectations": []}


@pytest.mark.parametrize(
    ("seen", "message"),
    [
        ({"txt": "x"}, "unknown key 'txt'; did you mean 'text'?"),
        ({"text": 5}, "text: "),
        ({"error": {"kind": "odd"}}, "error.kind: "),
        ({"error": {}}, "error.kind: "),
        ({"error": "x"}, "error: "),
        ({"error": {"kind": "typed", "stauts": 1}}, "unknown key 'stauts'; did you mean 'status'?"),
        ({"seconds": "soon"}, "seconds: "),
        ({"tool_calls": ["a"]}, "tool_calls.0: "),
        ("nonsense", "expected JSON: "),
    ],
)
def test_what_nobody_can_have_seen(server: MockLLM, seen: Any, message: str) -> None:
    """What the caller cannot have seen is refused at its place."""
    assert refused(post(server, "/expectations", seen)).startswith(message)


# clock and settle


def test_clock(server: MockLLM) -> None:
    """The server's clock is moved: windows open and close."""
    post(server, "/say", {"faults": [{"fail": 503, "during": ["10s", "20s"]}]})
    got = [talk(server)[0]]
    for _ in range(2):
        assert post(server, "/clock", {"advance": "10s"}).json == {"advanced": 10.0}
        got.append(talk(server)[0])
    assert got == [200, 503, 200]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "advance: expected a duration"),
        ({"advance": 60}, "advance: expected a duration, got 60; write the unit, such as 60s"),
        ({"advance": "-1s"}, "advance: expected "),
        ({"advance": "soon"}, "advance: expected a duration"),
        ({"advnce": "1s"}, "unknown key 'advnce'; did you mean 'advance'?"),
    ],
)
def test_a_clock_that_cannot_go_so(server: MockLLM, document: Any, message: str) -> None:
    """What is no duration is refused."""
    assert refused(post(server, "/clock", document)).startswith(message)


def test_settle(server: MockLLM) -> None:
    """It answers when nothing is in flight, else it names what is."""
    assert post(server, "/settle").json == {"status": "settled"}
    server.stall()
    with connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b"\n\n\r\n")
        reply = post(server, "/settle?timeout=10ms")
        assert reply.status == 408
        assert "POST /v1/chat/completions" in reply.json["error"]
    assert post(server, "/settle?timeout=20s").status == 200
    assert "timeout: expected a duration" in refused(post(server, "/settle?timeout=5"))
