"""Requests that come again: what is stamped is what would have been made, to the byte."""

from __future__ import annotations

import gc
import json
import weakref
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest

from mockllm.engine.answer import Answer
from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.journal import Ending, Outcome
from mockllm.engine.plan import Conditions, Plan
from mockllm.engine.repeat import Repeats
from mockllm.engine.stencil import CREATED, MARK, Stamped
from mockllm.engine.warnings import requests
from mockllm.matchers.call import Call
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.scripts.script import Script
from mockllm.scripts.text import TextSource
from mockllm.timeline.events import Message, Wait, Write
from mockllm.timeline.score import Moves, Send
from mockllm.timeline.valueclass import replace
from mockllm.wires.chat_form import ChatForm
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_chat import OpenAIChat
from mockllm.wires.wire import Setting
from tests.engine.build import HERE, Clock, ask, engine, error, profile, status

LIBRARY = Library()
STRIDE = 157
"""Every which of the requests that can be made up is tried: of seven hundred, five."""
TIMES = 5
"""How often each request comes: it is learned at the second time."""
CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}


def both(loaded: Loaded, call: Call, *, paced: bool = True) -> Iterator[tuple[Plan, Plan]]:
    """The plans that a request gets again and again: as a server makes them, and each anew."""
    server, fresh = (
        Engine(LIBRARY, loaded, conditions=Conditions(3, paced=paced), now=Clock())
        for _ in range(2)
    )
    fresh.repeats = None
    for number in range(TIMES):
        here = Here(HERE.now + number)
        yield server.plan(call, None, here), fresh.plan(call, None, here)


def chat(**fields: Any) -> Call:
    """A chat request, as a server reads it."""
    body = json.dumps(CHAT | fields).encode()
    return engine().read("POST", "/v1/chat/completions", (("host", "x"),), body)[0]


def events(answer: Answer | Stamped) -> list[tuple[int, bytes] | object]:
    """What the player of an answer does."""
    score = answer.score
    return [
        (move.events, score.data[move.start : move.stop]) if isinstance(move, Send) else move
        for move in score.moves
    ]


@pytest.mark.parametrize("name", sorted(LIBRARY.paths))
def test_every_profile(name: str) -> None:
    """All that ships, asked in a few of the ways that there are."""
    loaded = LIBRARY.find(name)
    for trial in islice(requests(loaded), 3, None, STRIDE):
        for stamped, made in both(loaded, replace(trial.call, memo={})):
            assert stamped.answer.full == made.answer.full
            assert stamped.reports == made.reports
            assert events(stamped.answer) == events(made.answer)


def stamped_ways(text: str, call: Call, *, paced: bool = True) -> list[bool]:
    """Whether each answer was stamped, of answers that are right."""
    seen = []
    for plan, made in both(profile(text), call, paced=paced):
        assert plan.answer.full == made.answer.full
        assert plan.answer.score.moves == made.answer.score.moves
        seen.append(isinstance(plan.answer, Stamped))
    return seen


REPEATS = [False, False, True, True, True]
NEVER = [False] * TIMES


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "",
        "pacing: {ttft: 20ms, itl: 20ms}",
        "pacing: {ttft: 20ms, itl: 20ms, jitter: 20%}",
        "pacing: {ttft: 20ms, itl: 20ms, jitter: 90%, distribution: lognormal, head: 3ms}",
        "pacing: {itl: 20ms, jitter: 50%, distribution: uniform}",
        "pacing: {ttft: 20ms, itl: 20ms, catch_up: join}",
        "pacing: {ttft: 20ms, itl: 20ms, jitter: 20%, catch_up: join}",
        "dialect: vllm",
        "dialect: azure",
        "script: tools2",
        "faults: [{fail: 503}]",
        "faults: [{stall: 30s}]",
        "faults: [{send: {error: openai}, at: after content 5}]",
        "faults: [{encode: {newline: crlf}}]",
    ],
)
def test_what_repeats(text: str, stream: bool) -> None:
    """From the third time on an answer is stamped, faults included."""
    fields = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    assert stamped_ways(text, chat(**fields)) == REPEATS


