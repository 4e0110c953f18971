"""Each statement of `expect`: held, broken, and not judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.journal import Entry, Outcome
from mockllm.engine.judge import Failed, Judgement, Seen, gaps_of, judge
from mockllm.profile.expect import Expect
from mockllm.profile.loader import load
from tests.engine.build import Clock, ask, engine

WHOLE = "one two three"
SCRIPT = "script: {text: one two three}\n"
TYPED = Failed("typed", "RateLimitError", "slow down", 429, "busy")
LATE = Failed("timeout", "APITimeoutError", "timed out")
OTHER = Failed("other", "KeyError", "'choices'")


def expect(text: str) -> Expect:
    """The table of a profile, in one line."""
    made = load(f"mockllm: 1\nexpect: {text}\n", name="p").profile.expect
    assert made is not None
    return made


def entry(to: Engine | None = None, outcome: Outcome | None = None, **more: Any) -> Entry:
    """A call that is done, unless something else is said."""
    to = to or engine(SCRIPT)
    record = to.begin(ask(to, **more), "")
    events = len(record.entry.plan.lowered.events)
    done = record.update(outcome or Outcome("done", events, events, 100, 0.0, 0.1))
    to.ended(done)
    return done


def verdict(text: str, seen: Seen | None = None, *attempts: Entry) -> tuple[str, str]:
    """What becomes of the only statement of a table, and the evidence."""
    (made,) = judge(expect(text), seen, attempts or (entry(),))
    return made.verdict, made.evidence


HELD, BROKEN, OPEN = "held", "broken", "not judged"


@pytest.mark.parametrize(
    ("text", "seen", "found"),
    [
        # text
        ("text: whole", Seen(WHOLE), (HELD, "all 13 characters")),
        ("text: whole", Seen("one two"), (BROKEN, "7 of 13 characters, and then nothing or more")),
        ("text: whole", Seen("one 2wo"), (BROKEN, "differs at character 5: '2wo', not 'two three'")),
        ("text: whole", Seen(WHOLE + "!"), (BROKEN, "14 of 13 characters, and then nothing or more")),
        ("text: whole", Seen(error=TYPED), (BROKEN, "the call ended with RateLimitError: slow down")),
        ("text: whole", Seen(), (OPEN, "nobody told the text: set `.text` of the outcome")),
        ("text: whole", None, (OPEN, "nobody told what the caller saw")),
        ("text: prefix", Seen("one"), (HELD, "3 of 13 characters")),
        ("text: prefix", Seen(""), (HELD, "0 of 13 characters")),
        ("text: prefix", Seen(WHOLE), (BROKEN, "13 of 13 characters")),
        ("text: prefix", Seen("two"), (BROKEN, "3 of 13 characters")),
        ("text: empty", Seen(""), (HELD, "0 of 13 characters")),
        ("text: empty", Seen("one"), (BROKEN, "3 of 13 characters")),
        # error
        ("error: typed", Seen(error=TYPED), (HELD, "RateLimitError: slow down")),
        ("error: typed", Seen(error=LATE), (HELD, "APITimeoutError: timed out (its own kind for time limits)")),
        ("error: typed", Seen(error=OTHER), (BROKEN, "KeyError: 'choices' is none of the client's own kinds")),
        ("error: timeout", Seen(error=LATE), (HELD, "APITimeoutError: timed out")),
        ("error: timeout", Seen(error=TYPED), (BROKEN, "RateLimitError: slow down is one of the client's own kinds, but none for time limits")),
        ("error: any", Seen(error=OTHER), (HELD, "KeyError: 'choices'")),
        ("error: any", Seen(WHOLE), (BROKEN, "the call ended without an error")),
        ("error: any", None, (OPEN, "nobody told what the caller saw")),
        # the rest of what only the caller knows
        ("finish: stop", Seen(finish="stop"), (HELD, "told: 'stop'")),
        ("finish: stop", Seen(finish="length"), (BROKEN, "told: 'length'")),
        ("finish: stop", Seen(WHOLE), (OPEN, "nobody told: set `.finish` of the outcome")),
        ("usage: 3", Seen(usage=3), (HELD, "3 tokens expected; told: 3")),
        ("usage: whole", Seen(usage=3), (HELD, "3 tokens expected; told: 3")),
        ("usage: whole", Seen(usage=2), (BROKEN, "3 tokens expected; told: 2")),
        ("usage: whole", Seen(), (OPEN, "nobody told: set `.usage` of the outcome")),
        ("records: 1", Seen(records=1), (HELD, None)),
        ("records: 1", Seen(records=2), (BROKEN, None)),
        ("records: 1", Seen(), (OPEN, None)),
        ("within: 2s", Seen(seconds=2.0), (HELD, None)),
        ("within: 2s", Seen(seconds=2.1), (BROKEN, None)),
        ("within: 2s", Seen(), (OPEN, None)),
        ("tool_calls: none", Seen(tool_calls=()), (HELD, "got ()")),
        ("tool_calls: none", Seen(tool_calls=(("a", "{}"),)), (BROKEN, "got (('a', '{}'),)")),
        ("tool_calls: none", Seen(error=TYPED), (HELD, "the call ended with RateLimitError")),
        ("tool_calls: whole", Seen(error=TYPED), (BROKEN, "the call ended with RateLimitError")),
        ("tool_calls: whole", Seen(), (OPEN, "nobody told the tool calls: set `.tool_calls` of the outcome")),
        ("status_not: 400", Seen(error=TYPED), (HELD, "the status is 429")),
        ("status_not: [400, 429]", Seen(error=TYPED), (BROKEN, "the status is 429")),
        ("status_not: 400", Seen(error=OTHER), (HELD, "the status is None")),
        ("status_not: 400", Seen(WHOLE), (HELD, "the call ended without an error")),
        ("model: other*", Seen(model="other-model"), (HELD, "named: 'other-model'")),
        ("model: other*", Seen(model="another"), (BROKEN, "named: 'another'")),
        ("model: other*", Seen(WHOLE), (OPEN, "nobody told: set `.model` of the outcome")),
        ("no_partial_success: true", Seen(WHOLE), (HELD, "all 13 characters")),
        ("no_partial_success: true", Seen("one"), (BROKEN, "3 of 13 characters, and then nothing or more")),
        ("no_partial_success: true", Seen(error=OTHER), (HELD, "the call ended with KeyError")),
        ("no_partial_success: true", Seen(), (OPEN, "nobody told the text: set `.text` of the outcome")),
        ("no_partial_success: false", Seen("one"), (HELD, "allowed")),
    ],
)  # fmt: skip
def test_the_client(text: str, seen: Seen | None, found: tuple[str, str | None]) -> None:
    """What the caller saw decides; what nobody told is never passed."""
    what, why = verdict(f"{{client: {{{text}}}}}", seen)
    assert what == found[0], why
    assert found[1] in (None, why)


@pytest.mark.parametrize(
    ("detail", "error", "found"),
    [
        ("status: 429", TYPED, HELD),
        ("status: [500, 429]", TYPED, HELD),
        ("status: 500", TYPED, BROKEN),
        ("status: 500", OTHER, BROKEN),
        ("code: busy", TYPED, HELD),
        ("code: 500", replace(TYPED, code=500), HELD),
        ("code: 500", replace(TYPED, code="500"), BROKEN),
        ('code: "500"', replace(TYPED, code=500), BROKEN),
        ("contains: slow", TYPED, HELD),
        ("contains: [fast, slow]", TYPED, HELD),
        ("contains: fast", TYPED, BROKEN),
        ("status: 429", None, BROKEN),
        ("contains: slow", None, BROKEN),
    ],
)
def test_details_of_the_error(detail: str, error: Failed | None, found: str) -> None:
    """Status, code and words are those of the error; without an error they do not hold."""
    seen = Seen(WHOLE if error is None else None, error)
    made = judge(expect(f"{{client: {{error: any, {detail}}}}}"), seen, (entry(),))
    assert made[1].statement.startswith(f"client.{detail.partition(':')[0]}")
    assert made[1].verdict == found


@pytest.mark.parametrize("seen", [Seen(WHOLE), Seen(error=TYPED)])
def test_either_will_do(seen: Seen) -> None:
    """With a text and an error, the call may end one way or the other."""
    made = judge(expect("{client: {text: whole, error: typed, status: 429}}"), seen, (entry(),))
    assert [one.verdict for one in made] == [HELD] * 3


def test_tool_calls_of_the_script() -> None:
    """All of them, in order, with the arguments that the script has."""
    to = engine("script: tools2")
    tools = (("get_weather", '{"city": "Paris"}'), ("get_time", '{"tz": "UTC"}'))
    wanted = "{client: {tool_calls: whole}}"
    assert verdict(wanted, Seen(tool_calls=tools), entry(to))[0] == HELD
    assert verdict(wanted, Seen(tool_calls=tools[:1]), entry(to))[0] == BROKEN


@pytest.mark.parametrize("text", ["text: whole", "usage: whole", "tool_calls: whole", "no_partial_success: true"])  # fmt: skip
def test_no_call_came(text: str) -> None:
    """Without a call nobody knows what the whole would have been."""
    seen = Seen("", tool_calls=(), usage=0)
    (made,) = judge(expect(f"{{client: {{{text}}}}}"), seen, ())
    assert made.verdict == OPEN


# What the journal has


def attempts(*times: tuple[float, float]) -> tuple[Entry, ...]:
    """Attempts of one call, each with its begin and its length."""
    clock = Clock()
    to = engine(f"{SCRIPT}faults: [{{fail: 503}}]", clock=clock)
    start, found = clock.now, []
    for begin, length in times:
        clock.now = start + begin
        record = to.begin(ask(to), "")
        events = len(record.entry.plan.lowered.events)
        found.append(record.update(Outcome("done", events, events, 9, 0.0, length)))
        clock.now = start + begin + length
        to.ended(found[-1])
    return tuple(found)


THREE = ((0.0, 0.1), (1.1, 0.1), (3.2, 0.1))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("attempts: 3", (HELD, "3 came")),
        ("attempts: {max: 2}", (BROKEN, "3 came")),
        ("gap: {min: 1s}", (HELD, "1s, 2s")),
        ("gap: {min: 1.5s}", (BROKEN, "1s, 2s")),
        ("gap: {max: 1s}", (BROKEN, "1s, 2s")),
        ("first_gap: {min: 1s}", (HELD, "1s")),
        ("first_gap: {min: 1.5s}", (BROKEN, "1s")),
        ("burst: {within: 1.2s, max: 2}", (HELD, "2 came")),
        ("burst: {within: 1.2s, max: 1}", (BROKEN, "2 came")),
        ("burst: {within: 1s, max: 1}", (HELD, "1 came")),
        (
            "returns: {after: 2s, within: 1.2s}",
            (HELD, "it asked again 1.2s after the server was well"),
        ),
        (
            "returns: {after: 2s, within: 1s}",
            (BROKEN, "it asked again 1.2s after the server was well"),
        ),
        ("returns: {after: 4s, within: 1s}", (BROKEN, "it never asked again")),
        ("executions: 0", (HELD, "0 of 3 requests were carried out")),
        ("executions: 1", (BROKEN, "0 of 3 requests were carried out")),
        ("accepted_bytes: {max: 9B}", (HELD, "9 bytes were handed over to the last attempt")),
        ("accepted_bytes: {max: 8B}", (BROKEN, "9 bytes were handed over to the last attempt")),
        ("headers_absent: cookie", (HELD, "none carries one")),
    ],
)
def test_the_server(text: str, found: tuple[str, str]) -> None:
    """What the journal has decides, whatever the caller told."""
    assert verdict(f"{{server: {{{text}}}}}", None, *attempts(*THREE)) == found


def test_a_first_gap_that_is_none() -> None:
    """Who is to wait before a second attempt has to make one."""
    found = verdict("{server: {first_gap: {min: 1s}}}", None, entry())
    assert found == (BROKEN, "there was one attempt")


@pytest.mark.parametrize(
    ("messages", "found"),
    [(("abc",), HELD), (("abc", "ab", "a"), HELD), (("abc", "abc"), BROKEN), (("a", "ab"), BROKEN)],
)
def test_repeats(messages: tuple[str, ...], found: str) -> None:
    """A request that comes again has to be smaller."""
    calls = [entry(messages=[{"role": "user", "content": one}]) for one in messages]
    assert verdict("{server: {repeats: 0}}", None, *calls)[0] == found


def test_advice() -> None:
    """What is only advice is said so, and shows no harm."""
    table = expect("{client: {text: whole}, advice: {client: {usage: 3}, server: {attempts: 2}}}")
    text, usage, tries = judge(table, Seen(WHOLE, usage=2), (entry(),))
    assert (usage.statement, usage.verdict, usage.wrong) == (
        "advice.client.usage: 3",
        BROKEN,
        False,
    )
    assert (tries.statement, tries.advice) == ("advice.server.attempts: 2", True)
    assert not text.advice


FALLS_BACK = """{
  client: {text: whole}, server: {attempts: {max: 1}},
  fallback: {client: {model: other}, advice: {client: {within: 1s}}}}"""


def test_what_holds_for_a_fallback() -> None:
    """It is said of systems that have one; what the journal shows is said of the first model."""
    calls = (entry(model="first"), entry(model="other"))
    seen = Seen(WHOLE, model="other", seconds=2.0)
    without = judge(expect(FALLS_BACK), seen, calls)
    assert [one.verdict for one in without] == [HELD, BROKEN]
    found = judge(expect(FALLS_BACK), seen, calls, fallback=calls[1:])
    assert {one.statement: one.verdict for one in found} == {
        "client.text: whole": HELD,
        "server.attempts: at most 1": HELD,
        "fallback.client.model: other": HELD,
        "fallback.advice.client.within: 1s": BROKEN,
    }
    assert not any(one.wrong for one in found)


def test_a_caller_that_left_and_was_not_noticed() -> None:
    """Where the client was made to leave, a call that the server ended is no excuse."""
    call = entry(engine(f"{SCRIPT}faults: [{{wait: 1s, at: head}}]"), stream=True)
    table = expect("{server: {closed_within: 2s}}")
    (unseen,) = judge(table, Seen(), (call,))
    (left,) = judge(table, Seen(left=True), (call,))
    assert (unseen.verdict, left.verdict) == (OPEN, BROKEN)
    assert left.evidence == "its caller left, and it read on to the end"


def test_a_caller_that_has_to_leave() -> None:
    """Of a client whose caller stays nothing is known about leaving."""
    table = expect("{server: {accepted_bytes: {max: 9B}, attempts: 1}, caller: {leaves_after: 2}}")
    stayed = judge(table, Seen(WHOLE), (entry(),))
    left = judge(table, Seen(left=True), (entry(),))
    assert [one.verdict for one in stayed] == [HELD, OPEN]
    assert [one.verdict for one in left] == [HELD, BROKEN]


@pytest.mark.parametrize(
    "text", ["{error: typed, finish: stop}", "{error: typed, tool_calls: none}"]
)
def test_an_answer_of_any_kind_will_do(text: str) -> None:
    """An error beside something of an answer is only the other way out."""
    made = judge(expect(f"{{client: {text}}}"), Seen("", tool_calls=(), finish="stop"), (entry(),))
    assert [one.verdict for one in made] == [HELD, HELD]


def test_a_header_that_is_carried() -> None:
    """The attempts that carry it are named."""
    carried = entry(headers=[("Cookie", "x")])
    found = verdict("{server: {headers_absent: [authorization, cookie]}}", None, carried)
    assert found == (BROKEN, "#1 carries cookie")


def test_no_gap() -> None:
    """One attempt has no gap, and attempts that overlap have one of 0."""
    assert verdict("{server: {gap: {min: 1s}}}", None, entry()) == (OPEN, "there was one attempt")
    assert gaps_of(attempts((0.0, 5.0), (1.0, 1.0))) == [0.0]


def test_attempts_where_none_came() -> None:
    """That nothing came is a number of attempts; all else is open then."""
    table = expect("{server: {attempts: 0, gap: {min: 1s}, executions: 0}}")
    assert [one.verdict for one in judge(table, None, ())] == [HELD, OPEN, OPEN]
    assert judge(expect("{server: {attempts: 1}}"), None, ())[0].verdict == BROKEN


STALL = f"{SCRIPT}faults: [{{stall: 30s, at: after content 1}}]"


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        (Outcome("peer gone", 4, 3, 9, 0.0, 1.5, 1.5), (HELD, "closed 1.5s after the fault")),
        (Outcome("peer gone", 4, 3, 9, 0.0, 2.5, 2.5), (BROKEN, "closed 2.5s after the fault")),
        (Outcome("playing", 4, 3, 9, 0.0), (BROKEN, "call #1 is still open")),
        (Outcome("held", 4, 3, 9, 0.0, 3.0), (OPEN, "call #1 was ended by the server")),
        (Outcome("peer gone", 2, 1, 9, 0.0, 0.1, 0.1), (OPEN, "no fault acted on call #1")),
    ],
)
def test_closed_within(outcome: Outcome, found: tuple[str, str]) -> None:
    """The time runs from the fault that acted to the client's leaving."""
    call = entry(engine(STALL), outcome, stream=True)
    assert verdict("{server: {closed_within: 2s}}", None, call) == found


# The rest


def test_after() -> None:
    """Whether a later call succeeded is for the test to tell."""
    for seen, found in ((Seen(alive=True), HELD), (Seen(alive=False), BROKEN), (None, OPEN)):
        assert verdict("{after: alive}", seen)[0] == found


def test_what_is_never_judged() -> None:
    """Customs and probes are said, and open."""
    made = judge(expect("{policy: {terminal: done}, probes: {a: 1, b: 2}}"), Seen(WHOLE), ())
    assert [one.statement for one in made] == ["policy.terminal: done", "probes.a", "probes.b"]
    assert {one.verdict for one in made} == {OPEN}


def test_in_words() -> None:
    """A judgement reads as a line."""
    assert str(Judgement("client.text: whole", "held", "all 13 characters")) == (
        "held: client.text: whole (all 13 characters)"
    )
