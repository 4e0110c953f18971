"""What a capture cannot show of KServe's wires: state over calls, readiness, choice, scripts."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest

from mockllm.engine.engine import Engine
from mockllm.timeline.events import Frame
from mockllm.wires.kserve_v2_binary import pack_texts, unpack_texts
from mockllm.wires.kserve_v2_tensor import reshaped
from tests.engine.build import Clock, ask, engine, profile, status
from tests.wires.kserve_requests import binary, sized, tensor

JSON = (("content-type", "application/json"),)


def told(
    server: Engine, path: str, body: Any = None, *, method: str = "POST"
) -> tuple[int | None, Any]:
    """Status and document of an answer."""
    data = b"" if body is None else json.dumps(body).encode()
    plan = ask(server, path, method=method, headers=JSON, body=data)
    frame = next(step.event for step in plan.steps if isinstance(step.event, Frame))
    return status(plan), json.loads(frame.data)


def get(server: Engine, path: str) -> tuple[int | None, Any]:
    """Status and document of an answer to GET."""
    return told(server, path, method="GET")


def missing(model: str) -> tuple[int, Any]:
    """The answer about a model that is not there."""
    return 404, {"error": f"Model with name {model} does not exist."}


def unready(model: str) -> tuple[int, Any]:
    """The answer of a model that is not loaded."""
    return 503, {"error": f"Model with name {model} is not ready."}


def test_the_profile_says_whose_models_they_are() -> None:
    """OpenAI and KServe have /v1/models in common; without a word it is OpenAI's."""
    assert get(engine("dialect: kserve\nmodels: [m]"), "/v1/models") == (200, {"models": ["m"]})
    assert get(engine("models: [m]"), "/v1/models")[1]["object"] == "list"
    assert get(engine("models: [m]"), "/v1/models/m")[1]["id"] == "m"
    assert get(engine("models: [m]"), "/v2/models") == (200, {"models": ["m"]})
    assert get(engine(), "/")[0] == 404
    assert get(engine("dialect: openai\nmodels: [m]"), "/v2/models/x") == missing("x")


def test_explain() -> None:
    """Predictions and explanations, one for each instance."""
    server = engine("models: [m]\nscript: {text: Hi}")
    assert told(server, "/v1/models/m:explain", {"instances": [1, 2]}) == (
        200,
        {"predictions": ["Hi", "Hi"], "explanations": ["Hi", "Hi"]},
    )


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/m:predict", {"instances": [1]}),
        ("/v1/models/m:explain", {"instances": [1]}),
        ("/v2/models/m/infer", tensor()),
    ],
)
def test_unload_and_load(path: str, body: Any) -> None:
    """An unloaded model is unknown until it is loaded again; other models are not concerned."""
    server = engine("dialect: kserve\nmodels: [m, n]")
    assert told(server, "/v2/repository/models/m/unload") == (200, {"name": "m", "unload": True})
    assert told(server, path, body) == missing("m")
    assert get(server, "/v2/models/m/ready") == missing("m")
    assert get(server, "/v1/models") == (200, {"models": ["n"]})
    assert get(server, "/v2/models/n/ready") == (200, {"name": "n", "ready": True})
    assert told(server, "/v2/repository/models/m/load") == (200, {"name": "m", "load": True})
    assert told(server, path, body)[0] == 200
    assert get(server, "/v1/models")[1] == {"models": ["m", "n"]}


def test_index() -> None:
    """Every model of the profile with its state, or those that are ready."""
    server = engine("models: [m, n]")
    told(server, "/v2/repository/models/n/unload")
    ready = {"name": "m", "state": "Ready", "reason": ""}
    gone = {"name": "n", "state": "NotReady", "reason": ""}
    assert told(server, "/v2/repository/index") == (200, [ready, gone])
    assert told(server, "/v2/repository/index", {"ready": True}) == (200, [ready])


def test_a_fault_keeps_the_model_loaded() -> None:
    """An unload that failed has changed nothing."""
    server = engine("models: [m]\nfaults: [{fail: 500, first: 1}]")
    assert told(server, "/v2/repository/models/m/unload")[0] == 500
    assert get(server, "/v2/models/m/ready")[0] == 200


def test_loading() -> None:
    """While models load the server lives, knows them, and is not ready; then everything is."""
    clock = Clock()
    server = engine("dialect: kserve\nmodels: [m]\nloading: 20s", clock=clock)
    asked: list[tuple[str, Any]] = [
        ("/v1/models/m:predict", {"instances": [1]}),
        ("/v2/models/m/infer", tensor()),
        ("/v2/repository/models/m/load", None),
    ]
    clock.now += 19
    assert get(server, "/v2/health/live") == (200, {"live": True})
    assert get(server, "/v2/health/ready") == (503, {"error": "Server is not ready."})
    assert get(server, "/v2/models/m/ready") == unready("m")
    assert get(server, "/v1/models/m") == unready("m")
    assert get(server, "/v1/models") == (200, {"models": ["m"]})
    assert get(server, "/v2/models/m")[0] == 200
    for path, body in asked:
        assert told(server, path, body) == unready("m")
    assert told(server, "/v1/models/x:predict", {}) == missing("x")
    assert told(server, "/v2/models/m/infer", {})[0] == 422
    assert told(server, "/v2/repository/index") == (
        200,
        [{"name": "m", "state": "NotReady", "reason": ""}],
    )
    clock.now += 1
    assert get(server, "/v2/health/ready") == (200, {"ready": True})
    assert get(server, "/v1/models/m") == (200, {"name": "m", "ready": True})
    assert [told(server, path, body)[0] for path, body in asked] == [200, 200, 200]


