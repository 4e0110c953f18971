"""Triton's and KServe's gRPC clients against a real KServe's gRPC port and mockllm's."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from mockllm import MockLLM
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from tests.parts.driving import driven
from tests.parts.kserve_server import kserve
from tests.wires.kserve_requests import PROFILE

pytestmark = pytest.mark.parts("kserve")

Outcomes = dict[str, dict[str, Any]]


class Both(NamedTuple):
    """The outcomes with the real server and with mockllm."""

    real: Outcomes
    mock: Outcomes


def drive(target: str, *groups: str) -> Outcomes:
    """The outcomes of groups of calls."""
    found: Outcomes = json.loads(driven("kserve", "triton_grpc_drive.py", target, *groups))
    return found


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """The client's calls to both servers."""
    profile = load(PROFILE, name="kserve")
    settings = Settings(grpc_port=0, conditions=Conditions(paced=False))
    running = Threaded(lambda: Service(Library(), profile, settings))
    try:
        with kserve(tmp_path_factory.mktemp("kserve") / "log") as real:
            return Both(
                drive(f"127.0.0.1:{real.grpc}", "common"),
                drive(running.service.grpc_target, "common", "own"),
            )
    finally:
        running.stop()


def test_a_client_finds_no_difference(both: Both) -> None:
    """Every call returns, or raises and says, the same."""
    assert both.mock["common"] == both.real["common"]
    calls = both.real["common"]
    failed = [name for name, found in calls.items() if isinstance(found, dict) and "error" in found]
    assert failed == [name for name in calls if "unknown" in name]


def test_what_only_triton_has(both: Both) -> None:
    """The index, load and unload by Triton's messages, and streams."""
    assert both.mock["own"] == {
        "index": {"models": [{"name": "m", "state": "Ready"}]},
        "unload": None,
        "model ready, unloaded": {
            "error": "InferenceServerException",
            "says": "[StatusCode.NOT_FOUND] Model with name m does not exist.",
        },
        "load": None,
        "model ready, loaded": True,
        "stream": ["w01", " w02", " ü", "error: Model with name no does not exist."],
    }


def test_kserves_own_client() -> None:
    """KServe's client is answered, and an unknown model is its NOT_FOUND."""
    with MockLLM("mockllm: 1\nmodels: [m]\nscript: {text: hello}\n", grpc=True) as server:
        said = driven("kserve", "kserve_grpc_drive.py", server.grpc_target)
    assert json.loads(said) == {
        "live": True,
        "ready": True,
        "model": True,
        "infer": {"model": "m", "id": "7", "texts": ["hello", "hello"]},
        "unknown": {"error": "AioRpcError", "code": "NOT_FOUND"},
    }
