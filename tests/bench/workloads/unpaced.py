"""Streams of 50 frames without a pace, as many as go over 32 connections."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each


def measure(bench: Bench, peer: Peer) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "stream", 0.0)) as server:
        found = Streams(peer.ask(chat(stream=True)), CONNECTIONS).run(bench, server)
        return {**found, "streams_per_second": found["streams"] / bench.seconds}


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The servers that stream."""
    return each(bench, peers, "stream", measure)


WORK = Workload(
    "unpaced",
    f"streams of 50 frames without a pace over {CONNECTIONS} connections",
    subjects,
    ("frames_per_second", "streams_per_second", "mb_per_second", "server_us", "load_percent"),
)
