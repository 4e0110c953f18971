"""The test kit: start and stop of a server in the test's process, and the plugin when unused."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import partial
from statistics import median

from tests.bench.figures import Figures
from tests.bench.kit import plugin, start_and_stop
from tests.bench.load import Bench
from tests.bench.peer import Peers
from tests.bench.workload import Measure, Workload


def measure(bench: Bench) -> Figures:
    """Medians of many starts, stops and imports."""
    start_and_stop()  # imports and caches are no part of it
    starts, stops = zip(*(start_and_stop() for _ in range(bench.kit_runs)), strict=True)
    with tempfile.TemporaryDirectory() as cache:
        plugin(cache)  # writes the byte code
        imports = [plugin(cache) for _ in range(bench.kit_runs)]
    return {
        "start_ms": median(starts),
        "stop_ms": median(stops),
        "plugin_ms": median(imports),
    }


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The kit."""
    return {"mockllm": partial(measure, bench)} if "mockllm" in peers else {}


WORK = Workload(
    "kit",
    "start of `MockLLM`, stop with ten held streams, import of the plugin beyond pytest",
    subjects,
    ("start_ms", "stop_ms", "plugin_ms"),
)
