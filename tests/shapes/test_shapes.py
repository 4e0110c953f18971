"""Error shapes and named answers: what each server says with each status, byte by byte."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.faults.fault import ErrorSpec
from mockllm.shapes.answer import Answer, answers, render_answer
from mockllm.shapes.shape import Shape, fill, render_error, render_stream_error, shapes
from mockllm.timeline.events import AUTO, End, Frame, Head, Message, Wait
from mockllm.wires.heads import SERVERS
from mockllm.wires.identity import Identity

IDENTITY = Identity("key")


def render(shape: str, *, has_body: bool = False, **fields: Any) -> tuple[Message, ...]:
    """An error of a shape, for the model gpt-9."""
    spec = ErrorSpec.model_validate(fields)
    return render_error(shape, spec, model="gpt-9", has_body=has_body, identity=IDENTITY)


def body(shape: str, **fields: Any) -> str:
    """The body of an error."""
    frame = render(shape, **fields)[1]
    assert isinstance(frame, Frame)
    return frame.data.decode()


PLATFORM = "https://platform.openai.com/account"
HELP = "contact us through our help center at help.openai.com if"
SORRY = "Sorry about that!"


@pytest.mark.parametrize(
    ("shape", "status", "sent"),
    [
        # OpenAI, captures of 2023-2026 (documented)
        ("openai", 400, '{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","type":"invalid_request_error","param":"input","code":"context_length_exceeded"}}'),
        ("openai", 401, f'{{"error":{{"message":"Incorrect API key provided: mockllm-****-key. You can find your API key at {PLATFORM}/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}},"status":401}}'),
        ("openai", 403, '{"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}}'),
        ("openai", 404, '{"error":{"message":"The model `gpt-9` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}'),
        ("openai", 429, f'{{"error":{{"message":"Rate limit reached for gpt-9 in organization org-mockllm on tokens per min (TPM): Limit 10000, Used 9044, Requested 1644. Please try again in 4.128s. Visit {PLATFORM}/rate-limits to learn more.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}}}'),
        ("openai", 500, f'{{"error":{{"message":"The server had an error while processing your request. {SORRY} You can retry your request, or {HELP} the error persists.","type":"server_error","param":null,"code":null}}}}'),
        ("openai", 503, '{"error":{"message":"Our servers are currently overloaded. Please try again later.","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}'),
        ("openai", 418, '{"error":{"message":"Invalid request","type":"invalid_request_error","param":null,"code":null}}'),
        ("openai", 599, f'{{"error":{{"message":"The server had an error while processing your request. {SORRY}","type":"server_error","param":null,"code":null}}}}'),
        # KServe 0.21.0 (observed)
        ("kserve", 400, '{"error":"Unrecognized request format: unexpected character, expected a string key: line 1 column 2 (char 1)"}'),
        ("kserve", 404, '{"error":"Model with name gpt-9 does not exist."}'),
        ("kserve", 500, '{"error":"ConnectError : All connection attempts failed"}'),
        ("kserve", 501, '{"error":"Model versioning not supported yet."}'),
        ("kserve", 503, '{"error":"Model with name gpt-9 is not ready."}'),
        ("kserve", 418, '{"error":"bad thing"}'),
        ("kserve", 599, '{"error":"ReadTimeout : "}'),
        # KServe 0.21.0, OpenAI endpoints (observed): the code is the status as a text
        ("kserve-openai", 400, '{"error":{"code":"400","message":"bad dims","param":"","type":"invalid_request_error"}}'),
        ("kserve-openai", 500, '{"error":{"code":"500","message":"no frequency_penalty","param":"","type":"OpenAIError"}}'),
        ("kserve-openai", 502, '{"error":{"code":"502","message":"Received invalid response from upstream: no healthy upstream","param":"","type":"BadGateway"}}'),
        ("kserve-openai", 503, '{"error":{"code":"503","message":"Failed to communicate with upstream: All connection attempts failed","param":"","type":"ServiceUnavailableError"}}'),
        # Envoy 1.40.0 (observed)
        ("envoy", 403, "RBAC: access denied"),
        ("envoy", 408, "request timeout"),
        ("envoy", 413, "Payload Too Large"),
        ("envoy", 431, "Request Header Fields Too Large"),
        ("envoy", 502, "upstream connect error or disconnect/reset before headers. reset reason: protocol error"),
        ("envoy", 503, "no healthy upstream"),
        ("envoy", 504, "upstream request timeout"),
        ("envoy", 429, "local_rate_limited"),
        ("envoy", 400, "Bad Request"),
        ("envoy", 426, "Upgrade Required"),
        ("envoy", 418, "fault filter abort"),
        ("envoy", 599, "fault filter abort"),
    ],
)  # fmt: skip
def test_bodies(shape: str, status: int, sent: str) -> None:
    """The body that a server sends with a status, byte by byte."""
    assert body(shape, status=status) == sent


def test_every_status_of_a_shape_is_tested() -> None:
    """No status of these shapes is left out above; the others are in test_statuses.py."""
    mark = next(m for m in test_bodies.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    tested = {(shape, status) for shape, status, _ in mark.args[1]}
    names = {shape for shape, _ in tested}
    known = {(name, status) for name in names for status in shapes()[name].statuses}
    assert known - tested == set()


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        ({"code": 500}, '"code":500'),
        ({"code": "500"}, '"code":"500"'),
        ({"code": None, "status": 503}, '"code":null'),
        ({"param": None, "status": 400}, '"param":null'),
        ({"param": "n"}, '"param":"n"'),
        ({"error_type": None}, '"type":null'),
        ({"error_type": "odd"}, '"type":"odd"'),
        ({"message": ""}, '"message":""'),
        ({"message": "{model} „é“"}, '"message":"{model} „é“"'),
    ],
)
def test_fields_that_are_given_win(fields: dict[str, Any], sent: str) -> None:
    """A field of the fault replaces the shape's own, null too; numbers and texts differ."""
    assert sent in body("openai", **fields)