@pytest.mark.parametrize(
    "text",
    [
        "script: {words: 9}",
        "pacing: {ttft: 20ms, jitter: 20%}\nfaults: [{stall: 30s, at: t 100ms}]",
        "pacing: {ttft: 20ms, load: {slots: 2}}",
        "faults: [{send: {comment: late}, at: server 1s}]",
        "account: {rpm: 3}",
        'faults: [{reply: {status: 503, headers: {retry-after: "{{now+2s}}"}}}]',
        "faults: [{wait: {uniform: [1s, 2s]}}]",
    ],
)
def test_what_does_not(text: str) -> None:
    """What draws, waits for a time or depends on others is made each time."""
    assert stamped_ways(text, chat(stream=True)) == NEVER


def test_what_leaves_something_behind() -> None:
    """A stored completion is a document of its own, under the names of its own call."""
    assert stamped_ways("", chat(store=True)) == REPEATS
    server, call = engine(), chat(store=True)
    ids = [server.plan(call, None, HERE).answer.effects[0].id for _ in range(TIMES)]
    assert len(set(ids)) == TIMES
    for id in ids:
        found, _ = server.read("GET", f"/v1/chat/completions/{id}", (("host", "x"),), b"")
        assert status(server.plan(found, None, HERE)) == 200


def test_responses_repeat() -> None:
    """Their ids tell the time of creation, in digits of their own; each is stored."""
    body = json.dumps({"model": "m", "stream": True, "input": "Hi"}).encode()
    call = engine().read("POST", "/v1/responses", (("host", "x"),), body)[0]
    assert stamped_ways("", call) == REPEATS
    assert stamped_ways("script: tools2", call) == REPEATS


def test_thoughts_that_only_the_server_can_read_repeat() -> None:
    """Their secret is a name like others."""
    said = {"model": "m", "stream": True, "input": "Hi", "include": ["reasoning.encrypted_content"]}
    call = engine().read("POST", "/v1/responses", (("host", "x"),), json.dumps(said).encode())[0]
    assert stamped_ways("script: reasoning60", call) == REPEATS


@pytest.mark.parametrize(
    "said",
    [MARK, f"{MARK}{MARK}AA", f"{MARK}A", str(CREATED)],
    ids=["mark", "long", "short", "time"],
)
def test_who_says_marks(said: str) -> None:
    """A request that has the signs of marks gets its own words back, whatever they are."""
    call = chat(stream=True, model=f"a{said}b")
    for plan, made in both(profile(""), call):
        assert plan.answer.full == made.answer.full


def test_faults_that_are_due_sometimes() -> None:
    """An answer with the fault and one without are two; reasons are those of the call."""
    found = list(both(profile("faults: [{fail: 503, every: 2}]"), chat()))
    assert [plan.reports for plan, _ in found] == [made.reports for _, made in found]
    assert [plan.answer.full for plan, _ in found] == [made.answer.full for _, made in found]
    assert [plan.reports[0].skipped for plan, _ in found][::2] == [
        f"call {number} of the session, every: 2" for number in (1, 3, 5)
    ]
    assert isinstance(found[-1][0].answer, Stamped)


def test_names_differ() -> None:
    """Each call has names of its own, and its own date."""
    plans = [plan for plan, _ in both(profile(""), chat(stream=True))]
    texts = [
        b"".join(event.data for event in plan.lowered.events if isinstance(event, Write))
        for plan in plans
    ]
    assert len({text.split(b"chatcmpl-")[1][:29] for text in texts}) == TIMES
    assert len({text.split(b"date: ")[1][:29] for text in texts}) == TIMES
    assert MARK.encode() not in b"".join(texts)


