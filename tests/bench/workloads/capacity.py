"""Paced capacity: the most frames a second while the p99 gap error is at most 10 ms."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import PACE, chat
from tests.bench.figures import Figures, largest
from tests.bench.load import Bench, Streams
from tests.bench.peer import Peer, Peers
from tests.bench.process import Broken, running
from tests.bench.workload import Measure, Workload, each

LATE = 10.0
"""Milliseconds of p99 gap error that are allowed."""
START, MOST = 200, 8000
"""Streams at a time."""


def measure(bench: Bench, peer: Peer) -> Figures:
    """Search for the number of streams at which times no longer hold, and take the best before."""
    best: Figures = {"frames_per_second": 0.0, "gap_p99": 0.0}
    ask = peer.ask(chat(stream=True))

    def holds(count: int) -> bool:
        nonlocal best
        with running(peer.start(bench, "paced", PACE)) as server:
            try:
                found = Streams(ask, count, PACE).run(bench, server)
            except Broken:  # a server that is too full loses or breaks streams
                return False
        if found["unfinished"] or found["gap_p99"] > LATE:
            return False
        if found["frames_per_second"] > best["frames_per_second"]:
            best = {name: found[name] for name in ("frames_per_second", "gap_p99")}
        return True

    return {"streams_at_a_time": largest(holds, START, MOST), **best}


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The servers that keep a pace."""
    return each(bench, peers, "paced", measure)


WORK = Workload(
    "capacity",
    f"the most paced frames a second while the p99 gap error is at most {LATE:g} ms",
    subjects,
    ("frames_per_second", "streams_at_a_time", "gap_p99"),
)
