"""Ask a server of KServe's V1 and V2 through the official clients, and say what each call gave.

    python kserve_drive.py URL GROUP... > outcomes.json

The groups are lists of calls. It uses nothing of mockllm, so it runs where the clients are
installed: `kserve` (REST) and `tritonclient` (HTTP).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.constants.constants import PredictorProtocol

PATIENCE = 20.0
Calls = dict[str, Callable[[], Any]]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or its exception."""
    try:
        found = call()
        return asyncio.run(waited(found)) if isinstance(found, Awaitable) else found
    except Exception as error:
        return {"error": type(error).__name__, "says": str(error)}


async def waited(found: Awaitable[Any]) -> Any:
    """The result of a coroutine."""
    return await found


def tensors(answer: Any) -> Any:
    """An answer of V2 in JSON."""
    outputs = [
        [one.name, list(one.shape), one.datatype, np.vectorize(text)(one.as_numpy()).tolist()]
        for one in answer.outputs
    ]
    return {"model": answer.model_name, "outputs": outputs}


def text(value: Any) -> Any:
    """An element of a tensor: bytes are texts in JSON."""
    return value.decode() if isinstance(value, bytes) else value


def request(*, binary: bool, asked: bool | None = None, shape: tuple[int, ...] = (2,)) -> Any:
    """A request of the kserve client."""
    one = InferInput("x", list(shape), "FP32")
    one.set_data_from_numpy(np.ones(shape, np.float32), binary_data=binary)
    parameters = None if asked is None else {"binary_data_output": asked}
    return InferRequest("m", [one], request_id="7", parameters=parameters)


def kserve_calls(url: str, timeout: float = PATIENCE) -> Calls:
    """Calls of the kserve client, in V1 and V2."""

    def client(protocol: str) -> InferenceRESTClient:
        return InferenceRESTClient(RESTConfig(protocol=protocol, timeout=timeout, retries=0))

    async def infer(asked: Any, model: str = "m") -> Any:
        answer = await client(v2).infer(url, asked, model_name=model)
        return tensors(answer)

    v1, v2 = PredictorProtocol.REST_V1.value, PredictorProtocol.REST_V2.value
    rows = {"instances": ["a", "b"]}
    return {
        "v1 live": lambda: client(v1).is_server_live(url),
        "v1 ready": lambda: client(v1).is_model_ready(url, "m"),
        "v1 ready, unknown": lambda: client(v1).is_model_ready(url, "no"),
        "v1 predict": lambda: client(v1).infer(url, rows, model_name="m"),
        "v1 predict, unknown": lambda: client(v1).infer(url, rows, model_name="no"),
        "v1 predict, wrong": lambda: client(v1).infer(url, {"instances": 5}, model_name="m"),
        "v2 live": lambda: client(v2).is_server_live(url),
        "v2 server ready": lambda: client(v2).is_server_ready(url),
        "v2 ready": lambda: client(v2).is_model_ready(url, "m"),
        "v2 ready, unknown": lambda: client(v2).is_model_ready(url, "no"),
        "v2 infer": lambda: infer(request(binary=False)),
        "v2 infer, bytes sent": lambda: infer(request(binary=True)),
        "v2 infer, bytes asked": lambda: infer(request(binary=False, asked=True)),
        "v2 infer, bytes both": lambda: infer(request(binary=True, asked=True, shape=(3, 2))),
        "v2 infer, unknown": lambda: infer(request(binary=True), model="no"),
    }


def triton_calls(url: str, timeout: float = PATIENCE) -> Calls:
    """Calls of Triton's HTTP client."""
    client = triton.InferenceServerClient(
        urlsplit(url).netloc, connection_timeout=timeout, network_timeout=timeout
    )

    def infer(
        *, binary: bool, outputs: Any = None, model: str = "m", datatype: str = "FP32"
    ) -> Any:
        one = triton.InferInput("x", [2], datatype)
        array = (
            np.array([b"a", b"b"], np.object_) if datatype == "BYTES" else np.ones(2, np.float32)
        )
        one.set_data_from_numpy(array, binary_data=binary)
        named = [triton.InferRequestedOutput(name, binary_data=raw) for name, raw in outputs or ()]
        answer = client.infer(model, [one], request_id="7", outputs=named or None)
        names = [name for name, _ in outputs or [("output-0", True)]]
        arrays = [np.vectorize(text)(answer.as_numpy(name)).tolist() for name in names]
        return {"response": answer.get_response(), "arrays": arrays}

    return {
        "live": client.is_server_live,
        "ready": client.is_server_ready,
        "model ready": lambda: client.is_model_ready("m"),
        "model ready, unknown": lambda: client.is_model_ready("no"),
        "metadata": client.get_server_metadata,
        "model metadata": lambda: client.get_model_metadata("m"),
        "model metadata, unknown": lambda: client.get_model_metadata("no"),
        "model metadata, version": lambda: client.get_model_metadata("m", "1"),
        "infer": lambda: infer(binary=True),
        "infer texts": lambda: infer(binary=True, datatype="BYTES"),
        "infer for bytes": lambda: infer(binary=True, outputs=[("a", True)]),
        "infer for both": lambda: infer(binary=True, outputs=[("a", True), ("b", False)]),
        "infer for JSON": lambda: infer(binary=True, outputs=[("a", False)]),
        "infer of JSON": lambda: infer(binary=False),
        "infer, unknown": lambda: infer(binary=True, model="no"),
        "load": lambda: client.load_model("m"),
        "load, unknown": lambda: client.load_model("no"),
        "unload": lambda: client.unload_model("m"),
        "model ready, unloaded": lambda: client.is_model_ready("m"),
        "infer, unloaded": lambda: infer(binary=True),
    }


def index_calls(url: str) -> Calls:
    """What only Triton's client asks, which KServe has on no path."""
    client = triton.InferenceServerClient(urlsplit(url).netloc)
    return {
        "index": client.get_model_repository_index,
        "unload": lambda: client.unload_model("m"),
        "index, unloaded": client.get_model_repository_index,
        "load": lambda: client.load_model("m"),
        "index, loaded": client.get_model_repository_index,
    }


def fault_calls(url: str) -> Calls:
    """One call of each client to a server that fails in a way that its path chooses."""
    kinds = ("unavailable", "reset", "hang", "cut", "broken")
    calls: Calls = {}
    for kind in kinds:
        timeout = 1.0 if kind == "hang" else PATIENCE
        base = f"{url}/p/{kind}"
        for protocol in ("v1 predict", "v2 infer"):
            calls[f"kserve {protocol}, {kind}"] = kserve_calls(base, timeout)[protocol]
    return calls


GROUPS = {
    "kserve": kserve_calls,
    "triton": triton_calls,
    "index": index_calls,
    "faults": fault_calls,
}

if __name__ == "__main__":
    _, url, *groups = sys.argv
    found = {
        group: {name: outcome(call) for name, call in GROUPS[group](url).items()}
        for group in groups
    }
    json.dump(found, sys.stdout, indent=1)
