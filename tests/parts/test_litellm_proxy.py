"""The proxy of LiteLLM in front of a server that fails, and what is said in its name.

The proxy adds headers about its call and its upstream, with values of that call; they are left out
of the comparison, as they are of the answers that ship.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from mockllm.shapes.catalogue import catalogue
from tests.parts.answers import Answer, answer_to, chat, free_port
from tests.parts.litellm_server import litellm
from tests.parts.test_envoy_bytes import port_of

pytestmark = pytest.mark.parts("litellm-proxy")

KEY = "Authorization: Bearer sk-mock"
OF_THE_CALL = ("x-litellm-", "llm_provider-", "request-id:")


def error(status: int, message: str, **fields: object) -> str:
    """An upstream's error in OpenAI's form."""
    document = {"message": message, "type": None, "param": None, "code": None, **fields}
    return body(status, json.dumps({"error": document}))


def body(status: int, text: str, kind: str = "application/json", **headers: str) -> str:
    """An upstream's answer with this body."""
    spec = {"status": status, "body": text, "content_type": kind, "headers": headers}
    return f"reply: {json.dumps(spec)}"


WRONG = "invalid_request_error"
UNKNOWN = {"type": WRONG, "code": "model_not_found"}
LIMITED = {"x-ratelimit-limit-requests": "60", "retry-after": "2"}

UPSTREAMS: dict[str, tuple[str, str]] = {
    "upstream-closed": ("close_pre", "close: fin, at: request"),
    "upstream-reset": ("rst_pre", "close: rst, at: request"),
    "upstream-garbage": (
        "garbage",
        """send: {raw: "nonsense\\r\\n\\r\\n"}, at: request}, {close: fin, at: request""",
    ),
    "timeout": ("t2", "hang: forever"),
    "upstream-no-choices": (
        "nochoices",
        body(200, '{"id": "1", "object": "chat.completion", "created": 1, "model": "x"}'),
    ),
    "upstream-html": ("html200", body(200, "<html>login</html>", "text/html")),
    "upstream-empty": ("empty200", body(200, "")),
    "upstream-bad-json": ("badjson200", body(200, '{"id": "1", "choices": [')),
    "upstream-error-in-200": ("err200", error(200, "boom in 200", code=500)),
    "upstream-null": ("nullbody", body(200, "null")),
    "upstream-400": ("e400", error(400, "Unsupported value", type=WRONG, param="temperature")),
    "upstream-401": ("e401", error(401, "Incorrect API key provided: x.")),
    "upstream-404": (
        "e404",
        error(404, "The model `x` does not exist or you do not have access to it.", **UNKNOWN),
    ),
    "upstream-408": ("e408", error(408, "timeout")),
    "upstream-409": ("e409", error(409, "conflict")),
    "upstream-413": ("e413", body(413, "<html>too big</html>", "text/html")),
    "upstream-429": (
        "e429",
        body(429, '{"error": {"message": "Rate limit reached"}}', **LIMITED),
    ),
    "upstream-500": ("e500", error(500, "The server had an error")),
    "upstream-500-detail": ("e500det", body(500, '{"detail": "Internal Server Error"}')),
    "upstream-500-text": ("e500flat", body(500, '{"error": "ValueError : boom"}')),
    "upstream-503": ("e503", body(503, "no healthy upstream", "text/plain")),
    "upstream-503-slow-down": ("e503slow", error(503, "Slow Down")),
    "upstream-504": ("e504", body(504, "upstream request timeout", "text/plain")),
    "upstream-529": ("e529", error(529, "Overloaded")),
    "upstream-503-empty": ("e503empty", body(503, "")),
}
"""What makes the proxy give an answer: the name of a group, and the fault of its upstream."""

GROUPS = {"upstream-refused": "refused", **{name: one for name, (one, _) in UPSTREAMS.items()}}


