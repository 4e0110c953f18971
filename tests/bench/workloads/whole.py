"""Small whole answers, as many as go over 32 connections, by wrk."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, whole_answers
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each


def measure(bench: Bench, peer: Peer) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "whole", 0.0)) as server:
        found = whole_answers(bench, server, peer.ask(chat(stream=False)))
        return {**found, "resident_mb": server.resident_mb}


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The servers that answer whole."""
    return each(bench, peers, "whole", measure)


WORK = Workload(
    "whole",
    f"whole answers of fifty words over {CONNECTIONS} connections",
    subjects,
    ("requests_per_second", "server_us", "resident_mb"),
)