def test_waits_differ() -> None:
    """Each call has a pace of its own, whose waits are drawn again and are the same again."""
    text = "pacing: {ttft: 200ms, itl: 20ms, jitter: 20%}\nfaults: [{stall: 30s, nth: [99]}]"
    plans = list(both(profile(text), chat(stream=True)))
    waits = [
        tuple(one for one in plan.answer.score.moves if isinstance(one, Wait)) for plan, _ in plans
    ]
    assert waits == [
        tuple(one for one in made.answer.score.moves if isinstance(one, Wait)) for _, made in plans
    ]
    assert len(set(waits)) == TIMES
    assert isinstance(plans[-1][0].answer, Stamped)


def test_what_follows_from_the_moves_is_found_once() -> None:
    """Also where each answer has waits of its own: it would take more memory than all else of it."""
    text = "pacing: {ttft: 200ms, itl: 20ms, jitter: 20%}"
    plans = [plan for plan, _ in both(profile(text), chat(stream=True))]
    first, *others = [one.answer.score.moves for one in plans if isinstance(one.answer, Stamped)]
    assert others
    for moves in others:
        assert moves.events is first.events
        assert moves.steady is first.steady
        anew = Moves(moves)
        assert (anew.events, anew.steady) == (moves.events, moves.steady)


def test_another_profile_of_the_same_name() -> None:
    """What was learned under one profile is not played under the one that replaces it."""
    server, call = engine("about: a"), chat()
    for _ in range(3):
        server.plan(call, None, HERE)
    server.add(profile("faults: [{fail: 418}]"))
    plan = server.plan(call, None, HERE)
    assert status(plan) == 418


@pytest.mark.parametrize(
    ("text", "fields", "shared"),
    [
        ("", {"stream": True}, True),
        ("", {"stream": True, "stream_options": {"include_usage": True}}, False),
        ("", {}, False),
        ("dialect: litserve", {"stream": True}, False),
        ("script: echo", {"stream": True}, False),
        ("script: tools2", {"stream": True}, True),
    ],
)
def test_what_is_asked_matters_where_it_is_heard(
    text: str, fields: dict[str, Any], shared: bool
) -> None:
    """Of prompts of many lengths a stream without usage tells nothing; others tell their tokens,
    and `echo` says them."""
    prompts = ["one", "one two", "one two three", "one two three four"]
    calls = [chat(messages=[{"role": "user", "content": text}], **fields) for text in prompts]
    server, fresh = (
        Engine(LIBRARY, profile(text), conditions=Conditions(3), now=Clock()) for _ in range(2)
    )
    fresh.repeats = None
    plans = [(server.plan(call, None, HERE), fresh.plan(call, None, HERE)) for call in calls]
    assert [plan.answer.full for plan, _ in plans] == [made.answer.full for _, made in plans]
    assert [isinstance(plan.answer, Stamped) for plan, _ in plans] == [False, False, shared, shared]


def test_who_is_refused_shares_nothing() -> None:
    """A wrong request like one that is in order gets its refusal."""
    server = engine()
    for content in ("a", "b", "c"):
        server.plan(chat(stream=True, messages=[{"role": "user", "content": content}]), None, HERE)
    wrong = chat(stream=True, messages=[{"role": "nobody", "content": "d"}])
    assert [status(server.plan(wrong, None, HERE)) for _ in range(4)] == [400] * 4


STRICT = """
strict: true
routes:
  - match: {message: "*weather*"}
  - match: {header: {x-team: "*blue*"}}
"""


def test_why_no_route_matches_is_told_of_each_request() -> None:
    """In a strict profile the answer says what of the request no route wants."""
    server, fresh = (engine(STRICT) for _ in range(2))
    fresh.repeats = None
    for word in ("Hi", "Hi", "Hi", "Ho", "Hu"):
        said = {"model": "gpt-4o", "messages": [{"role": "user", "content": word}]}
        body = json.dumps(CHAT | said).encode()
        for team in ("red", "green"):
            headers = (("host", "x"), ("x-team", team))
            call = server.read("POST", "/v1/chat/completions", headers, body)[0]
            plan, made = (one.plan(replace(call, memo={}), None, HERE) for one in (server, fresh))
            assert plan.answer.full == made.answer.full


