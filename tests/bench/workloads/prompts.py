"""Prompts of 1 MB: what one costs the server, and what paced streams feel of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import median
from time import perf_counter

from tests.bench.asking import NUMBER, PACE, chat, probed
from tests.bench.figures import Figures
from tests.bench.load import Bench, Streams, cost
from tests.bench.peer import Peer, Peers, able
from tests.bench.process import Server, running
from tests.bench.workload import Measure, Workload, each

SIZE = 1 << 20
PROMPT = ("hello there " * (SIZE // 12 + 1))[: SIZE - len(NUMBER)] + NUMBER
FEWEST = 5
"""Prompts that are sent at least."""
STREAMS = 100
PAUSE = 0.1
"""Seconds between two prompts beside the streams."""


def measure(bench: Bench, peer: Peer) -> Figures:
    """One prompt after another: processor time of the server, and time to the answer, for each."""
    ask = peer.ask(chat(PROMPT, stream=False))
    with running(peer.start(bench, "prompt", 0.0)) as server:
        probed(server.port, ask)
        before, times = server.cpu_seconds, list[float]()
        end = perf_counter() + bench.seconds
        while perf_counter() < end or len(times) < FEWEST:
            begin = perf_counter()
            probed(server.port, ask)
            times.append((perf_counter() - begin) * 1000)
        used = cost(server, before, len(times))["server_us"] / 1000
        return {"server_ms": used, "answer_ms": median(times), "resident_mb": server.resident_mb}


def beside(bench: Bench, peer: Peer, *, prompts: bool) -> Figures:
    """Paced streams, with prompts beside them or without."""
    streams = Streams(peer.ask(chat(stream=True)), STREAMS, PACE)
    with running(peer.start(bench, "paced", PACE)) as server:
        if not prompts:
            return streams.run(bench, server)
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(send, peer, server, over)
            try:
                found = streams.run(bench, server)
            finally:
                over.set()
            return {**found, "prompts": float(sent.result())}


def send(peer: Peer, server: Server, over: threading.Event) -> int:
    """Send prompts until it is over, each when the stream before has ended; how many."""
    ask = peer.ask(chat(PROMPT, stream=True))
    sent = 0
    while not over.wait(PAUSE):
        probed(server.port, ask)
        sent += 1
    return sent


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The servers that take long prompts."""
    return each(bench, peers, "prompt", measure)


def beside_subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The same, without prompts and with them."""
    return {
        f"{name} {word}": partial(beside, bench, peer, prompts=prompts)
        for name, peer in able(peers, "prompt").items()
        for word, prompts in (("alone", False), ("with prompts", True))
    }


WORK = Workload(
    "prompts",
    "prompts of 1 MB, one after another",
    subjects,
    ("server_ms", "answer_ms", "resident_mb"),
)
BESIDE = Workload(
    "beside prompts",
    f"{STREAMS} paced streams, with and without prompts of 1 MB beside them",
    beside_subjects,
    ("gap_p50", "gap_p99", "gap_max", "ttft_p99", "prompts"),
)
