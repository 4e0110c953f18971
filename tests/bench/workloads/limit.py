"""What the load itself can take: the pacer without a pace, whole streams in one send."""

from __future__ import annotations

from collections.abc import Mapping

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams
from tests.bench.peer import Peers
from tests.bench.process import running
from tests.bench.servers import pacer
from tests.bench.workload import Measure, Workload


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The load, against one send a frame and one send a stream."""

    def measure(*more: str) -> Figures:
        with running(pacer.command(bench, 0, 0, *more)) as server:
            return Streams(chat(stream=True), CONNECTIONS).run(bench, server)

    return {"a send a frame": measure, "a send a stream": lambda: measure("join")}


WORK = Workload(
    "load",
    "the load against the pacer without a pace: how many frames it can take",
    subjects,
    ("frames_per_second", "load_percent"),
)