def asking(group: str, **fields: object) -> bytes:
    """The body of a request for a group."""
    request = {"model": group, "messages": [{"role": "user", "content": "Hello!"}], **fields}
    return json.dumps(request).encode()


REQUESTS: dict[str, bytes] = {
    "path-not-found": chat("/nothing"),
    "no-key": chat(),
    "no-database": chat("/v1/chat/completions", "Authorization: Bearer sk-other"),
    "bad-json": chat("/v1/chat/completions", KEY, body=b"{nope"),
    "missing-messages": chat("/v1/chat/completions", KEY, body=b'{"model": "e500"}'),
    **{
        name: chat("/v1/chat/completions", KEY, body=asking(group))
        for name, group in GROUPS.items()
    },
}
"""The request for each answer that ships."""


class Pair(NamedTuple):
    """The ports of the proxy and of mockllm."""

    real: int
    mock: int


def configuration(url: str) -> dict[str, object]:
    """The proxy's; nothing is tried again."""
    closed = f"http://127.0.0.1:{free_port()}/v1"
    bases = {group: f"{url}/p/{group}/v1" for group in GROUPS.values()} | {"refused": closed}
    common = {"model": "openai/x", "api_key": "none", "max_retries": 0}
    return {
        "model_list": [
            {
                "model_name": group,
                "litellm_params": {**common, "api_base": base, **timeout(group)},
            }
            for group, base in bases.items()
        ],
        "router_settings": {"num_retries": 0, "disable_cooldowns": True},
        "general_settings": {"master_key": "sk-mock"},
    }


def timeout(group: str) -> dict[str, float]:
    """The limit of a group, in seconds."""
    return {"timeout": 2.0} if group == "t2" else {}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """The proxy, whose upstream fails and also says what the proxy says."""
    folder = tmp_path_factory.mktemp("litellm")
    faults = dict(UPSTREAMS.values()) | {
        f"answer-{name}": f"reply: litellm.{name}" for name in REQUESTS
    }
    for name, fault in faults.items():
        text = f"mockllm: 1\nabout: One failure, {name}.\ndialect: vllm\nfaults: [{{{fault}}}]\n"
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    with (
        MockLLM(profiles=folder) as server,
        litellm(folder, configuration(server.url)) as port,
    ):
        yield Pair(port, port_of(server))


def without_the_call(answer: Answer) -> Answer:
    """An answer without the headers about the call, and as if time passed exactly."""
    kept = [line for line in answer.headers if not line.lower().startswith(OF_THE_CALL)]
    body = re.sub(rb"time taken=[\d.]+ seconds", b"time taken=2.0 seconds", answer.body)
    if body != answer.body:
        place = kept.index(f"content-length: {len(answer.body)}")
        kept[place] = f"content-length: {len(body)}"
    return Answer(answer.status, kept, body)


@pytest.mark.parametrize("name", sorted({*REQUESTS} - {"no-key"}))
def test_an_answer_is_the_proxy_s_own(pair: Pair, name: str) -> None:
    """Status line, headers in order and case, and body."""
    real = without_the_call(answer_to(pair.real, REQUESTS[name]))
    assert answer_to(pair.mock, chat(f"/p/answer-{name}/v1/chat/completions")) == real


def test_without_a_key(pair: Pair) -> None:
    """uvicorn's own 500 closes; the place of that header follows the request, ours is the second."""
    path = "/p/answer-no-key/v1/chat/completions"
    real = answer_to(pair.real, chat("/v1/chat/completions", "Connection: close"))
    assert answer_to(pair.mock, chat(path, "Connection: close")) == real
    assert answer_to(pair.mock, chat(path)) == real
    unasked = answer_to(pair.real, REQUESTS["no-key"])
    assert "connection: close" in unasked.headers
    assert unasked.body == real.body


def test_every_answer_is_compared() -> None:
    """None of those that ship is left out."""
    rows = [row.name.removeprefix("litellm.") for row in catalogue() if row.producer == "litellm"]
    assert set(rows) == set(REQUESTS)
