"""What journal, log and metrics cost, whole answers and streams: mockllm with and without them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.asking import chat
from tests.bench.figures import Figures
from tests.bench.load import CONNECTIONS, Bench, Streams, whole_answers
from tests.bench.peer import Peers
from tests.bench.process import running
from tests.bench.servers import mockllm
from tests.bench.workload import Measure, Workload

LAUNCHER = ("-m", "tests.bench.without")
SUBJECTS = {
    "all on": (),
    "no journal": (*LAUNCHER, "journal"),
    "no log": (*LAUNCHER, "log"),
    "no metrics": (*LAUNCHER, "metrics"),
    "none of them": (*LAUNCHER, "journal,log,metrics"),
}


def measure(bench: Bench, launcher: tuple[str, ...]) -> Figures:
    """Whole answers, then streams."""
    text = mockllm.profile()
    with running(mockllm.serve(bench, text, *launcher)) as server:
        whole = whole_answers(bench, server, chat(stream=False))
        found = Streams(chat(stream=True), CONNECTIONS).run(bench, server)
        rate = found["streams"] / bench.seconds
        return {**whole, "streams_per_second": rate, "stream_us": found["server_us"]}


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The server as it is, and without some of it."""
    if "mockllm" not in peers:
        return {}
    return {name: partial(measure, bench, launcher) for name, launcher in SUBJECTS.items()}


WORK = Workload(
    "upkeep",
    "what journal, log and metrics cost: mockllm without them, patched for this",
    subjects,
    ("requests_per_second", "server_us", "streams_per_second", "stream_us"),
)
