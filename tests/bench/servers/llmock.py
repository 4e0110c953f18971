"""LLMock, from PyPI: FastAPI on uvicorn."""

from __future__ import annotations

from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start
from tests.parts.installed import PARTS


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server; its answers are its own, so it has as many frames as it likes."""
    words = [str(PARTS / "llmock/bin/llmock"), "serve", "--log-level", "error"]
    paced = [f"--latency-ms={pace:.0f}", f"--stream-chunk-delay-ms={pace:.0f}"] if pace else []
    return lambda port: [*words, *paced, "--port", str(port)]


PEER = Peer(
    "llmock", "LLMock from PyPI", frozenset({"whole", "stream", "paced"}), start, part="llmock"
)
