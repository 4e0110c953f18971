"""Each status of each shape against captures, and what a server says inside a stream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mockllm.faults.fault import ErrorSpec
from mockllm.shapes.shape import render_error, render_stream_error, shapes
from mockllm.timeline.events import Close, Frame, Head, Wait, Write
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step
from tests.shapes.test_captures import CAPTURES, DATE, IDENTITY, made_up

TABLE: dict[str, dict[int, dict[str, str]]] = yaml.safe_load(
    Path(__file__).with_name("statuses.yaml").read_text("utf-8")
)
ROWS = [(shape, status) for shape, rows in TABLE.items() for status in rows]
MODEL = "nope"


def rendered(shape: str, model: str = MODEL, **fields: Any) -> tuple[Head, bytes]:
    """Head and body of an error."""
    spec = ErrorSpec.model_validate(fields)
    head, frame, *_ = render_error(shape, spec, model=model, has_body=False, identity=IDENTITY)
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    return head, frame.data


@pytest.mark.parametrize(("shape", "status"), ROWS)
def test_a_status_has_the_bytes_of_its_server(shape: str, status: int) -> None:
    """Body, reason and type of the content are those of the capture."""
    row = TABLE[shape][status]
    capture: dict[str, Any] = CAPTURES[row["capture"]] if "capture" in row else row
    head, body = rendered(shape, row.get("model", MODEL), status=status)
    assert body.decode() == made_up(capture["body"])
    assert capture.get("status", status) == status
    kind = capture.get("content_type")
    assert kind in (None, head.get("content-type"))
    line = f"HTTP/1.1 {status} {capture.get('reason', '')}"
    first = lower((Step(head),), date=DATE).events[0]
    assert isinstance(first, Write)
    assert first.data.decode().startswith(line)


def test_every_status_is_in_the_table() -> None:
    """No status stands in the data of a shape that this table does not name."""
    elsewhere = {"openai", "kserve", "kserve-openai", "envoy"}  # in test_shapes.py
    known = {
        (name, status)
        for name, shape in shapes().items()
        for status in shape.statuses
        if name not in elsewhere
    }
    assert known == set(ROWS)


@pytest.mark.parametrize(
    ("shapes_of_it", "form"),
    [
        # The fourteen forms of an error, and who has them.
        ("openai azure-model deepseek ollama-openai", '{"error":{"message":"m","type":"t","param":"p","code":"c"}}'),
        ("groq", '{"error":{"message":"m","type":"t","code":"c"}}\n'),
        ("kserve-openai", '{"error":{"code":"c","message":"m","param":"p","type":"t"}}'),
        ("azure", '{"error":{"code":"c","message":"m"}}'),
        ("vllm litellm", '{"error":{"message":"m","type":"t","param":"p","code":"c"}}'),
        ("vllm-flat", '{"object":"error","message":"m","type":"t","param":"p","code":"c"}'),
        ("mistral", '{"object":"error","message":"m","type":"t","param":"p","code":"c","raw_status_code":507}'),
        ("kserve triton ollama", '{"error":"m"}'),
        ("tyk", '{\n    "error": "m"\n}'),
        ("tgi", '{"error":"m","error_type":"t"}'),
        ("fastapi litserve", '{"detail":"m"}'),
        ("anthropic", '{"type":"error","error":{"type":"t","message":"m"},"request_id":"req_018EeWyXxfu5pfWkrYcMdjWG"}'),
        ("vllm-messages", '{"type":"error","error":{"type":"t","message":"m"}}'),
        ("gemini", '{"error":{"code":"c","message":"m","status":"t"}}'),
        ("openrouter", '{"error":{"code":"c","message":"m"}}'),
        ("bedrock", '{"message":"m"}'),
        ("kong", '{\n  "message":"m",\n  "request_id":"<hex>"\n}'),
        ("apisix", '{"error_msg":"m"}'),
        ("envoy knative", "m"),
        ("gie", "inference error: t - m"),
        ("cloudflare", "error code: 507"),
        ("nginx", "<html>\r\n<head><title>507 m</title></head>\r\n<body>\r\n<center><h1>507 m</h1></center>\r\n<hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n"),
        ("alb", "<html>\r\n<head><title>507 m</title></head>\r\n<body>\r\n<center><h1>507 m</h1></center>\r\n</body>\r\n</html>\r\n"),
        ("haproxy", "<html><body><h1>507 Insufficient Storage</h1>\nm\n</body></html>\n"),
        ("empty", ""),
    ],
)  # fmt: skip
def test_the_forms(shapes_of_it: str, form: str) -> None:
    """The fields of an error stand where the server has them; those of the profile win."""
    for shape in shapes_of_it.split():
        _, body = rendered(shape, status=507, message="m", error_type="t", param="p", code="c")
        assert body.decode() == made_up(form), shape


def test_every_shape_has_its_form_tested() -> None:
    """No shape is left out above."""
    mark = next(m for m in test_the_forms.pytestmark if m.name == "parametrize")  # type: ignore[attr-defined]
    assert {name for names, _ in mark.args[1] for name in names.split()} == set(shapes())


@pytest.mark.parametrize("code", [500, "500"])
@pytest.mark.parametrize(
    "shape", ["vllm", "litellm", "kserve-openai", "azure", "vllm-flat", "gemini"]
)
def test_the_type_of_the_code_is_independent_of_the_shape(shape: str, code: object) -> None:
    """A number stays a number and a text a text, whatever the shape would say itself."""
    _, body = rendered(shape, status=503, code=code)
    assert f'"code":{code!r}'.replace("'", '"') in body.decode()


def test_a_form_of_one_status_gives_way_to_what_it_has_no_place_for() -> None:
    """vLLM says some statuses without type and code; a profile that gives them gets them."""
    assert rendered("vllm", status=503, message="m")[1] == b'{"error":"m"}'
    assert rendered("vllm", status=503, message="m", error_type="t")[1] == (
        b'{"error":{"message":"m","type":"t","param":null,"code":503}}'
    )
    assert b'"innererror":' in rendered("azure", status=400, code="x")[1]


@pytest.mark.parametrize(
    ("shape", "code"),
    [("vllm", "507"), ("litellm", '"507"'), ("azure", '"Timeout"'), ("openai", "null")],
)
def test_the_code_where_none_is_given(shape: str, code: str) -> None:
    """vLLM writes the status as a number, LiteLLM as a text, Azure a word, OpenAI null."""
    _, body = rendered(shape, status=507)
    assert f'"code":{code}' in body.decode()


@pytest.mark.parametrize(
    ("shape", "fields", "document"),
    [
        ("vllm", {"status": 500}, '{"error": {"message": "EngineCore encountered an issue. See stack trace (above) for the root cause.", "type": "InternalServerError", "param": null, "code": 500}}'),
        ("vllm-flat", {"message": "boom", "error_type": "BadRequestError", "status": 400}, '{"error": {"object": "error", "message": "boom", "type": "BadRequestError", "param": null, "code": 400}}'),
        ("litellm", {}, '{"error": {"message": "litellm.APIConnectionError: APIConnectionError: OpenAIException - Response payload is not completed: <TransferEncodingError: 400, message=\'Not enough data to satisfy transfer length header.\'>", "type": null, "param": null, "code": "500"}}'),
        ("litserve", {}, '{"error": {"message": "Internal Server Error", "type": "internal", "param": null, "code": "internal_error"}}'),
        ("tgi", {}, '{"error":{"message":"Request failed during generation: ...","http_status_code":422}}'),
        ("triton", {"message": "..."}, '{"error":"..."}'),
        ("ollama", {}, '{"error":"an error was encountered while running the model: ..."}'),
        ("anthropic", {}, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_018EeWyXxfu5pfWkrYcMdjWG"}'),
        ("gemini", {}, '{"error":{"code":503,"message":"This model is currently experiencing high demand.","status":"UNAVAILABLE"}}'),
        ("openrouter", {}, '{"id":"gen-1","object":"chat.completion.chunk","created":1741570500,"model":"nope","provider":"Together","error":{"code":502,"message":"Provider returned error","metadata":{"raw":"upstream connect error","provider_name":"Together"}},"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"error","native_finish_reason":"error"}]}'),
        ("knative", {}, "activator request timeout"),
    ],
)  # fmt: skip
def test_the_words_inside_a_stream(shape: str, fields: dict[str, Any], document: str) -> None:
    """Each server has its own words and form there (their captures and sources)."""
    spec = ErrorSpec.model_validate(fields)
    made = render_stream_error(shape, spec, model=MODEL, identity=IDENTITY)
    assert made.decode() == made_up(document)


@pytest.mark.parametrize(
    ("shape", "status", "ends"),
    [
        ("nginx", 413, [Close("fin", complete=True)]),
        ("nginx", 502, []),
        ("haproxy", 408, [Close("fin", complete=True)]),
        ("envoy", 431, [Wait(1.0), Close("fin", complete=True)]),
        ("empty", 404, []),
    ],
)
def test_how_an_error_ends(shape: str, status: int, ends: list[object]) -> None:
    """Some errors end the connection, whatever the request."""
    spec = ErrorSpec(status=status)
    messages = render_error(shape, spec, model=MODEL, has_body=False, identity=IDENTITY)
    events = lower(tuple(Step(message) for message in messages), date=DATE).events
    assert [event for event in events if not isinstance(event, Write)] == ends
