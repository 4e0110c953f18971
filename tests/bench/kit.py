"""What the test kit costs: `python -m tests.bench.kit`.

Start and stop of a server of which ten clients hold a stream, and what the pytest plugin adds to a
run that does not use it: the import of `mockllm.pytest_plugin` when pytest is there already, from
byte code, which pip writes when it installs. Times are in milliseconds of this machine's clock; other
load on the machine makes them longer, so the median counts.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from statistics import median, quantiles
from time import perf_counter

from mockllm import MockLLM
from tests.server.raw import chat, connected

RUNS = 30
STREAMS = 10
STALL = "{mockllm: 1, faults: [{stall: forever}]}"
IMPORT = (
    "import pytest, _pytest.config\n"
    "from time import perf_counter\n"
    "begin = perf_counter()\n"
    "import mockllm.pytest_plugin\n"
    "print((perf_counter() - begin) * 1000)\n"
)


def start_and_stop() -> tuple[float, float]:
    """Milliseconds that the start took, and the stop with streams that are held."""
    server = MockLLM(STALL)
    begin = perf_counter()
    server.start()
    started = perf_counter()
    with ExitStack() as clients:
        for _ in range(STREAMS):
            raw = clients.enter_context(connected(server.url))
            raw.send(chat())
            for _ in range(6):  # the role and five pieces of text
                raw.read_until(b"\n\n\r\n")
        stopping = perf_counter()
        server.stop()
        stopped = perf_counter()
    return (started - begin) * 1000, (stopped - stopping) * 1000


def plugin(cache: str) -> float:
    """Milliseconds that the import of the plugin takes in a process of its own, whose byte code is
    in a folder."""
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    made = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return float(made.stdout)


def line(name: str, times: Sequence[float]) -> str:
    """Median and 90th percentile."""
    return f"{name:<44}{median(times):8.2f} ms{quantiles(times, n=10)[-1]:10.2f} ms"


def main() -> None:
    """Measure and print."""
    start_and_stop()  # imports and caches are no part of it
    starts, stops = zip(*(start_and_stop() for _ in range(RUNS)), strict=True)
    with tempfile.TemporaryDirectory() as cache:
        plugin(cache)  # writes the byte code
        imports = [plugin(cache) for _ in range(RUNS)]
    print(f"{RUNS} runs{'median':>45}{'p90':>13}")
    print(line("start of a server", starts))
    print(line(f"stop with {STREAMS} held streams", stops))
    print(line("import of the plugin beyond pytest", imports))


if __name__ == "__main__":
    main()
