"""Paced capacity: the most frames a second while the p99 gap error is at most 10 ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from tests.bench.asking import PACE, SHORT, chat
from tests.bench.figures import Figures, largest
from tests.bench.load import Bench, Streams
from tests.bench.peer import Peer, Peers
from tests.bench.process import Broken, Start, running
from tests.bench.servers import mockllm, pacer
from tests.bench.workload import Measure, Workload, both

LATE = 10.0
"""Milliseconds of p99 gap error that are allowed."""
START, MOST = 200, 8000
"""Streams at a time."""
SHOWS = ("frames_per_second", "streams_at_a_time", "gap_p99")
ABOUT = f"the most paced frames a second while the p99 gap error is at most {LATE:g} ms"


def searched(bench: Bench, start: Start, streams: Streams) -> Figures:
    """Search for the number of streams at which times no longer hold, and take the best before."""
    best: Figures = dict.fromkeys(("frames_per_second", "gap_p99", "load_percent"), 0.0)

    def holds(count: int) -> bool:
        nonlocal best
        with running(start) as server:
            try:
                found = replace(streams, count=count).run(bench, server)
            except Broken:  # a server that is too full loses or breaks streams
                return False
        if found["unfinished"] or found["gap_p99"] > LATE:
            return False
        if found["frames_per_second"] > best["frames_per_second"]:
            best = {name: found[name] for name in best}
        return True

    return {"streams_at_a_time": largest(holds, streams.count, MOST), **best}


def measure(bench: Bench, peer: Peer, prompt: str) -> Figures:
    """The capacity of a server."""
    streams = Streams(peer.ask(chat(prompt, stream=True)), START, PACE)
    return searched(bench, peer.start(bench, "paced", PACE), streams)


def short(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The limit, and mockllm with late frames each on its own and joined."""
    starts: dict[str, Start] = {}
    if "pacer" in peers:
        starts["pacer"] = pacer.command(bench, PACE, SHORT)
    if "mockllm" in peers:
        paced = partial(mockllm.profile, pace=PACE, itl=SHORT)
        starts["mockllm"] = mockllm.serve(bench, paced())
        starts["mockllm, catch_up: join"] = mockllm.serve(bench, paced(catch_up="join"))
    streams = Streams(chat(stream=True), START // 2, PACE, SHORT)
    return {name: partial(searched, bench, start, streams) for name, start in starts.items()}


WORKS = (
    *both("capacity", ABOUT, "paced", measure, SHOWS),
    Workload(
        f"capacity at {SHORT:g} ms",
        f"the same at an ITL of {SHORT:g} ms",
        short,
        (*SHOWS, "load_percent"),
    ),
)
