"""llmsim, from crates.io: Rust, axum."""

from __future__ import annotations

from tests.bench.asking import FRAMES
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start
from tests.parts.installed import program

TEXT = " ".join(["hello"] * FRAMES)
"""Words that are one token each: each is a frame."""
CONFIG = """[server]
host = "127.0.0.1"
[latency]
ttft_mean_ms = {pace}
ttft_stddev_ms = 0
tbt_mean_ms = {pace}
tbt_stddev_ms = 0
[response]
generator = "fixed:{text}"
"""


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server; a token is a frame."""
    config = bench.file(f"llmsim{pace:g}.toml", CONFIG.format(pace=round(pace), text=TEXT))
    words = [str(program("llmsim")), "serve", "--config", str(config)]
    return lambda port: [*words, "--port", str(port)]


PEER = Peer(
    "llmsim",
    "llmsim from crates.io",
    frozenset({"whole", "stream", "paced"}),
    start,
    part="llmsim",
    prefix="/openai",
)
