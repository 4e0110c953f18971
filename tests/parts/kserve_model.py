"""A real model server of KServe with one model, which says one text; run by the part's Python.

    python kserve_model.py HTTP-PORT GRPC-PORT TEXT

The model uses KServe's own helpers where they have an opinion, and does the least where they leave
the answer to the model: one text for each instance, or for each row of the first input.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid, get_predict_response


class Parrot(Model):  # type: ignore[misc]  # it has no types
    """A model that reads its inputs and says always the same."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(name)
        self.text = text
        self.load()

    def predict(
        self, payload: Any, headers: Any = None, response_headers: Any = None
    ) -> dict[str, Any] | InferResponse:
        """The text once for each instance or row."""
        if isinstance(payload, InferRequest):
            return self.infer(payload)
        rows: Any = None
        if isinstance(payload, dict):
            rows = payload["inputs"] if "inputs" in payload else payload["instances"]
        count = len(rows) if isinstance(rows, list) else 1
        return get_predict_response(payload, [self.text] * count, self.name)

    def infer(self, request: InferRequest) -> InferResponse:
        """The text under every name that is asked for."""
        arrays = [one.as_numpy() for one in request.inputs]
        count = arrays[0].shape[0] if arrays and arrays[0].shape else 1
        outputs = []
        for name in [one.name for one in request.request_outputs or ()] or ["output-0"]:
            output = InferOutput(name, [count], "BYTES")
            array = np.array([self.text] * count, dtype=np.object_)
            output.set_data_from_numpy(array, binary_data=request.use_binary_outputs)
            outputs.append(output)
        return InferResponse(
            request.id or generate_uuid(),
            self.name,
            outputs,
            use_binary_outputs=request.use_binary_outputs,
            requested_outputs=request.request_outputs,
        )


if __name__ == "__main__":
    server = ModelServer(
        http_port=int(sys.argv[1]), grpc_port=int(sys.argv[2]), enable_grpc=True, workers=1
    )
    server.start([Parrot("m", sys.argv[3])])
