"""VidaiMock, from crates.io: Rust."""

from __future__ import annotations

from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start
from tests.parts.installed import program


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server in the mode that its README gives for rates. It has no TTFT and no ITL, but a base
    delay of which each frame gets a share, so it is not measured at a pace."""
    options = ["--mode", "benchmark", "--host", "127.0.0.1", "--workers", "1"]
    return lambda port: [str(program("vidaimock")), *options, "--port", str(port)]


PEER = Peer(
    "vidaimock",
    "VidaiMock from crates.io, benchmark mode",
    frozenset({"whole", "stream"}),
    start,
    part="vidaimock",
)
