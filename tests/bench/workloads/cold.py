"""Cold start: from the start of the process to the first answer, and its memory then."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter

from tests.bench.asking import chat, probed
from tests.bench.figures import Figures, medians
from tests.bench.load import Bench
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each

RUNS = 5


def measure(bench: Bench, peer: Peer) -> Figures:
    """The median of some starts; byte code is compiled, and files are in the page cache."""
    return medians([once(bench, peer) for _ in range(RUNS)])


def once(bench: Bench, peer: Peer) -> Figures:
    """One start. Connections are tried all 20 ms, so that is how exact it is."""
    begin = perf_counter()
    with running(peer.start(bench, "whole", 0.0)) as server:
        probed(server.port, peer.ask(chat(stream=False)))
        return {"start_ms": (perf_counter() - begin) * 1000, "resident_mb": server.resident_mb}


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The servers that answer whole."""
    return each(bench, peers, "whole", measure)


WORK = Workload(
    "cold start",
    "from the start of the process to the first whole answer, and the memory then",
    subjects,
    ("start_ms", "resident_mb"),
)