@pytest.mark.parametrize(
    ("shape", "sent"),
    [("envoy", "é"), ("kserve", '{"error":"é"}')],
)
def test_a_shape_without_fields_has_the_message_alone(shape: str, sent: str) -> None:
    """What a shape has no place for is not sent."""
    assert body(shape, message="é", code=5, param="x") == sent


def test_heads() -> None:
    """Each shape comes with the head of its server; OpenAI's 401 asks for a key."""
    head = render("openai", status=401)[0]
    assert isinstance(head, Head)
    assert (head.status, head.headers[-2:]) == (
        401,
        (("server", "cloudflare"), ("www-authenticate", 'Bearer realm="OpenAI API"')),
    )
    assert render("kserve", status=503, has_body=True) == (
        Head(
            503,
            (
                ("date", AUTO),
                ("server", "uvicorn"),
                ("content-length", AUTO),
                ("content-type", "application/json"),
            ),
        ),
        Frame(("error",), b'{"error":"Model with name gpt-9 is not ready."}'),
        End(),
    )


ENVOY = (
    ("content-length", AUTO),
    ("content-type", "text/plain"),
    ("date", AUTO),
    ("server", "envoy"),
)
NO_UPSTREAM = Frame(("error",), b"no healthy upstream")


@pytest.mark.parametrize(
    ("has_body", "events"),
    [
        (False, (Head(503, ENVOY), NO_UPSTREAM, End())),
        (
            True,
            (Head(503, (*ENVOY, ("connection", "close"))), NO_UPSTREAM, Wait(1.0), End()),
        ),
    ],
)
def test_envoy_closes_a_second_after_a_request_with_a_body(
    has_body: bool, events: tuple[Message, ...]
) -> None:
    """The named answer and the shape are the same reply (Envoy 1.40.0, observed)."""
    assert render("envoy", status=503, has_body=has_body) == events
    answer = render_answer("envoy.no-healthy-upstream", has_body=has_body, identity=IDENTITY)
    assert answer == events


@pytest.mark.parametrize(
    ("shape", "fields", "sent"),
    [
        ("openai", {}, f'{{"error":{{"message":"The server had an error processing your request. {SORRY} You can retry your request, or {HELP} you keep seeing this error.","type":"server_error","param":null,"code":null}}}}'),
        ("openai", {"status": 503}, '{"error":{"message":"Our servers are currently overloaded. Please try again later.","type":"service_unavailable_error","param":null,"code":"server_is_overloaded"}}'),
        ("kserve", {}, '{"error":"ConnectError : All connection attempts failed"}'),
        ("kserve", {"message": "x"}, '{"error":"x"}'),
    ],
)  # fmt: skip
def test_errors_inside_a_stream(shape: str, fields: dict[str, Any], sent: str) -> None:
    """OpenAI has a sentence of its own there; a status that is given means that status."""
    spec = ErrorSpec.model_validate(fields)
    assert render_stream_error(shape, spec, model="m", identity=IDENTITY).decode() == sent


def test_spaced_json() -> None:
    """A shape may write JSON with spaces, as `json.dumps` does."""
    shape = shapes()["openai"].model_copy(update={"spaced": True})
    spec = ErrorSpec(message="é", code=None, param=None, error_type="a")
    document = shape.document(spec, shape.entry(500), "m", IDENTITY)
    assert document == (
        b'{"error": {"message": "\\u00e9", "type": "a", "param": null, "code": null}}'
    )


def test_data_says_where_it_is_from() -> None:
    """Every shape and answer has a server that is known, a description and a source."""
    everything: list[Shape | Answer] = [*shapes().values(), *answers().values()]
    for one in everything:
        assert one.server in SERVERS
        assert one.about
        assert one.source


def test_names() -> None:
    """Shapes are named by their file, answers by their producer and their own name."""
    assert {"openai", "kserve", "kserve-openai", "envoy"} <= set(shapes())
    assert "envoy.no-healthy-upstream" in answers()
    assert not set(shapes()) & {"envoy.answers"}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("$message", "m"),
        ("$other", "$other"),
        ({"a": {"b": "$code"}, "c": [1, "$code"]}, {"a": {"b": 5}, "c": [1, 5]}),
        (None, None),
    ],
)
def test_fill(template: Any, filled: Any) -> None:
    """A field stands where its sign stands alone; everything else stays as it is."""
    assert fill(template, {"message": "m", "code": 5}, IDENTITY) == filled
