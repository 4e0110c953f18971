"""guidellm's mock server, from PyPI: Sanic."""

from __future__ import annotations

from tests.bench.asking import FRAMES, MODEL
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start
from tests.parts.installed import PARTS


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server with one worker."""
    words = [str(PARTS / "guidellm/bin/guidellm"), "mock-server", "--model", MODEL, "--workers=1"]
    paced = [f"--ttft-ms={pace:g}", f"--itl-ms={pace:g}", f"--output-tokens={FRAMES}"]
    return lambda port: [*words, *paced, "--request-latency=0", f"--port={port}"]


PEER = Peer(
    "guidellm",
    "guidellm's mock server from PyPI",
    frozenset({"whole", "stream", "paced"}),
    start,
    part="guidellm",
)
