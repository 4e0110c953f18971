"""A profile with a thousand routes, of which the last matches, against one route."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from tests.bench.asking import MODEL, chat
from tests.bench.figures import Figures
from tests.bench.load import Bench, whole_answers
from tests.bench.peer import Peers
from tests.bench.process import running
from tests.bench.servers import mockllm
from tests.bench.workload import Measure, Workload

ROUTES = 1000
HEAD = "mockllm: 1\nroutes:\n"
SCRIPT = f"script: {mockllm.SCRIPT}, pacing: {{ttft: 0s, itl: 0s}}"
LAST = f"  - {{match: {{wire: openai.chat, model: {MODEL}}}, {SCRIPT}}}\n"


def profile(match: str) -> str:
    """Routes that differ in the number in a match, and then the one that matches."""
    lines = [f"  - {{match: {{{match}{number}}}, {SCRIPT}}}\n" for number in range(1, ROUTES)]
    return HEAD + "".join(lines if match else []) + LAST


PROFILES = {
    "1 route": profile(""),
    "1,000 by model": profile("model: other-"),
    "1,000 by path": profile("path: /v1/other-"),
    "1,000 by wire": profile("wire: kserve.v2, model: other-"),
}


def measure(bench: Bench, text: str) -> Figures:
    """Whole answers under a profile."""
    with running(mockllm.serve(bench, text)) as server:
        return whole_answers(bench, server, chat(stream=False))


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """The profiles."""
    if "mockllm" not in peers:
        return {}
    return {name: partial(measure, bench, text) for name, text in PROFILES.items()}


WORK = Workload(
    "routes",
    f"whole answers by the last of {ROUTES:,} routes, against one route",
    subjects,
    ("requests_per_second", "server_us"),
)
