"""A fault on every request."""

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

FAULTS = {
    "a word edited": "{edit: {patch: {choices: [{delta: {content: X}}]}}, at: content 25}",
    "a comment sent": "{send: {comment: hello}, at: after content 25}",
    "split by encode": "{encode: {newline: crlf}, at: body}",
}


def text(fault: str = "") -> str:
    """A profile with a fault."""
    return mockllm.profile(f"faults: [{fault}]")


def streams(bench: Bench, fault: str) -> Figures:
    """Streams in which it acts."""
    with running(mockllm.serve(bench, text(fault))) as server:
        found = Streams(chat(stream=True), CONNECTIONS).run(bench, server)
        rate = found["streams"] / bench.seconds
        return {"requests_per_second": rate, "server_us": found["server_us"]}


def refusals(bench: Bench) -> Figures:
    """Answers that are errors."""
    with running(mockllm.serve(bench, text("{fail: 503}"))) as server:
        return whole_answers(bench, server, chat(stream=False), status=503)


def subjects(bench: Bench, peers: Peers) -> Mapping[str, Measure]:
    """Streams with each fault, those without, and errors."""
    if "mockllm" not in peers:
        return {}
    faulty: dict[str, Measure] = {
        f"stream, {name}": partial(streams, bench, fault)
        for name, fault in {"no fault": "", **FAULTS}.items()
    }
    return {**faulty, "fail: 503": partial(refusals, bench)}


WORK = Workload(
    "faults",
    "a fault on every request, without a pace",
    subjects,
    ("requests_per_second", "server_us"),
)
