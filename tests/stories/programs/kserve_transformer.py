"""A real transformer of KServe, which passes requests to a predictor; run by the part's Python.

python kserve_transformer.py HTTP-PORT GRPC-PORT PREDICTOR-HOST-AND-PORT
"""

from __future__ import annotations

import sys

from kserve import Model, ModelServer
from kserve.predictor_config import PredictorConfig


class Transformer(Model):  # type: ignore[misc]  # it has no types
    """Changes nothing: what it says is KServe's own doing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.ready = True


if __name__ == "__main__":
    server = ModelServer(
        http_port=int(sys.argv[1]),
        grpc_port=int(sys.argv[2]),
        enable_grpc=True,
        workers=1,
        predictor_config=PredictorConfig(sys.argv[3]),
    )
    server.start([Transformer("m")])
