"""Random requests to every wire: whatever comes in whichever order, what is stamped is what would
have been made, and so is what is found in the store and the journal afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Conditions, Plan
from mockllm.engine.stencil import Stamped
from mockllm.profile.library import Library
from tests.engine.build import HERE, Clock, profile

CALLS, FORMS = 60, 4
"""Requests to each wire under each profile, and of how many forms beside their prompts."""
PROMPTS = ("Hi", "Ho", "one two", "three four", "Grüß dich, 你好", 'a "b" \\ \x7f\x7fAA 1999999900')
TOOL = {"name": "get_weather", "description": "Of a city"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
FUNCTION = {**TOOL, "parameters": SCHEMA}

Body = dict[str, Any]


def some(random: Random, **choices: tuple[Any, ...]) -> Body:
    """Some of the fields, each with one of its values."""
    return {
        name: random.choice(values) for name, values in choices.items() if random.random() < 0.3
    }


def turns(words: Random) -> list[Body]:
    """Messages: a text, or several turns."""
    last = {"role": "user", "content": words.choice(PROMPTS)}
    if words.random() < 0.7:
        return [last]
    return [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}, last]


def chat(random: Random, words: Random) -> Body:
    """A chat request."""
    stream = random.random() < 0.6
    options = ({"include_usage": True}, {"include_obfuscation": False})
    return {
        "model": random.choice(("m", "gpt-4o")),
        "messages": turns(words),
        "stream": stream,
        **(some(random, stream_options=options) if stream else {}),
        **some(random, n=(1, 2), store=(True,), logprobs=(True,), max_tokens=(3, 9), user=("u",)),
        **some(random, tools=([{"type": "function", "function": FUNCTION}],)),
    }


def responses(random: Random, words: Random) -> Body:
    """A request for a response; some of them are refused, as a response that is not there is
    named."""
    given = words.choice(PROMPTS) if words.random() < 0.6 else turns(words)
    return {
        "model": random.choice(("m", "gpt-4o")),
        "input": given,
        "stream": random.random() < 0.6,
        **some(
            random,
            store=(False, True),
            instructions=("Be short", "Be brief"),
            max_output_tokens=(16, 20),
            top_logprobs=(2,),
            include=(["reasoning.encrypted_content"], ["message.output_text.logprobs"]),
            metadata=({"a": "b"}, {"a": "c"}),
            tools=([{"type": "function", **FUNCTION}],),
        ),
        **(some(random, previous_response_id=("resp_0",), background=(True,)) if random.random() < 0.2 else {}),
    }  # fmt: skip


def messages(random: Random, words: Random) -> Body:
    """A request to the Messages API."""
    return {
        "model": random.choice(("m", "claude")),
        "max_tokens": random.choice((5, 500)),
        "messages": turns(words),
        "stream": random.random() < 0.6,
        **some(
            random,
            system=("Be short", "Be brief", [{"type": "text", "text": "Be"}]),
            temperature=(0, 1, True),
            tools=([{**TOOL, "input_schema": SCHEMA}],),
            stop_sequences=(["x"],),
        ),
    }


def completions(random: Random, words: Random) -> Body:
    """A text completion."""
    prompt = words.choice((*PROMPTS, list(PROMPTS[:2]), [1, 2], [[1, 2], [3]]))
    stream = random.random() < 0.6
    options = ({"include_usage": True}, {"continuous_usage_stats": True, "include_usage": True})
    return {
        "model": random.choice(("m", "gpt-4o")),
        "prompt": prompt,
        "stream": stream,
        **(some(random, stream_options=options) if stream else {}),
        **some(random, n=(1, 2), echo=(True,), logprobs=(0, 2), max_tokens=(3, 99), best_of=(2, 3)),
    }


def embeddings(random: Random, words: Random) -> Body:
    """A request for vectors."""
    return {
        "model": random.choice(("m", "text-embedding-3-small")),
        "input": words.choice((*PROMPTS, list(PROMPTS[:2]))),
        "dimensions": 4,
        **some(random, encoding_format=("float", "base64"), user=("u",)),
    }


def moderations(random: Random, words: Random) -> Body:
    """A request to judge a text."""
    return {"model": random.choice(("m", "omni")), "input": words.choice(PROMPTS)}


def predictions(random: Random, words: Random) -> Body:
    """A request in KServe's V1."""
    given = random.choice(([words.choice(PROMPTS)], list(PROMPTS[:2]), words.choice(PROMPTS)))
    return {random.choice(("instances", "inputs", "input")): given}


def inference(random: Random, words: Random) -> Body:
    """A request in KServe's V2."""
    shape = random.choice(([1], [2], [2, 1], []))
    named = [{"name": "a", "parameters": {"binary_data": random.random() < 0.5}}, {"name": "b"}]
    data = [words.choice(PROMPTS) for _ in range(shape[0] if shape else 1)]
    return {
        "inputs": [{"name": "text", "shape": shape, "datatype": "BYTES", "data": data}],
        **some(random, id=("1", "", 1), outputs=(named,)),
        **some(random, parameters=({"binary_data_output": True},)),
    }


