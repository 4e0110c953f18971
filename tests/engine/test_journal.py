"""What the journal says of a call, at every stage of its playing."""

from __future__ import annotations

import json

import pytest

from mockllm.engine.journal import Journal, Outcome, brief
from mockllm.engine.plan import Plan
from mockllm.timeline.events import Write
from tests.engine.build import ask, engine

STALL = "script: {text: a b c}\nfaults: [{stall: 30s, at: after content 1}, {reset: , at: after content 2}, {cut: , nth: [9]}]"


def stalled() -> Plan:
    """Head, role, content 1, a wait, content 2, a reset."""
    return ask(engine(STALL), stream=True)


def journal_of(plan: Plan, outcome: Outcome) -> Journal:
    """A journal with one call that went so."""
    made = Journal()
    made.begin(plan, "now").update(outcome)
    return made


@pytest.mark.parametrize(
    ("outcome", "frames", "tokens", "fired", "why"),
    [
        (Outcome("playing"), 0, 0, (), "not reached yet"),
        (Outcome("playing", 3, 3, 999), 2, 1, (), "not reached yet"),
        (Outcome("playing", 4, 3, 999), 2, 1, ("stall: 30s",), "not reached yet"),
        (Outcome("peer gone", 4, 3, 999), 2, 1, ("stall: 30s",), "the client had left before it"),
        (Outcome("held", 4, 3, 999), 2, 1, ("stall: 30s",), "the server let go before it"),
        (Outcome("reset", 6, 6, 999), 3, 2, ("stall: 30s", "reset"), None),
    ],
)
def test_what_was_sent_and_what_acted(
    outcome: Outcome, frames: int, tokens: int, fired: tuple[str, ...], why: str | None
) -> None:
    """Frames count when they are sent whole; a fault has fired when its first event began."""
    (entry,) = journal_of(stalled(), outcome).entries()
    assert (entry.frames_sent, entry.tokens_sent, entry.fired) == (frames, tokens, fired)
    spent = {"cut": "call 1 of the session, nth: [9]"}
    late = {text: why for text in ("stall: 30s", "reset") if text not in fired}
    assert entry.not_fired == {**late, **spent}


def test_bytes_written_are_those_that_were_handed_over() -> None:
    """What was completed is what was written, head first."""
    plan = stalled()
    first, second = plan.lowered.events[:2]
    assert isinstance(first, Write)
    assert isinstance(second, Write)
    (entry,) = journal_of(plan, Outcome("peer gone", 3, 2, 10)).entries()
    assert entry.bytes_written == first.data + second.data
    assert (entry.status, entry.head_text) == (200, first.data.decode().rstrip("\r\n"))
    (unsent,) = journal_of(plan, Outcome("peer gone")).entries()
    assert (unsent.status, unsent.head_text, unsent.bytes_written) == (None, None, b"")


def test_a_call_without_a_head() -> None:
    """A connection that is reset before the head has no status and no head."""
    plan = ask(engine("faults: [{reset: , at: request}]"))
    (entry,) = journal_of(plan, Outcome("reset", 1, 1)).entries()
    assert (entry.status, entry.head_text, entry.frames_sent) == (None, None, 0)
    assert entry.fired == ("reset",)


def test_a_dropped_frame_has_fired_when_the_answer_is_done() -> None:
    """A fault that takes something away leaves no event, and has acted all the same."""
    plan = ask(engine("script: {text: a b}\nfaults: [{edit: drop, at: done}]"), stream=True)
    count = len(plan.lowered.events)
    (entry,) = journal_of(plan, Outcome("done", count, count, 999)).entries()
    assert entry.fired == ("edit: {drop: true}",)
    assert entry.frames_sent == 4


SECRETS = (
    ("Authorization", "Bearer abcdefghijklmnopqrstuvwxyz"),
    ("X-Api-Key", "short"),
    ("api-key", "mock-flaky.s1"),
    ("Cookie", "a=b; c=0123456789abcdef"),
    ("Accept", "text/event-stream"),
)


def test_credentials_are_redacted() -> None:
    """Of a credential only its scheme and, if it is long, its last letters are shown.

    A key that chooses a profile is no secret.
    """
    (entry,) = journal_of(ask(engine(), headers=SECRETS), Outcome()).entries()
    assert entry.headers == {
        "authorization": "Bearer ***wxyz",
        "x-api-key": "***",
        "api-key": "mock-flaky.s1",
        "cookie": "a=***; c=***",
        "accept": "text/event-stream",
    }
    shown = json.dumps(entry.as_json())
    assert not [value for _, value in (*SECRETS[:2], SECRETS[3]) if value in shown]


