"""The physical limit: prepared bytes, one send a frame, in C."""

from __future__ import annotations

from tests.bench.asking import FRAMES
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start


def command(bench: Bench, ttft: float, itl: float, *more: str) -> Start:
    """The pacer with its options."""
    program = str(bench.folder / "pacer")
    return lambda port: [program, str(port), str(FRAMES), str(ttft), str(itl), *more]


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The pacer."""
    return command(bench, pace, pace)


PEER = Peer(
    "pacer", "C, epoll, prepared bytes, one send a frame", frozenset({"stream", "paced"}), start
)
