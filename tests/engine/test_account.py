"""Accounts: who gets in, what is counted, and what the heads of answers tell, by a hand clock."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Plan, Visit
from tests.engine.build import CHAT, HERE, Clock, acts, ask, engine, error, status, written

AZURE = "/openai/deployments/gpt-4o/chat/completions"
MESSAGES = "/v1/messages"
KEY = "x-ratelimit-"


def account(text: str, **options: Any) -> Engine:
    """A server with such an account."""
    return engine(f"account: {{{text}}}", **options)


def by(server: Engine, key: str | None, target: str = CHAT, **data: Any) -> Plan:
    """The plan for a call with a key."""
    headers = [] if key is None else [("authorization", f"Bearer {key}")]
    return ask(server, target, headers=headers, **data)


def head(plan: Plan) -> dict[str, str]:
    """The headers of an answer; one that comes twice fails."""
    assert plan.head is not None
    names = [name.lower() for name, _ in plan.head.headers]
    assert len(names) == len(set(names))
    return {name.lower(): value for name, value in plan.head.headers}


def rates(plan: Plan) -> dict[str, str]:
    """What the head tells of OpenAI's limits."""
    return {name.removeprefix(KEY): v for name, v in head(plan).items() if name.startswith(KEY)}


def end(server: Engine, plan: Plan) -> None:
    """A call is over: all of its answer was sent."""
    count = len(plan.lowered.events)
    server.ended(server.begin(plan, "").update(Outcome("done", count, count, 1)))


# Limits a minute


def test_requests_a_minute_flow_back_one_by_one() -> None:
    """Three at once, then one every twenty seconds."""
    clock = Clock()
    server = account("rpm: 3", clock=clock)
    assert [status(ask(server)) for _ in range(4)] == [200, 200, 200, 429]
    clock.now += 19.9
    assert status(ask(server)) == 429
    clock.now += 0.1
    assert [status(ask(server)) for _ in range(2)] == [200, 429]