def test_as_json() -> None:
    """The entry as data: request, plan, what acted, what was sent, how it ended."""
    plan = stalled()
    (entry,) = journal_of(plan, Outcome("peer gone", 4, 3, 700, 0.5, 2.0, 1.75, "rst")).entries()
    shown = entry.as_json()
    body = shown["request"].pop("body")
    assert json.loads(body) == entry.json
    head = shown["sent"].pop("head")
    assert head.startswith("HTTP/1.1 200 OK\r\n")
    assert shown == {
        "number": 1,
        "logical": 1,
        "attempt": 1,
        "at": 0.0,
        "time": "now",
        "request": {
            "method": "POST",
            "path": "/v1/chat/completions",
            "headers": {},
            "wire": "openai.chat",
            "model": "gpt-4o",
            "stream": True,
            "session": "",
        },
        "plan": {
            "profile": "p",
            "route": "only route",
            "ordinal": 1,
            "attempt": ".1",
            "refused": None,
            "misses": {},
        },
        "fired": ["stall: 30s"],
        "not_fired": {
            "reset": "the client had left before it",
            "cut": "call 1 of the session, nth: [9]",
        },
        "sent": {"status": 200, "frames": 2, "tokens": 1, "bytes": 700},
        "outcome": {
            "ending": "peer gone",
            "first_byte": 0.5,
            "ended": 2.0,
            "peer_left": 1.75,
            "peer": "rst",
            "idle": None,
            "late": 0.0,
        },
    }
    assert (entry.method, entry.path, entry.model, entry.stream) == (
        "POST", "/v1/chat/completions", "gpt-4o", True,
    )  # fmt: skip


def test_times_are_on_one_clock() -> None:
    """The end, and the client's leaving, are on the clock of the beginning; None before them."""
    journal = Journal()
    record = journal.begin(stalled(), "now", at=10.0)
    assert (record.entry.at, record.entry.ended_at, record.entry.peer_left_at) == (10.0, None, None)
    entry = record.update(Outcome("peer gone", 4, 3, 700, 0.5, 2.0, 1.75))
    assert (entry.ended_at, entry.peer_left_at) == (12.0, 11.75)


def test_the_whole_text_is_the_scripts() -> None:
    """Whatever faults made of the answer, the text of the healthy one is known."""
    (cut,) = journal_of(stalled(), Outcome("playing")).entries()
    assert cut.whole_text == "a b c"
    limited = ask(engine(STALL), stream=True, max_tokens=2)
    (short,) = journal_of(limited, Outcome("playing")).entries()
    assert short.whole_text == "a b"
    (refused,) = journal_of(ask(engine(), "/v1/nope"), Outcome("playing")).entries()
    assert refused.whole_text == ""


class Player:
    """One that gets on each time that it is asked."""

    def __init__(self) -> None:
        self._outcomes = iter([Outcome("playing", 1, 1, 5), Outcome("playing", 2, 2, 9)])

    @property
    def outcome(self) -> Outcome:
        return next(self._outcomes)


def test_a_record_follows_its_player() -> None:
    """Until it is over an entry asks how the call goes."""
    journal = Journal()
    record = journal.begin(stalled(), "now")
    player = Player()
    record.follow(player)
    assert [journal.entries()[0].outcome.bytes_sent for _ in range(2)] == [5, 9]
    assert record.update(Outcome("done", 6, 6, 20)).outcome.ending == "done"
    assert record.entry.outcome.bytes_sent == 20


def test_the_journal_keeps_so_many_calls() -> None:
    """The oldest calls go first, numbers go on, and it says how many are forgotten."""
    journal = Journal(max_calls=3)
    for _ in range(5):
        journal.begin(stalled(), "now")
    assert [entry.number for entry in journal.entries()] == [3, 4, 5]
    assert journal.forgotten == 2
    journal.clear()
    assert (journal.entries(), journal.forgotten) == ((), 0)
    assert journal.begin(stalled(), "now").entry.number == 1


def test_the_journal_keeps_so_many_bytes() -> None:
    """Calls that are too large together push out the oldest; the last one always stays."""
    plan = stalled()
    size = Journal().begin(plan, "now").size
    assert size == len(plan.call.body) + sum(
        len(e.data) for e in plan.lowered.events if isinstance(e, Write)
    )
    for limit, kept in ((size * 2, 2), (size * 2 - 1, 1), (1, 1)):
        journal = Journal(max_bytes=limit)
        for _ in range(4):
            journal.begin(plan, "now")
        assert len(journal.entries()) == kept


def test_the_journal_drops_what_nobody_wants() -> None:
    """The numbers of the others stay, and there is room for as much again."""
    plan = stalled()
    size = Journal().begin(plan, "now").size
    journal = Journal(max_bytes=size * 3)
    for _ in range(3):
        journal.begin(plan, "now")
    journal.drop(lambda entry: entry.number != 2)
    assert [entry.number for entry in journal.entries()] == [2]
    for _ in range(2):
        journal.begin(plan, "now")
    assert [entry.number for entry in journal.entries()] == [2, 4, 5]


def test_brief() -> None:
    """Each call in one line: what came, what went out, how it ended, what its faults did."""
    journal = journal_of(stalled(), Outcome("reset", 6, 6, 999))
    journal.begin(ask(engine(), "/v1/nope"), "now").update(Outcome("held"))
    assert brief(journal.entries()) == (
        "  #1 POST /v1/chat/completions -> 200, reset; fired: stall: 30s, reset; "
        "did not fire: cut (call 1 of the session, nth: [9])\n"
        "  #2 POST /v1/nope -> no head, held; "
        "refused: Invalid URL (POST /v1/nope); did you mean /v1/models?"
    )


def test_brief_shows_the_last() -> None:
    """Of many calls the last fifty are shown, with how many came before."""
    journal = Journal()
    for _ in range(53):
        journal.begin(ask(engine("routes: [{match: {model: x}}]")), "now")
    lines = brief(journal.entries()).splitlines()
    assert (lines[0], len(lines)) == ("  (3 before)", 51)
    assert lines[1] == (
        "  #4 POST /v1/chat/completions -> no head, playing; "
        "not route route 1: model is 'gpt-4o', wanted x"
    )