def test_a_model_may_choose_the_profile() -> None:
    """`mock-NAME` in the path selects a profile and needs no model; `mock-NAME.m` needs `m`."""
    other = profile("script: {text: Other}\nmodels: [m]", name="other")
    server = engine("models: [a]", other)
    body = {"instances": [1]}
    assert told(server, "/v1/models/mock-other:predict", body) == (200, {"predictions": ["Other"]})
    assert told(server, "/v1/models/mock-other.m:predict", body)[1] == {"predictions": ["Other"]}
    assert told(server, "/v1/models/mock-other.x:predict", body) == missing("x")
    infer = told(server, "/v2/models/mock-other.m/infer", tensor())
    assert (infer[1]["model_name"], infer[1]["outputs"][0]["data"]) == ("m", ["Other", "Other"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/models/m:predict", {"instances": ["no", {"prompt": "why so"}]}),
        ("/v1/models/m:predict", {"inputs": ["no", "why so"]}),
        ("/v2/models/m/infer", tensor(datatype="BYTES", data=["no", "why so"])),
    ],
)
def test_the_last_text_is_the_message(path: str, body: Any) -> None:
    """Routes match on the last text of instances or inputs, and an echo says it."""
    server = engine(
        "models: [m]\nroutes: [{match: {message: why, model: m}, script: {text: Because}}]"
    )
    said = told(server, path, body)[1]
    data = said["predictions"] if "predictions" in said else said["outputs"][0]["data"]
    assert data == ["Because", "Because"]


def test_the_last_text_of_bytes_is_the_message() -> None:
    """Binary tensors are read as well."""
    server = engine("models: [m]\nroutes: [{match: {message: why}, script: {text: Because}}]")
    raw = pack_texts([b"no", b"why so"])
    request = binary([sized(len(raw), datatype="BYTES")], raw)
    plan = ask(server, request.path, headers=tuple(request.headers.items()), body=request.body)
    frame = next(step.event for step in plan.steps if isinstance(step.event, Frame))
    assert json.loads(frame.data)["outputs"][0]["data"] == ["Because", "Because"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"instances": 5}', b"\xff"])
def test_a_body_that_cannot_be_read_reaches_its_route(body: bytes) -> None:
    """What a wire cannot understand is refused behind the matchers, by which it has no message."""
    server = engine("models: [m]\nroutes: [{match: {message: {absent: true}}, name: mute}]")
    for path in ("/v1/models/m:predict", "/v2/models/m/infer"):
        plan = ask(server, path, headers=JSON, body=body)
        assert plan.found.name == "mute"
        assert status(plan) in (400, 422, 500)


def test_tokens() -> None:
    """An answer counts its pieces once for each text, a prompt the words in it."""
    server = engine("models: [m]\nscript: text60")
    body = {"instances": ["one two", "three"]}
    plan = ask(server, "/v1/models/m:predict", headers=JSON, body=json.dumps(body).encode())
    assert sum(step.event.tokens for step in plan.steps if isinstance(step.event, Frame)) == 120
    assert plan.wire is not None
    assert plan.wire.prompt_tokens(plan.call) >= 3
    infer = json.dumps(tensor(datatype="BYTES", data=["one two", "three"])).encode()
    plan = ask(server, "/v2/models/m/infer", headers=JSON, body=infer)
    assert sum(step.event.tokens for step in plan.steps if isinstance(step.event, Frame)) == 120
    assert plan.wire is not None
    assert plan.wire.prompt_tokens(plan.call) >= 3


def test_faults_speak_kserve() -> None:
    """A fault without a message has KServe's words, in its shape."""
    server = engine("models: [m]\nfaults: [{fail: 503}]")
    assert told(server, "/v2/models/m/infer", tensor()) == unready("m")


@pytest.mark.parametrize(
    ("count", "shape", "wanted"),
    [(6, (2, 3), (2, 3)), (6, (-1, 3), (2, 3)), (6, (2, -1), (2, 3)), (1, (), (1,)[:0])],
)
def test_reshaped(count: int, shape: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """One length may be left open."""
    assert reshaped(count, shape) == wanted


def test_texts_as_a_tensor() -> None:
    """Each element is preceded by its length, and may hold any byte."""
    elements = [b"", b"ab", bytes(range(256))]
    assert pack_texts(elements[:2]) == b"\0\0\0\0\x02\0\0\0ab"
    assert unpack_texts(pack_texts(elements)) == elements
    with pytest.raises(struct.error):
        unpack_texts(pack_texts(elements)[:-1])
