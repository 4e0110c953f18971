"""Ask V2 over gRPC through KServe's own client, and say what each call gave.

    python kserve_grpc_drive.py TARGET > outcomes.json

It uses nothing of mockllm, so it runs where the client is installed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

PATIENCE = 20.0


async def outcome(call: Awaitable[Any]) -> Any:
    """What a call returns, or its exception."""
    try:
        return await call
    except Exception as error:
        code = getattr(error, "code", None)
        return {"error": type(error).__name__, "code": code().name if code else None}


async def infer(client: Any, model: str) -> Any:
    """The outputs of an inference."""
    one = InferInput("x", [2, 1], "FP32")
    one.set_data_from_numpy(np.ones((2, 1), np.float32), binary_data=True)
    answer = await client.infer(InferRequest(model, [one], request_id="7"), timeout=PATIENCE)
    texts = [value.decode() for value in answer.outputs[0].as_numpy().ravel()]
    return {"model": answer.model_name, "id": answer.id, "texts": texts}


async def main(target: str) -> dict[str, Any]:
    """Every call, one after the other."""
    async with InferenceGRPCClient(url=target, retries=0, timeout=PATIENCE) as client:
        return {
            "live": await outcome(client.is_server_live()),
            "ready": await outcome(client.is_server_ready()),
            "model": await outcome(client.is_model_ready("m")),
            "infer": await outcome(infer(client, "m")),
            "unknown": await outcome(infer(client, "unknown")),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1]))))