def test_the_headers_count_down_and_the_error_says_when() -> None:
    """What is left is told on every answer, in OpenAI's forms."""
    clock = Clock()
    server = account("rpm: 3, tpm: 10000", clock=clock)
    first = rates(ask(server, max_tokens=992))  # the prompt has 8
    assert first == {
        "limit-requests": "3",
        "limit-tokens": "10000",
        "remaining-requests": "2",
        "remaining-tokens": "9000",
        "reset-requests": "20s",
        "reset-tokens": "6s",
    }
    ask(server)
    ask(server)
    clock.now += 0.5
    refused = ask(server)
    assert error(refused) == {
        "message": "Rate limit reached for gpt-4o in organization org-mockllm on requests per min "
        "(RPM): Limit 3, Used 3, Requested 1. Please try again in 19.5s. Visit "
        "https://platform.openai.com/account/rate-limits to learn more.",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    told = head(refused)
    assert (told["retry-after"], told["retry-after-ms"]) == ("20", "19500")
    assert rates(refused)["remaining-requests"] == "0"
    assert rates(refused)["reset-requests"] == "59.5s"
    assert refused.refused == "account: requests: 1 asked for, 0 of 3 left"
    clock.now += 19.5
    assert status(ask(server)) == 200


def test_tokens_are_counted_when_a_call_comes() -> None:
    """The prompt and the max_tokens of a call are taken, whatever is answered."""
    server = account("tpm: 1000")
    assert status(ask(server, max_tokens=892)) == 200
    refused = ask(server, max_tokens=192)
    assert error(refused)["type"] == "tokens"
    assert (
        "on tokens per min (TPM): Limit 1000, Used 900, Requested 200. Please try again in 6s."
        in error(refused)["message"]
    )
    assert status(ask(server, max_tokens=92)) == 200


def test_what_never_fits_is_told_so() -> None:
    """A call of more tokens than the whole limit gets no time to come back."""
    refused = ask(account("tpm: 1000"), max_tokens=2000)
    assert error(refused)["message"].startswith(
        "Request too large for gpt-4o in organization org-mockllm on tokens per min (TPM): "
        "Limit 1000, Requested 2008. The input or output tokens must be reduced"
    )
    assert "retry-after" not in head(refused)


def test_each_key_has_limits_of_its_own() -> None:
    """One key's calls take nothing from another's."""
    server = account("rpm: 1")
    assert [status(by(server, key)) for key in ("a", "b", "a", None, "b")] == [200, 200, 429, 200, 429]  # fmt: skip


def test_refused_calls_take_nothing() -> None:
    """Neither the account's refusals nor the wire's are counted; the head tells the limits all the same."""
    server = account("rpm: 2, retired: old, context: 100")
    wrong = [ask(server, messages=7), ask(server, model="old"), ask(server, max_tokens=100)]
    assert [status(plan) for plan in wrong] == [400, 404, 400]
    assert all(rates(plan)["remaining-requests"] == "2" for plan in wrong)
    assert rates(ask(server, "/v1/models", method="GET"))["remaining-requests"] == "2"
    assert [status(ask(server)) for _ in range(3)] == [200, 200, 429]
    assert rates(ask(server))["remaining-requests"] == "0"


def test_speed_fills_buckets_faster_and_tells_the_same() -> None:
    """At double speed a request comes back after ten seconds; the headers say the script's twenty."""
    clock = Clock()
    server = account("rpm: 3", clock=clock, speed=2.0)
    plans = [ask(server) for _ in range(4)]
    assert head(plans[3])["retry-after"] == "20"
    clock.now += 9.9
    assert status(ask(server)) == 429
    clock.now += 0.1
    assert status(ask(server)) == 200


def test_reset_and_use_fill_them_again() -> None:
    """A reset, and switching to the profile, begin anew."""
    server = account("rpm: 1")
    assert [status(ask(server)) for _ in range(2)] == [200, 429]
    server.reset()
    assert [status(ask(server)) for _ in range(2)] == [200, 429]
    server.use(server.profile)
    assert status(ask(server)) == 200


def test_a_preview_counts_nothing_and_knows_the_calls_before() -> None:
    """The plan of the fourth call is refused, and the first real call still gets in."""
    server = account("rpm: 3")
    call, name = server.read("POST", CHAT, (), b'{"model":"m","messages":[{"role":"user"}]}')
    previews = [server.preview(call, name, HERE, Visit(ordinal=n)) for n in (1, 3, 4)]
    assert [status(plan) for plan in previews] == [200, 200, 429]
    assert [status(ask(server)) for _ in range(4)] == [200, 200, 200, 429]


def test_a_preview_knows_what_was_paid_for() -> None:
    """The tokens of the calls before are used up in a preview too."""
    server = account("quota: 60")
    call, name = server.read("POST", CHAT, (), b'{"model":"m","messages":[{"role":"user"}]}')
    previews = [server.preview(call, name, HERE, Visit(ordinal=n)) for n in (1, 2)]
    assert [status(plan) for plan in previews] == [200, 429]


# Calls at a time, and what was paid for


def test_calls_at_a_time() -> None:
    """A call over the limit is refused until one has ended; refused ones hold no place."""
    server = account("concurrent: 2")
    plans = [ask(server) for _ in range(4)]
    assert [status(plan) for plan in plans] == [200, 200, 429, 429]
    assert error(plans[2])["code"] == "rate_limit_exceeded"
    assert "retry-after" not in head(plans[2])
    end(server, plans[2])
    assert status(ask(server)) == 429
    end(server, plans[0])
    assert [status(ask(server)) for _ in range(2)] == [200, 429]


def test_a_quota_is_used_up_for_good() -> None:
    """The tokens of prompts and answers are paid; then no wait helps."""
    clock = Clock()
    server = account("quota: 100", clock=clock)
    for _ in range(2):  # of 8 tokens and 60
        plan = ask(server)
        assert status(plan) == 200
        end(server, plan)
    clock.now += 3600
    refused = ask(server)
    assert refused.refused == "account: 136 tokens are used, quota: 100"
    assert status(refused) == 429
    assert (error(refused)["type"], error(refused)["code"]) == ("insufficient_quota",) * 2
    assert "retry-after" not in head(refused)


# Keys


def test_the_bytes_of_a_wrong_key() -> None:
    """Head and body are those of OpenAI's 401, but for the key."""
    sent = written(by(account("keys: {accept: a}"), "sk-invalid--only"))
    head, _, body = sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert b'\r\nwww-authenticate: Bearer realm="OpenAI API"' in head
    assert body == (
        b'{"error":{"message":"Incorrect API key provided: sk-inval****only. You can find your API '
        b'key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error",'
        b'"param":null,"code":"invalid_api_key"},"status":401}'
    )


@pytest.mark.parametrize(
    ("key", "found", "code", "says"),
    [
        (None, 401, None, "You didn't provide an API key."),
        ("sk-or-v1-of-somebody", 401, "invalid_api_key", "provided: sk-or-v1********body. You can"),
        ("none", 401, "invalid_api_key", "provided: none. You can"),
        ("mock-key-of-a-test", 401, "invalid_api_key", "no profile is called 'key-of-a-test'"),
    ],
)
def test_keys_that_open_nothing(key: str | None, found: int, code: str | None, says: str) -> None:
    """A missing and a wrong key differ, and a wrong one is shown as OpenAI shows it."""
    plan = by(account("keys: {accept: [team-*, other]}"), key)
    assert (status(plan), error(plan)["code"]) == (found, code)
    if key != "mock-key-of-a-test":
        assert says in error(plan)["message"]


@pytest.mark.parametrize("key", ["team-a", "other", "mock-p", "mock-p.session"])
def test_keys_that_open(key: str) -> None:
    """Those that are named, and those that choose a profile."""
    assert status(by(account("keys: {accept: [team-*, other]}"), key)) == 200


def test_a_wrong_key_stays_out_of_the_journal() -> None:
    """The reason says nothing of the key."""
    plan = by(account("keys: {accept: a}"), "sk-secret")
    assert plan.refused == "account: the API key is wrong or revoked"


def test_a_key_is_revoked_at_its_time() -> None:
    """From that moment of the server's clock it is as wrong as any other; speed moves the moment."""
    for speed in (1.0, 2.0):
        clock = Clock()
        server = account("keys: {revoked: {team-b: 20s}}", clock=clock, speed=speed)
        clock.now += 19.9 / speed
        assert [status(by(server, key)) for key in ("team-a", "team-b")] == [200, 200]
        clock.now += 0.1 / speed
        assert [status(by(server, key)) for key in ("team-a", "team-b")] == [200, 401]


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [("GET", "/v1/models", 401), ("GET", "/v2/health/ready", 200), ("POST", MESSAGES, 401)],
)
def test_where_a_key_is_asked_for(method: str, path: str, found: int) -> None:
    """On all paths below /v1/ and wherever something is made, but not where servers tell how they are."""
    assert status(ask(account("keys: {}"), path, method=method)) == found


