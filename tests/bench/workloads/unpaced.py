"""Streams of 50 frames without a pace, as many as go over 32 connections."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import PROMPT, REPEATED, chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each


def measure(bench: Bench, peer: Peer, prompt: str) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "stream", 0.0)) as server:
        found = Streams(peer.ask(chat(prompt, stream=True)), CONNECTIONS).run(bench, server)
        return {**found, "streams_per_second": found["streams"] / bench.seconds}


def workload(name: str, about: str, prompt: str) -> Workload:
    """The workload with one kind of prompts, for the servers that stream."""

    def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
        return each(bench, peers, "stream", measure, prompt)

    figures = ("frames_per_second", "streams_per_second", "mb_per_second", "server_us")
    return Workload(name, about, subjects, (*figures, "load_percent"))


ABOUT = f"streams of 50 frames without a pace over {CONNECTIONS} connections"
WORKS = (
    workload("unpaced", ABOUT, PROMPT),
    workload("unpaced repeated", f"{ABOUT}, the same request each time", REPEATED),
)
