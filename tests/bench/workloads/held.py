"""10,000 streams that hang: memory, processor time, and what other streams feel of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from time import sleep

from tests.bench.asking import PACE, Ask, chat
from tests.bench.figures import Figures
from tests.bench.load import Bench, Streams
from tests.bench.peer import Peers
from tests.bench.process import running
from tests.bench.servers import mockllm
from tests.bench.workload import Measure, Workload

STREAMS, OTHERS = 10_000, 100
FRAMES = 5
"""Frames that a held stream has had."""
PROFILE = f"""mockllm: 1
routes:
  - match: {{model: held}}
    pacing: {{ttft: {PACE:g}ms, itl: {PACE:g}ms}}
    faults: [{{stall: forever, at: after content {FRAMES}}}]
  - pacing: {{ttft: {PACE:g}ms, itl: {PACE:g}ms}}
    script: {mockllm.SCRIPT}
"""
SETTLE = 1.0
"""Seconds between the last held stream and the measurement."""


def measure(bench: Bench, held: int) -> Figures:
    """Other streams, beside so many that are held."""
    with running(mockllm.serve(bench, PROFILE)) as server:
        others = Streams(chat(stream=True), OTHERS, PACE)
        if not held:
            return {**others.run(bench, server), "resident_mb": server.resident_mb}
        with Streams(asked(), held, PACE).held(bench, server, FRAMES):
            sleep(SETTLE)
            before = server.cpu_seconds
            sleep(bench.seconds)
            used = (server.cpu_seconds - before) / bench.seconds * 100
            resident = server.resident_mb
            found = others.run(bench, server)
        return {**found, "resident_mb": resident, "cpu_percent": used}


def asked() -> Ask:
    """What is held."""
    return chat(stream=True, model="held")


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """mockllm alone, and with the streams."""
    if "mockllm" not in peers:
        return {}
    return {"alone": partial(measure, bench, 0), "held": partial(measure, bench, STREAMS)}


WORK = Workload(
    "held",
    f"{OTHERS} paced streams alone, and beside {STREAMS:,} that are held after {FRAMES} frames",
    subjects,
    ("resident_mb", "cpu_percent", "gap_p99", "ttft_p99"),
)
