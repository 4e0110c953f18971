"""How well times are kept, and how much one core answers: `python -m tests.bench`.

mockllm runs beside its peers on the same work: `pacer` (C, prepared bytes, one send a frame: what a
machine can do at most), `naive` (a plain aiohttp handler) and, with `--aimock CLI.JS`, aimock from
npm. The server is on processor 0 and the load on 1. Needs Linux, cc, uvloop, and wrk for the work
that is not paced. Each figure is the median of some runs, in which the servers take turns; only
ratios of one call of the command mean anything. Prints a table and writes JSON with `--json FILE`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import monotonic, sleep

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FRAMES = 50
PACE = 20
"""Milliseconds of TTFT and ITL."""
PATH = "/v1/chat/completions"
ASKED = {
    "model": "gpt-4o-mini",
    "max_tokens": FRAMES,
    "messages": [{"role": "user", "content": "hello there"}],
}
TEXT = " ".join(f"w{number:02}" for number in range(1, FRAMES + 1))
WRK = """wrk.method = "POST"
wrk.body = [[{body}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-x"
"""

Figures = dict[str, float]
Command = Callable[[int, int], Sequence[str]]
"""How a server is started on a port, with so many milliseconds between frames."""


def peers(folder: Path, aimock: str | None) -> dict[str, Command]:
    """The servers that are there; what they need is put into the folder."""

    def pacer(port: int, pace: int) -> Sequence[str]:
        return [str(folder / "pacer"), str(port), str(FRAMES), str(pace), str(pace)]

    def naive(port: int, pace: int) -> Sequence[str]:
        return [
            sys.executable,
            str(HERE / "naive.py"),
            str(port),
            str(FRAMES),
            str(pace),
            str(pace),
        ]

    def mockllm(port: int, pace: int) -> Sequence[str]:
        profile = folder / f"pace{pace}.yaml"
        profile.write_text(f"{{mockllm: 1, pacing: {{ttft: {pace}ms, itl: {pace}ms}}}}\n")
        return [sys.executable, "-m", "mockllm", "serve", str(profile), "--port", str(port)]

    def of_npm(port: int, pace: int) -> Sequence[str]:
        timing = {"ttft": pace, "tps": 1000 / pace, "jitter": 0} if pace else None
        said = {"match": {"userMessage": "hello"}, "response": {"content": TEXT}}
        fixtures = folder / f"aimock{pace}.json"
        fixture = {**said, "streamingProfile": timing} if timing else said
        fixtures.write_text(json.dumps({"fixtures": [fixture]}))
        options = ["-c", "4", "--log-level", "silent", "--metrics", "-f", str(fixtures)]
        return ["node", str(aimock), "-p", str(port), *options]

    found: dict[str, Command] = {"pacer": pacer, "naive": naive, "mockllm": mockllm}
    return {**found, "aimock": of_npm} if aimock else found


@contextmanager
def running(command: Command, pace: int) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A server on processor 0, and its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    quiet = subprocess.DEVNULL
    words = ["taskset", "-c", "0", *command(port, pace)]
    server = subprocess.Popen(words, cwd=ROOT, stdout=quiet, stderr=quiet)
    try:
        end = monotonic() + 30
        while monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                sleep(0.05)
        yield port, server
    finally:
        server.terminate()
        server.wait(10)


def resident(server: subprocess.Popen[bytes]) -> float:
    """Megabytes."""
    status = Path(f"/proc/{server.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found[1]) / 1024 if found else 0.0


def paced(folder: Path, command: Command, streams: int, seconds: float) -> Figures:
    """So many streams at a time, each at its pace."""
    body = json.dumps({**ASKED, "stream": True})
    with running(command, PACE) as (port, server):
        load = ["taskset", "-c", "1", str(folder / "load"), str(port), PATH, str(streams)]
        out = subprocess.check_output([*load, str(seconds), str(PACE), str(PACE), body])
        return {**json.loads(out), "resident_mb": resident(server)}


def at_once(folder: Path, command: Command, *, stream: bool, seconds: float) -> Figures:
    """As many requests as go, over 32 connections."""
    script = folder / "ask.lua"
    script.write_text(WRK.format(body=json.dumps({**ASKED, "stream": stream})))
    with running(command, 0) as (port, server):
        wrk = ["taskset", "-c", "1", "wrk", "-t1", "-c32", f"-d{seconds:.0f}s", "-s", str(script)]
        out = subprocess.check_output([*wrk, f"http://127.0.0.1:{port}{PATH}"], text=True)
        found = re.search(r"Requests/sec:\s+([\d.]+)", out)
        rate = float(found[1]) if found and "Non-2xx" not in out else 0.0
        frames = {"frames_per_second": rate * FRAMES} if stream else {}
        return {"requests_per_second": rate, **frames, "resident_mb": resident(server)}


def medians(runs: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return {name: median(run[name] for run in runs) for name in runs[0]}


def row(work: str, server: str, figures: Figures) -> str:
    """A line of the table."""
    shown = ", ".join(f"{name} {value:g}" for name, value in figures.items())
    return f"{work:20} {server:8} {shown}"


def main() -> None:
    """Measure, and print."""
    options = argparse.ArgumentParser(description="The benchmark of mockllm and its peers.")
    options.add_argument("--aimock", help="dist/cli.js of @copilotkit/aimock")
    options.add_argument("--streams", type=int, nargs="*", default=[100, 500, 1000, 2000])
    options.add_argument("--seconds", type=float, default=4.0)
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    seconds = given.seconds
    work: dict[str, Callable[[Path, Command], Figures]] = {
        f"paced {count}": partial(paced, streams=count, seconds=seconds) for count in given.streams
    }
    work["unpaced streams"] = partial(at_once, stream=True, seconds=seconds)
    work["whole answers"] = partial(at_once, stream=False, seconds=seconds)
    results: dict[str, dict[str, Figures]] = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for source in ("load", "pacer"):
            made = ["cc", "-O2", "-o", str(folder / source), str(HERE / f"{source}.c")]
            subprocess.run(made, check=True)
        servers = peers(folder, given.aimock)
        for name, measure in work.items():
            able = {
                one: command
                for one, command in servers.items()
                if one != "pacer" or name.startswith("paced")
            }
            runs: dict[str, list[Figures]] = {one: [] for one in able}
            for _ in range(given.runs):
                for one, command in able.items():
                    runs[one].append(measure(folder, command))
            results[name] = {one: medians(those) for one, those in runs.items()}
            for one, figures in results[name].items():
                print(row(name, one, figures), flush=True)
    commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True)
    about = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, {platform.release()}",
        "python": platform.python_version(),
        "commit": commit.strip(),
        "runs": given.runs,
    }
    print(json.dumps(about))
    if given.json:
        given.json.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
