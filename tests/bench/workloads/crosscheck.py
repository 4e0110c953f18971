"""The load program beside guidellm, each on mockllm at the same pace: do they see the same times?"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.bench.asking import FRAMES, MODEL, PACE, PROMPT, chat
from tests.bench.figures import Figures
from tests.bench.load import Bench, Streams
from tests.bench.peer import Peers
from tests.bench.process import LOAD, Broken, Server, pinned, running
from tests.bench.servers import mockllm
from tests.bench.workload import Measure, Workload
from tests.parts.installed import PARTS

COUNTS = (1, 10)
PROMPTS = 20_000
"""Lines of guidellm's data: it ends when they are used up."""
IDEAL = PACE * FRAMES
"""Milliseconds of a stream whose first frame has TTFT, and the others ITL."""


def ours(bench: Bench, server: Server, count: int) -> Figures:
    """What `load.c` sees; its errors of TTFT are told as times, for its server is late, not early."""
    found = Streams(chat(stream=True), count, PACE).run(bench, server)
    return {
        "requests_per_second": found["streams"] / max(bench.seconds, 2.5 * IDEAL / 1000),
        "ttft_ms": PACE + found["ttft_p50"],
        "ttft_p99_ms": PACE + found["ttft_p99"],
        "stream_ms": found["total_percent"] * IDEAL / 100,
    }


def theirs(bench: Bench, server: Server, count: int) -> Figures:
    """What guidellm sees. Raises `Broken` where requests failed."""
    data = bench.file("prompts.jsonl", (json.dumps({"prompt": PROMPT}) + "\n") * PROMPTS)
    out = bench.folder / "guidellm.json"
    seconds = max(5.0, bench.seconds)
    words = [
        str(PARTS / "guidellm/bin/guidellm"),
        "run",
        "--disable-console",
        *("--backend", json.dumps(backend(server.port))),
        *("--profile", f"kind=concurrent,streams={count}"),
        *("--data", f"kind=json_file,path={data}"),
        *("--constraint", f"kind=max_duration,seconds={seconds:g}"),
        *("--output", f"kind=json,path={out}"),
    ]
    done = subprocess.run(pinned(LOAD, words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Broken(f"guidellm ended with {done.returncode}: {done.stderr[-500:]}")
    return read_guidellm(json.loads(out.read_text("utf-8")))


def backend(port: int) -> dict[str, Any]:
    """Where guidellm asks, and what."""
    return {
        "kind": "openai_http",
        "target": f"http://127.0.0.1:{port}",
        "model": MODEL,
        "extras": {"body": {"max_tokens": FRAMES}},
    }


def read_guidellm(report: Mapping[str, Any]) -> Figures:
    """The figures of its report. Raises `Broken` where requests failed, or none was answered."""
    (benchmark,) = report["benchmarks"]
    metrics = benchmark["metrics"]
    totals = metrics["request_totals"]
    if totals["errored"] or not totals["successful"]:
        raise Broken(f"guidellm's requests were not all answered: {totals}")
    first = metrics["time_to_first_token_ms"]["successful"]["percentiles"]
    return {
        "requests_per_second": metrics["requests_per_second"]["successful"]["mean"],
        "ttft_ms": first["p50"],
        "ttft_p99_ms": first["p99"],
        "stream_ms": metrics["request_latency"]["successful"]["median"] * 1000,
    }


def measure(bench: Bench, count: int, *, guidellm: bool) -> Figures:
    """One of the two, on a server of its own."""
    with running(mockllm.PEER.start(bench, "paced", PACE)) as server:
        return (theirs if guidellm else ours)(bench, server, count)


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """Both, with few streams: guidellm itself is late with more."""
    if "mockllm" not in peers or "guidellm" not in peers:
        return {}
    return {
        f"{name}, {count} streams": partial(measure, bench, count, guidellm=guidellm)
        for count in COUNTS
        for name, guidellm in (("load.c", False), ("guidellm", True))
    }


WORK = Workload(
    "crosscheck",
    f"times as load.c and guidellm see them, TTFT and ITL {PACE:g} ms, {FRAMES} frames: {IDEAL:g} ms a stream",
    subjects,
    ("requests_per_second", "ttft_ms", "ttft_p99_ms", "stream_ms"),
)