# Models and context


def test_a_retired_model() -> None:
    """OpenAI's words for a model that was switched off."""
    plan = ask(account('retired: ["gpt-3*"]'), model="gpt-3-old")
    assert error(plan) == {
        "message": "The model `gpt-3-old` has been deprecated, learn more here: "
        "https://platform.openai.com/docs/deprecations",
        "type": "invalid_request_error",
        "param": None,
        "code": "model_not_found",
    }
    assert status(plan) == 404


def test_the_context_is_of_prompt_and_answer() -> None:
    """The numbers are those of the request; what fits exactly is answered."""
    server = account("context: 100")
    assert status(ask(server, max_tokens=92)) == 200
    plan = ask(server, max_tokens=93)
    assert (status(plan), error(plan)["code"], error(plan)["param"]) == (400, "context_length_exceeded", "messages")  # fmt: skip
    assert error(plan)["message"] == (
        "This model's maximum context length is 100 tokens. However, you requested 101 tokens (8 in "
        "the messages, 93 in the completion). Please reduce the length of the messages or completion."
    )


# Routes and faults


def test_a_refused_call_meets_no_fault_and_is_no_call_of_a_route() -> None:
    """The first call that is let in is the first of the route; its faults act on it."""
    server = engine("account: {keys: {accept: a}}\nfaults: [{fail: 503, first: 1}]")
    refused = by(server, "b")
    assert (status(refused), refused.reports, refused.found.name) == (401, (), "no route")
    first = by(server, "a")
    assert (status(first), acts(first)) == (503, [True])
    assert status(by(server, "a")) == 200