KINDS: dict[str, Callable[[Random, Random], Body]] = {
    "/v1/chat/completions": chat,
    "/v1/responses": responses,
    "/v1/messages": messages,
    "/v1/completions": completions,
    "/v1/embeddings": embeddings,
    "/v1/moderations": moderations,
    "/v1/models/gpt-4o:predict": predictions,
    "/v2/models/gpt-4o/infer": inference,
}
STAMPED = dict.fromkeys(("/v1/embeddings", "/v1/moderations"), 0)
"""How many of the answers are stamped at least, where that is not an eighth."""
PROFILES = (
    "",
    "script: tools2",
    "script: reasoning60",
    "script: refusal60",
    "script: {text: Short, finish: length}",
    "script: echo",
    "dialect: vllm",
    "dialect: azure",
    "dialect: litserve",
    "dialect: tgi",
    "dialect: kserve",
    "faults: [{fail: 503, every: 3}]",
    "faults: [{send: {error: openai}, at: after content 2}]",
    "faults: [{stall: 30s}]",
    "faults: [{edit: {duplicate: 2}, at: content 3}]",
    "faults: [{encode: {newline: crlf}}]",
    "faults: [{encode: {split: {bytes: 7, gap: 1ms}}}]",
    "faults: [{encode: {split: {bytes: 100}}}]",
    "faults: [{close: rst, at: byte 700}]",
    "faults: [{edit: {truncate: 30}, at: frame 1}]",
    "faults: [{edit: {truncate: -9}, at: frame *}]",
    "faults: [{encode: {framing: none}}]",
    "pacing: {ttft: 200ms, itl: 20ms, jitter: 40%}",
    "pacing: {ttft: 200ms, itl: 20ms, jitter: 20%}\nfaults: [{stall: 30s, every: 9}]",
)


@pytest.mark.parametrize("text", PROFILES)
@pytest.mark.parametrize("path", KINDS)
def test_random_requests(path: str, text: str) -> None:
    """The same plans, the same journal, and the same documents in the store."""
    random, library = Random(f"{path} {text}"), Library()
    server, fresh = (
        Engine(library, profile(text), conditions=Conditions(3), now=Clock()) for _ in range(2)
    )
    fresh.repeats = None
    seen: list[bool] = []
    for number in range(CALLS):
        body = json.dumps(KINDS[path](Random(random.randrange(FORMS)), random)).encode()
        plans = [ask(engine, "POST", path, body, number) for engine in (server, fresh)]
        same(*plans)
        seen.append(isinstance(plans[0].answer, Stamped))
        id = told_id(plans[1])
        if id and path in ("/v1/responses", "/v1/chat/completions"):
            for target in (f"{path}/{id}", f"{path}/{id}/input_items", f"{path}/{id}/messages"):
                same(*[ask(engine, "GET", target, b"", number) for engine in (server, fresh)])
    assert [entry.as_json() for entry in server.journal.entries()] == [
        entry.as_json() for entry in fresh.journal.entries()
    ]
    assert text == "script: echo" or sum(seen) >= STAMPED.get(path, CALLS // 8)


def test_what_is_in_the_store_matters() -> None:
    """An inference is stamped while its model is loaded, and is refused when it is not: also where
    that was known before, and again when it is loaded."""
    server, fresh = (
        Engine(Library(), profile("models: [m]"), conditions=Conditions(3), now=Clock())
        for _ in range(2)
    )
    fresh.repeats = None
    ways = []
    for number, change in enumerate([None] * 4 + ["unload"] * 4 + ["load"] * 4):
        if change is not None:
            target = f"/v2/repository/models/m/{change}"
            same(*[ask(engine, "POST", target, b"{}", number) for engine in (server, fresh)])
        body = json.dumps({"instances": [f"prompt {number % 2}"]}).encode()
        plans = [
            ask(engine, "POST", "/v1/models/m:predict", body, number) for engine in (server, fresh)
        ]
        same(*plans)
        ways.append((plans[1].refused is None, isinstance(plans[0].answer, Stamped)))
    assert [way[0] for way in ways] == [True] * 4 + [False] * 4 + [True] * 4
    assert ways[3] == (True, True)


def ask(engine: Engine, method: str, target: str, body: bytes, number: int) -> Plan:
    """The plan for a request, which is played to its end."""
    headers = (("host", "x"), ("content-type", "application/json"))
    call, name = engine.read(method, target, headers, body)
    plan = engine.plan(call, name, Here(HERE.now + number))
    record = engine.begin(plan, "2026-11-29T00:00:00Z")
    events = len(plan.lowered.events)
    engine.ended(record.update(Outcome("done", events, events, len(plan.answer.score.data))))
    return plan


def same(plan: Plan, made: Plan) -> None:
    """Everything that is told of two plans is equal."""
    assert plan.answer.full == made.answer.full
    assert plan.reports == made.reports
    assert plan.answer.score.data == made.answer.score.data
    assert plan.answer.score.moves == made.answer.score.moves


def told_id(plan: Plan) -> str | None:
    """The id that an answer has."""
    found = plan.answer.score.data.partition(b'"id":"')[2].partition(b'"')[0].decode()
    return found if found.startswith(("resp_", "chatcmpl")) else None
