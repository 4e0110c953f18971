"""Which wire serves a path, and what is said where none does."""

from __future__ import annotations

import pytest

from mockllm.engine.endpoints import find, literal, refuse, wires
from mockllm.matchers.call import Call
from mockllm.timeline.events import End, Frame, Head


@pytest.mark.parametrize(
    ("method", "path", "wire"),
    [
        ("POST", "/v1/chat/completions", "openai.chat"),
        ("GET", "/v1/models", "openai.models"),
        ("GET", "/v1/models/org/llama", "openai.models"),
        ("GET", "/v1/chat/completions", "openai.chat.stored"),
        ("DELETE", "/v1/chat/completions/chatcmpl-1", "openai.chat.stored"),
        ("PUT", "/v1/chat/completions", None),
        ("POST", "/openai/deployments/gpt/chat/completions", "openai.chat"),
        ("POST", "/v1/chat/completions/", None),
        ("POST", "/", None),
    ],
)
def test_find(method: str, path: str, wire: str | None) -> None:
    """A wire is found by method and path together."""
    found, _ = find(Call(method, path), None)
    assert (found.name if found else None) == wire


def test_params() -> None:
    """What the path names comes with the wire."""
    _, params = find(Call("GET", "/v1/models/org/llama"), None)
    assert params == {"model": "org/llama"}


def test_the_most_literal_path_is_taken() -> None:
    """Of two templates that fit, the one with more text of its own."""
    assert literal("/v1/chat/completions/{id}/messages") > literal("/v1/chat/completions/{id}")


def test_wires_have_names_of_their_own() -> None:
    """Each wire is there once."""
    names = [wire.name for wire in wires()]
    assert {"openai.chat", "openai.models"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "message"),
    [
        ("PUT", "/v1/chat/completions", 405, "method_not_supported", "Not allowed to PUT on /v1/chat/completions; use GET or POST."),
        ("POST", "/v1/chat/completion", 404, None, "Invalid URL (POST /v1/chat/completion); did you mean /v1/chat/completions?"),
        ("POST", "/chat/completions", 404, None, "Invalid URL (POST /chat/completions); did you mean /v1/chat/completions?"),
    ],
)  # fmt: skip
def test_refuse(method: str, path: str, status: int, code: str | None, message: str) -> None:
    """A wrong method is told the right one, a wrong path the nearest one."""
    spec = refuse(Call(method, path)).spec
    assert (spec.status, spec.code, spec.message) == (status, code, message)
    assert spec.error_type == "invalid_request_error"


def test_a_path_like_no_other_gets_them_all() -> None:
    """Where nothing is near, all paths are told."""
    message = refuse(Call("GET", "/zzzzzz")).spec.message or ""
    assert message.startswith("Invalid URL (GET /zzzzzz); known paths: ")
    assert "/v1/chat/completions" in message
    assert "/v1/models" in message


@pytest.mark.parametrize(
    "path",
    ["/v1/audio/speech", "/v1/images/generations", "/v1/files", "/v1/batches", "/v1/threads/t_1/runs",
     "/v1/fine_tuning/jobs", "/v1/assistants", "/openai/v1/files"],
)  # fmt: skip
def test_apis_that_are_not_served(path: str) -> None:
    """A path of OpenAI's API that is not here is told so, and not the nearest path."""
    message = refuse(Call("POST", path)).spec.message or ""
    name = path.split("/v1/")[1].split("/")[0]
    assert message == f"Invalid URL (POST {path}): mockllm does not serve the API /v1/{name}"


@pytest.mark.parametrize(
    ("path", "headers", "dialect", "shape"),
    [
        ("/v1/nothing", (), None, None),
        ("/v1/nothing", (), "openai", None),
        ("/v1/nothing", (("Anthropic-Version", "2023-06-01"),), None, "anthropic"),
        ("/v1/messages/nothing", (), None, "anthropic"),
        ("/v1/messages/nothing", (), "vllm", "fastapi"),
        ("/v2/nothing", (), None, "fastapi"),
        ("/openai/v1/nothing", (), None, "fastapi"),
        ("/openai/deployments/gpt/nothing", (), None, "azure"),
        ("/openai/v1/nothing", (("api-key", "k"),), None, "azure"),
        ("/v1/nothing", (), "tgi", None),
        ("/nothing", (), "litserve", "fastapi"),
    ],
)
def test_the_shape_of_a_refusal(
    path: str, headers: tuple[tuple[str, str], ...], dialect: str | None, shape: str | None
) -> None:
    """An unknown path is refused in the form of the server whose path it is."""
    spec = refuse(Call("GET", path, headers=headers), dialect).spec
    assert (spec.status, spec.shape) == (404, shape)
    assert ("error_type" in spec.model_fields_set) == (shape is None)


@pytest.mark.parametrize(
    ("method", "path", "dialect", "status", "headers", "body"),
    [
        ("GET", "/nope", "vllm", 404, "date server content-length content-type vary", "Not Found"),
        ("GET", "/v1/models/tiny", "vllm", 404, "date server content-length content-type vary", "Not Found"),
        ("GET", "/v1/chat/completions", "vllm", 405, "date server allow=POST content-length content-type vary", "Method Not Allowed"),
        ("POST", "/ping/", "vllm", 404, "date server content-length content-type vary", "Not Found"),
        ("GET", "/nope", "kserve", 404, "date server content-length content-type", "Not Found"),
        ("POST", "/v1/models/m:nope", "kserve", 405, "date server allow=GET content-length content-type", "Method Not Allowed"),
        ("GET", "/openai/v1/chat/completions", None, 405, "date server allow=POST content-length content-type", "Method Not Allowed"),
        ("GET", "/v2/models/m/infer", None, 405, "date server allow=POST content-length content-type", "Method Not Allowed"),
        ("POST", "/v1/models/a/b:predict", "kserve", 404, "date server content-length content-type", "Not Found"),
        ("GET", "/v2/nothing", None, 404, "date server content-length content-type", "Not Found"),
        ("GET", "/v1/chat/completions", "litserve", 405, "date server allow=POST content-length content-type", "Method Not Allowed"),
    ],
)  # fmt: skip
def test_fastapi_says_no_more_than_its_own_words(
    method: str, path: str, dialect: str | None, status: int, headers: str, body: str
) -> None:
    """As captures of KServe 0.21.0, LitServe 0.2.19 and vLLM 0.24.0 have it; the journal knows more."""
    refused = refuse(Call(method, path), dialect)
    assert refused.answer is not None
    head, frame, end = refused.answer
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    assert head.status == status
    said = [f"{name}={value}" if name == "allow" else name for name, value in head.headers]
    assert said == headers.split()
    assert (frame.data.decode(), end) == (f'{{"detail":"{body}"}}', End())
    assert refused.why != body
    assert path in refused.why
