"""What `mockllm record` adds to the times of a stream: `python -m tests.bench.recording`.

A server stamps each frame with the time at which it writes it; a client reads the same streams from
the server itself and through the recorder, in turns, and compares the stamps with its own clock, which
is the same one (CLOCK_MONOTONIC of the machine). So what is measured is what lies between the two: for
the first frame from the request on, the connection to the upstream with it; for a gap the difference
of the delays of its two frames. Server and client share processor 1, the recorder has processor 0. All
are on uvloop. The streams of a round begin evenly over the time that a stream takes.

The bar: at the median less than 1 ms for the first frame, and less than 0.2 ms for each gap. Status 1
where it is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns
from typing import cast

import uvloop

from mockllm.cassettes.reading import read

FRAMES = 50
TTFT = ITL = 0.02
FIRST_BAR, GAP_BAR = 1.0, 0.2
"""Milliseconds."""
GUARD = 60.0
STAMP = re.compile(rb'"t":(\d+)')
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
    b"Set-Cookie: session=0123456789\r\nTransfer-Encoding: chunked\r\n\r\n"
)
FRAME = (
    b'data: {"id":"chatcmpl-AAAAAAAAAAAAAAAAAAAAAAAAAAAAA","object":"chat.completion.chunk",'
    b'"created":1767225600,"model":"gpt-4o-mini","t":%d,"choices":[{"index":0,"delta":'
    b'{"content":" word"},"logprobs":null,"finish_reason":null}]}\n\n'
)
BODY = json.dumps(
    {"model": "m", "stream": True, "messages": [{"role": "user", "content": "Hi " * 100}]}
).encode()
REQUEST = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer sk-0123456789\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY)
) + BODY


class Stamping(asyncio.Protocol):
    """The server: a stream of stamped frames for each request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """A request, which is known by its end."""
        self._read += data
        if self._read.endswith(BODY):
            self._read = b""
            self._begin = self._loop.time() + TTFT
            self._loop.call_at(self._begin, self._frame, 0)

    def _frame(self, number: int) -> None:
        """Write a frame, and come again for the next."""
        data = FRAME % perf_counter_ns()
        head = b"" if number else HEAD
        end = b"0\r\n\r\n" if number == FRAMES - 1 else b""
        self._transport.write(b"%b%x\r\n%b\r\n%b" % (head, len(data), data, end))
        if not end:
            self._loop.call_at(self._begin + (number + 1) * ITL, self._frame, number + 1)


async def stamp() -> None:
    """Serve, and say where."""
    server = await asyncio.get_running_loop().create_server(Stamping, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@dataclass
class Times:
    """What clients measured; milliseconds."""

    first: list[float] = field(default_factory=list)
    """From the request to the first frame."""
    delays: list[float] = field(default_factory=list)
    """From each frame's stamp until it was read."""
    gaps: list[float] = field(default_factory=list)
    """By how much a gap was longer or shorter than the server made it."""

    def line(self, name: str) -> str:
        """The times in columns."""
        last = [quantiles(times, n=100)[-1] for times in (self.first, self.delays, self.gaps)]
        cells = (
            f"{median(times):10.3f}{high:9.3f}"
            for times, high in zip((self.first, self.delays, self.gaps), last, strict=True)
        )
        return f"{name:<20}" + "".join(cells)


class Reading(asyncio.Protocol):
    """A client of one stream."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._delays: list[float] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        # uvloop's transports are none of asyncio's classes.
        self._transport = cast(asyncio.Transport, transport)
        self._asked = perf_counter_ns()
        self._transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        """Frames."""
        now = perf_counter_ns()
        if not self._delays:
            self._times.first.append((now - self._asked) / 1e6)
        self._delays += [(now - int(stamp)) / 1e6 for stamp in STAMP.findall(data)]
        if data.endswith(b"0\r\n\r\n"):
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The stream is over."""
        assert len(self._delays) == FRAMES, f"{len(self._delays)} frames"
        self._times.delays += self._delays
        pairs = zip(self._delays, self._delays[1:], strict=False)
        self._times.gaps += [abs(after - before) for before, after in pairs]
        self.over.set_result(None)


async def streams(url: str, count: int, times: Times) -> None:
    """Read so many streams, which begin one after the other within the time of a stream."""
    loop, port = asyncio.get_running_loop(), int(url.rpartition(":")[2])
    over = []
    for _ in range(count):
        _, made = await loop.create_connection(lambda: Reading(times), "127.0.0.1", port)
        over.append(made.over)
        await asyncio.sleep(FRAMES * ITL / count if count > 1 else 0)
    async with asyncio.timeout(GUARD):
        await asyncio.gather(*over)


@contextmanager
def process(processor: int, *command: str) -> Iterator[str]:
    """A process on a processor that prints its URL."""
    started = subprocess.Popen(
        ["taskset", "-c", str(processor), sys.executable, "-m", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert started.stdout is not None
    try:
        yield started.stdout.readline().strip()
    finally:
        started.terminate()
        started.wait(GUARD)
        started.stdout.close()


def measure(count: int, rounds: int, folder: Path) -> tuple[Times, Times]:
    """The times of so many streams at a time: from the server itself, and through the recorder."""
    direct, recorded = Times(), Times()
    out = folder / f"{count}.yaml"
    with process(1, "tests.bench.recording", "--stamp") as server:
        command = ("mockllm", "record", "--upstream", server, "--port", "0", "--print-url")
        with process(0, *command, "--out", str(out)) as recorder:
            for turn in range(rounds + 1):
                for url, times in ((server, direct), (recorder, recorded)):
                    uvloop.run(streams(url, count, times if turn else Times()))
    made = read(out.read_text("utf-8"), out.name)
    assert [one.recording.ending for one in made] == ["complete"] * (count * (rounds + 1))
    return direct, recorded


def report(counts: Sequence[int], rounds: int) -> tuple[list[dict[str, float]], bool]:
    """Measure and print; the figures, and whether the bar holds."""
    rows, holds = [], True
    columns = "".join(
        f"{name:>19}" for name in ("first frame", "delay of a frame", "error of a gap")
    )
    print(f"{FRAMES} frames, {ITL * 1000:g} ms apart; milliseconds, median and 99th percentile")
    print(f"{'':<20}{columns}")
    with tempfile.TemporaryDirectory() as folder:
        for count in counts:
            direct, recorded = measure(count, rounds if count > 1 else rounds * 4, Path(folder))
            first = median(recorded.first) - median(direct.first)
            gap = median(recorded.gaps) - median(direct.gaps)
            print(direct.line(f"{count} direct"))
            print(recorded.line(f"{count} recorded"))
            print(f"{count} added{first:>23.3f}{gap:>38.3f}".replace("added", "added  "))
            rows.append({"streams": count, "first_ms": first, "gap_ms": gap})
            holds = holds and first < FIRST_BAR and gap < GAP_BAR
    print(f"the bar ({FIRST_BAR:g} ms, {GAP_BAR:g} ms) {'holds' if holds else 'is missed'}")
    return rows, holds


def main() -> int:
    """Measure, print, and say whether the bar holds."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--streams", type=int, nargs="+", default=[1, 10, 100], metavar="N")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", type=Path, metavar="FILE", help="The figures.")
    options.add_argument("--stamp", action="store_true", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.stamp:
        uvloop.run(stamp())
        return 0
    os.sched_setaffinity(0, {1})
    rows, holds = report(given.streams, given.rounds)
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
