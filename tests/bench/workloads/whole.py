"""Small whole answers, as many as go over 32 connections, by wrk."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import PROMPT, REPEATED, chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, whole_answers
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each


def measure(bench: Bench, peer: Peer, prompt: str) -> Figures:
    """As many as go."""
    with running(peer.start(bench, "whole", 0.0)) as server:
        found = whole_answers(bench, server, peer.ask(chat(prompt, stream=False)))
        return {**found, "resident_mb": server.resident_mb}


def workload(name: str, about: str, prompt: str) -> Workload:
    """The workload with one kind of prompts, for the servers that answer whole."""

    def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
        return each(bench, peers, "whole", measure, prompt)

    return Workload(name, about, subjects, ("requests_per_second", "server_us", "resident_mb"))


ABOUT = f"whole answers of fifty words over {CONNECTIONS} connections"
WORKS = (
    workload("whole", ABOUT, PROMPT),
    workload("whole repeated", f"{ABOUT}, the same request each time", REPEATED),
)