def test_without_an_account_nothing_changes() -> None:
    """A profile that says nothing of an account has the usual headers."""
    assert rates(ask(engine()))["limit-requests"] == "30000"


# Other servers


def test_anthropic() -> None:
    """Anthropic's headers tell times, its errors have its own words."""
    server = account("rpm: 2, tpm: 20000, context: 30000")

    def post(**data: Any) -> Plan:
        return ask(server, MESSAGES, **{"max_tokens": 4000, **data})

    told = head(post())
    name = "anthropic-ratelimit-"
    assert {key: told[name + key] for key in ("requests-limit", "requests-remaining")} == {
        "requests-limit": "2",
        "requests-remaining": "1",
    }
    assert told[name + "requests-reset"] == "2026-11-21T08:00:30Z"
    assert told[name + "tokens-remaining"] == "16000"  # to the nearest thousand
    long, total = post(messages=[{"role": "user", "content": "many " * 31000}]), post(max_tokens=30000)  # fmt: skip
    assert status(long) == status(total) == 400
    assert "prompt is too long: " in error(long)["message"]
    assert error(total)["message"].startswith(
        "input length and `max_tokens` exceed context limit: 8 + 30000 > 30000, decrease input"
    )
    tokens = post(max_tokens=18000)
    assert error(tokens)["message"].startswith("Number of request tokens has exceeded your per-minute")  # fmt: skip
    assert (status(tokens), "retry-after-ms" in head(tokens)) == (429, False)
    post()
    refused = post()
    assert error(refused) == {
        "type": "rate_limit_error",
        "message": "This request would exceed your organization's rate limit of 2 requests per minute",
    }
    assert head(refused)["retry-after"] == "30"


def test_azure() -> None:
    """Azure tells calls from tokens, has the status for a code, and says what is left alone."""
    server = account("rpm: 2, tpm: 1000, context: 2000")
    url = f"{AZURE}?api-version=2025-01-01"
    first = ask(server, url)
    assert rates(first) == {"remaining-requests": "1", "remaining-tokens": "992"}
    tokens = ask(server, url, max_tokens=1200)
    assert error(tokens) == {
        "code": "429",
        "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version "
        "2025-01-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please "
        "retry after 86400 seconds.",
    }
    ask(server, url)
    calls = ask(server, url)
    assert "exceeded call rate limit of" in error(calls)["message"]
    assert (head(calls)["retry-after"], head(calls)["retry-after-ms"]) == ("30", "30000")
    long = ask(server, url, max_tokens=2000)
    assert error(long)["code"] == "context_length_exceeded"
    assert b"innererror" not in written(long)


@pytest.mark.parametrize(
    ("dialect", "path", "body", "says"),
    [
        (
            "openai",
            "/v1/responses",
            {"input": "a b c d e f"},
            "Your input exceeds the context window",
        ),
        (
            "openai",
            "/v1/completions",
            {"prompt": "a b"},
            "you requested 18 tokens (2 in your prompt; 16 for the completion)",
        ),
        (
            "openai",
            "/v1/embeddings",
            {"input": "a b c d e f"},
            "(6 in your prompt; 0 for the completion)",
        ),
        ("openai", CHAT, {}, "However, your messages resulted in 8 tokens. Please reduce"),
        (
            "vllm",
            CHAT,
            {"max_tokens": 3},
            "you requested 3 output tokens and your prompt contains at least 3 input tokens, for a total of at least 6 tokens.",
        ),
        (
            "vllm",
            CHAT,
            {"max_tokens": 6},
            "max_tokens=6 cannot be greater than max_model_len=max_total_tokens=5. Please request fewer output tokens. (parameter=max_tokens, value=6)",
        ),
        (
            "tgi",
            CHAT,
            {"max_tokens": 3},
            "`inputs` tokens + `max_new_tokens` must be <= 5. Given: 8 `inputs` tokens and 3",
        ),
    ],
)
def test_the_words_of_others_for_the_context(
    dialect: str, path: str, body: dict[str, Any], says: str
) -> None:
    """Each API and each server has words of its own."""
    plan = ask(engine(f"account: {{context: 5}}\ndialect: {dialect}"), path, **body)
    assert says in written(plan).decode()
    assert status(plan) == (422 if dialect == "tgi" else 400)
