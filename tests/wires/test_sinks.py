"""Sinks: they take what is reported, answer as the service does, and can fail as any route."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockllm import MockLLM
from mockllm.engine.endpoints import find
from mockllm.matchers.call import Call
from mockllm.profile.problems import ProfileError
from mockllm.wires.sinks import REPLIES
from tests.server.raw import GUARD

INGESTION = "/api/public/ingestion"
BATCH = {"batch": [{"id": "a", "type": "trace-create"}, {"id": "b", "type": "generation-create"}]}


def ask(
    server: MockLLM, method: str, path: str, body: bytes = b"", content_type: str = "text/plain"
) -> tuple[int, str | None, bytes]:
    """Status, type and body of one answer."""
    address = urlsplit(server.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=GUARD)
    try:
        connection.request(method, path, body, {"content-type": content_type})
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type"), answer.read()
    finally:
        connection.close()


def report(server: MockLLM, document: Any = BATCH) -> tuple[int, Any]:
    """Status and document for a batch of Langfuse's."""
    status, _, body = ask(server, "POST", INGESTION, json.dumps(document).encode())
    return status, json.loads(body)


def test_every_event_of_a_batch_is_taken(mockllm: MockLLM) -> None:
    """207, with the id of each event; the journal has what was said."""
    successes = [{"id": "a", "status": 201}, {"id": "b", "status": 201}]
    assert report(mockllm) == (207, {"successes": successes, "errors": []})
    mockllm.settle()
    (call,) = mockllm.calls.where(wire="sink")
    assert call.json == BATCH


@pytest.mark.parametrize("document", [{}, {"batch": None}, {"batch": ["x"]}, [1]])
def test_a_strange_batch_has_no_events(mockllm: MockLLM, document: Any) -> None:
    """Whatever comes is answered."""
    assert report(mockllm, document) == (207, {"successes": [], "errors": []})


@pytest.mark.parametrize(
    ("path", "content_type", "expected"),
    [
        (
            "/api/public/otel/v1/traces",
            "application/x-protobuf",
            (200, "application/json; charset=utf-8", b"{}"),
        ),
        ("/v1/traces", "application/x-protobuf", (200, "application/x-protobuf", b"")),
        ("/v1/traces", "application/json", (200, "application/json", b"{}")),
        ("/v1/metrics", "application/json", (200, "application/json", b"{}")),
        ("/v1/logs", "application/x-protobuf", (200, "application/x-protobuf", b"")),
    ],
)
def test_spans_are_taken_in_either_encoding(
    mockllm: MockLLM, path: str, content_type: str, expected: tuple[int, str, bytes]
) -> None:
    """Langfuse answers in JSON, other receivers in the encoding of the request."""
    assert ask(mockllm, "POST", path, b"\x0a\x00", content_type) == expected


def test_the_key_belongs_to_a_project(mockllm: MockLLM) -> None:
    """What clients of Langfuse ask before they send."""
    status, _, body = ask(mockllm, "GET", "/api/public/projects")
    assert (status, json.loads(body)["data"][0]["id"]) == (200, "mockllm")


def test_a_sink_fails_as_any_route(mockllm: MockLLM) -> None:
    """Faults match the wire, and leave the answers of the model alone."""
    mockllm.on(wire="sink").fail(503, first=1)
    assert [report(mockllm)[0], report(mockllm)[0]] == [503, 207]


def test_a_sink_waits_for_no_model(mockllm: MockLLM) -> None:
    """Models that are still loading do not keep it from answering."""
    mockllm.profile("mockllm: 1\nabout: It loads.\nloading: 60m")
    assert report(mockllm)[0] == 207


@pytest.mark.parametrize(("method", "path"), REPLIES)
def test_no_other_api_has_its_paths(method: str, path: str) -> None:
    """Each is served by the sink."""
    wire, _ = find(Call(method, path), None)
    assert wire is not None
    assert wire.name == "sink"


SINKS = "{mockllm: 1, sinks: [/my/log, /v1/chat/completions]}"


def test_further_paths() -> None:
    """A profile names them; they answer as OTLP's receivers do, also where an API was."""
    with MockLLM(SINKS) as server:
        assert ask(server, "POST", "/my/log", b"a line") == (200, "application/json", b"{}")
        assert ask(server, "POST", "/v1/chat/completions", b"{}")[2] == b"{}"
        assert ask(server, "POST", "/my/log", b"", "application/x-protobuf")[1:] == ("application/x-protobuf", b"")  # fmt: skip
        assert ask(server, "GET", "/my/log")[0] == 404
        assert ask(server, "POST", "/my/logs")[0] == 404
        server.settle()
        assert [call.path for call in server.calls.where(wire="sink")] == [
            "/my/log",
            "/v1/chat/completions",
            "/my/log",
        ]


def test_further_paths_fail_as_others_do() -> None:
    """A route for sinks means them too."""
    faults = "{mockllm: 1, sinks: [/my/log], match: {wire: sink}, faults: [{fail: 503, first: 1}]}"
    with MockLLM(faults) as server:
        assert [ask(server, "POST", "/my/log")[0] for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("path", ["my/log", "/my/log?a=b", ""])
def test_paths_that_no_request_has(path: str) -> None:
    """They are refused where they stand."""
    with pytest.raises(ProfileError, match="begins with / and has no query"):
        MockLLM(f"{{mockllm: 1, sinks: ['{path}']}}")
