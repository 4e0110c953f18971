"""Streams of 50 frames without a pace, as many as go over 32 connections."""

from __future__ import annotations

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams
from tests.bench.peer import Peer
from tests.bench.process import running
from tests.bench.workload import both


def measure(bench: Bench, peer: Peer, prompt: str) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "stream", 0.0)) as server:
        found = Streams(peer.ask(chat(prompt, stream=True)), CONNECTIONS).run(bench, server)
        return {**found, "streams_per_second": found["streams"] / bench.seconds}


ABOUT = f"streams of 50 frames without a pace over {CONNECTIONS} connections"
SHOWS = (
    "frames_per_second",
    "streams_per_second",
    "mb_per_second",
    "server_us",
    "load_percent",
)
WORKS = both("unpaced", ABOUT, "stream", measure, SHOWS)
