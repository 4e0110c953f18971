"""Paced streams: TTFT 20 ms, ITL 20 ms, 50 frames."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import PACE, chat
from tests.bench.figures import Figures
from tests.bench.load import Bench, Streams
from tests.bench.peer import Peer, Peers
from tests.bench.process import running
from tests.bench.workload import Measure, Workload, each

COUNTS = (100, 500, 1000, 2000, 4000)
SHOWS = (
    "frames_per_second",
    "gap_p50",
    "gap_p99",
    "ttft_p50",
    "ttft_p99",
    "total_percent",
    "unfinished",
    "resident_mb",
)


def measure(bench: Bench, peer: Peer, count: int) -> Figures:
    """So many streams at a time."""
    with running(peer.start(bench, "paced", PACE)) as server:
        found = Streams(peer.ask(chat(stream=True)), count, PACE).run(bench, server)
        return {**found, "resident_mb": server.resident_mb}


def workload(count: int) -> Workload:
    """The workload of so many streams."""

    def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
        return each(bench, peers, "paced", measure, count)

    about = f"{count:,} streams at a time, TTFT and ITL {PACE:g} ms, 50 frames"
    return Workload(f"paced {count}", about, subjects, SHOWS)


WORKS = tuple(map(workload, COUNTS))