def test_what_fails_with_a_mark_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a mark in the place of a name does to somebody's code, a request does not notice."""
    real = ChatForm.id

    def looked_up(self: ChatForm, identity: Identity) -> str:
        name = real(self, identity)
        if MARK in name:
            raise KeyError(name)
        return name

    monkeypatch.setattr(ChatForm, "id", looked_up)
    assert stamped_ways("", chat()) == NEVER


def test_a_wire_that_listens_more_says_so() -> None:
    """A wire made from another answers by words that the other did not hear."""

    class Echoing(OpenAIChat):
        """It says what it is asked."""

        def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
            return super().answer(call, script, setting)

    call = chat()
    setting = Setting(Identity("x"), ("m",), DIALECTS["openai"])
    assert OpenAIChat().gist(call, setting) is not None
    assert Echoing().gist(call, setting) is None


def test_a_script_that_listens_more_says_so() -> None:
    """So does a script."""

    class Shouting(TextSource):
        """It says something else to everybody."""

        def make(self, call: Call, random: Random, /) -> Script:
            return super().make(call, random)

    assert not TextSource(text="Hi").listens
    assert Shouting(text="Hi").listens


def test_nothing_of_a_call_is_left_in_a_cycle() -> None:
    """What was worked out of a request goes with it, at once and not at the next collection."""
    server = engine()
    gc.collect()
    gc.disable()
    try:
        body = json.dumps(CHAT | {"user": "u" * 20_000}).encode()
        call = server.read("POST", "/v1/chat/completions", (("host", "x"),), body)[0]
        kept = weakref.ref(call.memo.setdefault("probe", Probe()))
        plan = server.plan(call, None, HERE)
        server.ended(server.begin(plan, "").update(Outcome("done")))
        server.reset()
        del call, plan
        assert kept() is None
    finally:
        gc.enable()


def test_what_is_too_deep_to_be_written() -> None:
    """A request that can be read is answered, however deep it is."""
    for depth in range(900, 1000):
        body = json.dumps(CHAT | {"user": "DEEP"}).replace('"DEEP"', "[" * depth + "]" * depth)
        long, short = engine(), engine()
        long.repeats = None
        asked = (ask(one, body=body.encode()) for one in (long, short))
        assert len({status(plan) for plan in asked}) == 1


class Probe:
    """Something that can be seen to go."""


def test_profiles_that_are_gone_are_not_kept_by_a_request() -> None:
    """A request that comes again under a thousand profiles remembers the last."""
    server, call = engine(), chat()
    sizes = []
    for number in range(20):
        server.restart(profile(f"seed: {number}"))
        server.plan(call, None, HERE)
        sizes.append(len(call.memo))
    assert sizes[1] == sizes[-1]


BY_ATTEMPT = """
routes:
  - {match: {attempt: 2}, script: {text: once more}}
  - {match: {attempt: 4}, pacing: {load: {slots: 1}}}
  - {match: {attempt: 3}, script: echo}
  - {script: {text: at first}, faults: [{wait: 1s, chance: 50%}]}
"""


