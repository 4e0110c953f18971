"""Ask a server of the inference service through Triton's gRPC client, and say what each call gave.

    python triton_grpc_drive.py TARGET GROUP... > outcomes.json

A program of its own: this client and KServe's bring the same messages under different descriptors,
so one process cannot have both. It uses nothing of mockllm.
"""

from __future__ import annotations

import json
import queue
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.grpc as triton

PATIENCE = 20.0
Calls = dict[str, Callable[[], Any]]


def outcome(call: Callable[[], Any]) -> Any:
    """What a call returns, or its exception."""
    try:
        return call()
    except Exception as error:
        return {"error": type(error).__name__, "says": str(error)}


def tensor(datatype: str = "FP32", shape: tuple[int, ...] = (2,)) -> Any:
    """An input."""
    one = triton.InferInput("x", list(shape), datatype)
    texts = np.array([b"a", b"\xff"], np.object_)
    one.set_data_from_numpy(texts if datatype == "BYTES" else np.ones(shape, np.float32))
    return one


def common(client: Any) -> Calls:
    """Calls that KServe answers as well."""

    def infer(model: str = "m", names: tuple[str, ...] = (), **changes: Any) -> Any:
        outputs = [triton.InferRequestedOutput(name) for name in names] or None
        answer = client.infer(model, [tensor(**changes)], request_id="7", outputs=outputs)
        arrays = [answer.as_numpy(name) for name in names or ("output-0",)]
        return {
            "response": answer.get_response(as_json=True),
            "arrays": [[one.decode() for one in array] for array in arrays],
        }

    return {
        "live": client.is_server_live,
        "ready": client.is_server_ready,
        "model ready": lambda: client.is_model_ready("m"),
        "model ready, unknown": lambda: client.is_model_ready("no"),
        "metadata": lambda: client.get_server_metadata(as_json=True),
        "model metadata": lambda: client.get_model_metadata("m", as_json=True),
        "model metadata, unknown": lambda: client.get_model_metadata("no"),
        "infer": infer,
        "infer texts that are none": lambda: infer(datatype="BYTES"),
        "infer rows": lambda: infer(shape=(3, 2)),
        "infer for names": lambda: infer(names=("a", "b")),
        "infer, unknown": lambda: infer("no"),
        "config, unknown": lambda: client.get_model_config("m"),
    }


def own(client: Any) -> Calls:
    """Calls that only Triton answers: index, load by its message, streams."""

    def stream() -> list[Any]:
        found: queue.Queue[Any] = queue.Queue()
        client.start_stream(lambda result, error: found.put((result, error)))
        for model in ("m", "no"):
            client.async_stream_infer(model, [tensor()])
        said: list[str] = []
        while not (said and said[-1].startswith("error")):
            result, error = found.get(timeout=PATIENCE)
            said.append(f"error: {error}" if error else result.as_numpy("output-0")[0].decode())
        client.stop_stream()
        return said

    return {
        "index": lambda: client.get_model_repository_index(as_json=True),
        "unload": lambda: client.unload_model("m"),
        "model ready, unloaded": lambda: client.is_model_ready("m"),
        "load": lambda: client.load_model("m"),
        "model ready, loaded": lambda: client.is_model_ready("m"),
        "stream": stream,
    }


GROUPS = {"common": common, "own": own}

if __name__ == "__main__":
    _, target, *groups = sys.argv
    server = triton.InferenceServerClient(target)
    found = {
        group: {name: outcome(call) for name, call in GROUPS[group](server).items()}
        for group in groups
    }
    json.dump(found, sys.stdout, indent=1)
