"""What a server's metrics tell of the calls that are being answered."""

from __future__ import annotations

import re

from mockllm.engine.engine import Engine
from mockllm.engine.plan import Plan
from mockllm.matchers.call import Call
from tests.engine.build import HERE, ask, engine, profile, status, written

VLLM = "dialect: vllm\nscript: {text: a b c}\n"
OF_HI = 8
"""The tokens of the prompt that `ask` sends, as the usage counts them."""


def told(server: Engine, path: str = "/metrics") -> tuple[float, float, float]:
    """The requests that run, those that wait, and the usage of the cache."""
    plan = ask(server, path, method="GET")
    assert status(plan) == 200
    text = written(plan).decode()
    end(server, plan)
    running, waiting, cache = (
        float(re.findall(rf"^vllm:{name}{{.*}} (.+)$", text, re.MULTILINE)[0])
        for name in ("num_requests_running", "num_requests_waiting", "kv_cache_usage_perc")
    )
    return running, waiting, cache


def end(server: Engine, plan: Plan) -> None:
    """The call of a plan is over."""
    server.ended(server.begin(plan, "now").entry)


def test_calls_run_from_their_plan_to_their_end() -> None:
    """Without a load all are running; asking for metrics is no request."""
    server = engine(VLLM)
    assert told(server) == (0, 0, 0)
    first, second = ask(server), ask(server, stream=True)
    assert told(server)[:2] == (2, 0)
    assert told(server)[:2] == (2, 0)
    end(server, first)
    assert told(server)[:2] == (1, 0)
    end(server, second)
    assert told(server) == (0, 0, 0)


def test_what_is_behind_the_slots_waits() -> None:
    """The rest of a load's calls wait; who finds no place is refused, and its metrics come still."""
    server = engine(VLLM + "pacing: {load: {slots: 2, queue: 1}}\n")
    plans = [ask(server) for _ in range(4)]
    assert [status(plan) for plan in plans] == [200, 200, 200, 429]
    assert told(server)[:2] == (2, 1)
    end(server, plans[0])
    assert told(server)[:2] == (2, 0)


def test_the_cache_has_the_tokens_of_what_runs() -> None:
    """Prompt and whole answer of each running call; one that waits has none yet."""
    load = "pacing: {load: {slots: 1}}\naccount: {context: 100}\n"
    server = engine(VLLM + load)
    plan = ask(server)
    assert plan.wire is not None
    assert plan.wire.prompt_tokens(plan.call) == OF_HI
    ask(server)
    assert told(server) == (1, 1, (OF_HI + 3) / 100)


def test_only_what_a_model_works_on_counts() -> None:
    """Refused calls, replies in the place of an answer, and documents are no load; hung calls are."""
    server = engine(VLLM + "faults: [{fail: 503, first: 1}]\n")
    assert status(ask(server)) == 503
    assert ask(server, body=b"{}").refused
    ask(server, "/v1/models", method="GET")
    ask(server, "/tokenize", prompt="Hi")
    assert told(server)[:2] == (0, 0)
    server = engine("dialect: vllm\nroutes: [{match: {method: POST}, faults: [{hang: forever}]}]\n")
    assert status(ask(server)) is None
    assert told(server)[:2] == (1, 0)


def test_each_profile_has_its_own() -> None:
    """One server imitates several; a reset does not end what is being answered."""
    server = engine(VLLM, profile(VLLM, "other"))
    ask(server, "/p/other/v1/chat/completions")
    assert told(server)[:2] == (0, 0)
    server.reset()
    assert told(server, "/p/other/metrics")[:2] == (1, 0)


def test_a_preview_is_no_call() -> None:
    """What a call would get keeps nobody busy."""
    server = engine(VLLM)
    call, name = server.read("POST", "/v1/chat/completions", (), b'{"messages": [{"role": "user", "content": "Hi"}]}')  # fmt: skip
    assert isinstance(call, Call)
    server.preview(call, name, HERE, ask(engine(VLLM)).visit)
    assert told(server)[:2] == (0, 0)