def test_what_a_request_remembers_holds_for_its_route_and_conditions_alone() -> None:
    """Whichever route its attempts take, and under another seed, profile and name, the same request gets
    what one gets of which nothing is remembered."""
    server, fresh = (engine(BY_ATTEMPT) for _ in range(2))
    fresh.repeats = None
    call, seen = chat(stream=True), set()
    others = profile("script: {text: others}")
    used = {30: others, 36: replace(others, name="q"), 40: profile("pacing: {load: {slots: 1}}")}
    for number in range(46):
        for one in (server, fresh):
            if number == 24:
                one.conditions = Conditions(9, paced=False)
            if number in used:
                one.use(used[number])
        plan = server.plan(call, None, HERE, connection=number)
        made = fresh.plan(replace(call, memo={}), None, HERE, connection=number)
        assert (plan.found, plan.visit) == (made.found, made.visit)
        assert plan.visit.connection == number
        assert plan.answer.full == made.answer.full
        seen.add((plan.profile, number >= 40, plan.found.index, type(plan.answer)))
        for one, played in ((server, plan), (fresh, made)):
            ending: Ending = "done" if number % 6 == 5 else "peer gone"
            events = len(played.lowered.events) if ending == "done" else 0
            outcome = Outcome(ending, events, events, events)
            one.ended(one.begin(played, "").update(outcome))
    stamped = {("p", False, index, Stamped) for index in (0, 2, 3)} | {("q", False, 0, Stamped)}
    assert {one for one in seen if one[-1] is Stamped} == stamped
    assert {("p", False, 1, Answer), ("p", True, 0, Answer)} <= seen


@pytest.mark.parametrize(
    ("key", "model"), [("mock-late.mine", "m"), ("sk-x", "mock-late.m"), ("mock-late", "m")]
)
def test_a_profile_that_becomes_known_later(key: str, model: str) -> None:
    """What a request asked for in vain it gets when that is there, under a session of its own: even
    where it is what refused it, under another name."""
    text = "routes: [{match: {model: m}, script: {text: found}}, {faults: [{fail: 500}]}]"
    server, fresh = engine(text), engine(text)
    body = json.dumps(CHAT | {"model": model}).encode()
    headers = (("host", "x"), ("authorization", f"Bearer {key}"))
    call, path_name = server.read("POST", "/v1/chat/completions", headers, body)
    for number in range(4):
        if number == 1:
            for one in (server, fresh):
                one.add(replace(one.profile, name="late"))
        plan = server.plan(call, path_name, HERE)
        made = fresh.plan(replace(call, memo={}), path_name, HERE)
        assert plan.visit == made.visit
        assert plan.found.index == made.found.index
        assert plan.answer.full == made.answer.full
        assert status(plan) == (200 if number else 404 if model != "m" else 401)


def test_stencils_are_bounded_in_bytes() -> None:
    """Long answers are forgotten sooner than short ones."""
    repeats = Repeats(most_bytes=1_000_000)
    server = engine()
    server.repeats = repeats
    for user in range(30):
        for _ in range(3):
            server.plan(chat(stream=True, user=str(user)), None, HERE)
    assert 0 < repeats.size <= 1_000_000
    assert 1 < len(repeats) < 30


@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/openai/v1/chat/completions", {"model": "m", "messages": []}),
        ("/openai/v1/embeddings", {"model": "m", "input": True}),
        ("/v2/models/m/infer", {"inputs": 3}),
    ],
)
def test_nothing_of_a_refused_call_is_left_in_a_cycle(target: str, body: dict[str, Any]) -> None:
    """Also where it was refused because of another mistake, whose frames hold the refusal."""
    server = engine()
    headers = (("content-type", "application/json"),)

    def refused() -> bool:
        return (
            ask(server, target, headers=headers, body=json.dumps(body).encode()).refused is not None
        )

    assert refused()
    gc.collect()
    gc.disable()
    try:
        assert refused()
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_refusal_that_tells_of_the_attempt_is_made_each_time() -> None:
    """Why no route of a strict profile matches may be another reason at each attempt."""
    server = engine("strict: true\nmodels: [gpt-4o]\nroutes: [{match: {attempt: 99}}]")
    for attempt in range(1, 7):
        plan = ask(server)
        assert f"attempt is {attempt}, wanted 99" in str(plan.refused)
        assert f"attempt is {attempt}, wanted 99" in error(plan)["message"]
        server.ended(server.begin(plan, "").update(Outcome("done")))
