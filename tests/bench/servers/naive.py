"""The baseline: a plain aiohttp handler on uvloop."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.bench.asking import FRAMES
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start

HANDLER = Path(__file__).parents[1] / "naive.py"


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The handler as a program."""
    words = [str(FRAMES), str(pace), str(pace)]
    return lambda port: [sys.executable, str(HANDLER), str(port), *words]


PEER = Peer(
    "naive",
    "a plain aiohttp handler on uvloop: `json.dumps`, `asyncio.sleep` and a write a frame",
    frozenset({"whole", "stream", "paced", "prompt"}),
    start,
)
