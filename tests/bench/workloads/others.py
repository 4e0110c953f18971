"""Streams of other kinds, without a pace: calls of a tool, and the Responses API."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import Ask, responses, tools
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams
from tests.bench.peer import Peer, Peers, Work
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each


def measure(bench: Bench, peer: Peer, work: Work, ask: Ask) -> Figures:
    """As many as go."""
    with running(peer.start(bench, work, 0.0)) as server:
        found = Streams(peer.ask(ask), CONNECTIONS).run(bench, server)
        return {**found, "streams_per_second": found["streams"] / bench.seconds}


def workload(work: Work, about: str, ask: Ask) -> Workload:
    """The workload of one kind."""

    def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
        return each(bench, peers, work, measure, work, ask)

    return Workload(work, about, subjects, ("streams_per_second", "mb_per_second", "server_us"))


WORKS = (
    workload(
        "tools", "streamed calls of tools without a pace; mockllm calls two, aimock one", tools()
    ),
    workload("responses", "streams of the Responses API without a pace", responses()),
)
