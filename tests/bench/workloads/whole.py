"""Small whole answers, as many as go over 32 connections, by wrk."""

from __future__ import annotations

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, whole_answers
from tests.bench.peer import Peer
from tests.bench.process import running
from tests.bench.workload import both


def measure(bench: Bench, peer: Peer, prompt: str) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "whole", 0.0)) as server:
        found = whole_answers(bench, server, peer.ask(chat(prompt, stream=False)))
        return {**found, "resident_mb": server.resident_mb}


ABOUT = f"whole answers of fifty words over {CONNECTIONS} connections"
SHOWS = ("requests_per_second", "server_us", "resident_mb")
WORKS = both("whole", ABOUT, "whole", measure, SHOWS)
