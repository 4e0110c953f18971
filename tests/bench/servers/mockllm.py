"""mockllm as its users start it: `mockllm serve`, with journal and log on."""

from __future__ import annotations

import hashlib
import sys
from typing import Literal

from tests.bench.asking import TEXT
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start

SCRIPT = f"{{text: {TEXT}}}"
"""The text that is aimock's as well."""


def serve(bench: Bench, profile: str, *launcher: str) -> Start:
    """The server with the text of a profile; `launcher` stands for `-m mockllm` where it is given."""
    name = f"p{hashlib.sha256(profile.encode()).hexdigest()[:12]}.yaml"
    path = str(bench.file(name, profile))
    words = [sys.executable, *(launcher or ("-m", "mockllm")), "serve", path]
    return lambda port: [*words, "--port", str(port)]


def profile(
    *more: str,
    pace: float = 0.0,
    itl: float | None = None,
    catch_up: Literal["each", "join"] = "each",
    script: str = SCRIPT,
) -> str:
    """A profile with one route, and further lines; ITL is TTFT where it is not given."""
    gap = pace if itl is None else itl
    pacing = f"pacing: {{ttft: {pace:g}ms, itl: {gap:g}ms, catch_up: {catch_up}}}"
    lines = ["mockllm: 1", pacing, f"script: {script}"]
    return "\n".join([*lines, *more]) + "\n"


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server with the profile that such work needs."""
    return serve(bench, profile(pace=pace, script="tools2" if work == "tools" else SCRIPT))


PEER = Peer(
    "mockllm",
    "`mockllm serve` with uvloop: matching, dice, journal and log on",
    frozenset({"whole", "stream", "paced", "tools", "responses", "prompt"}),
    start,
)
