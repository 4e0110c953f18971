"""The load on a server: streams by `load.c`, whole answers by wrk."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.asking import NUMBER, Ask, probed
from tests.bench.figures import Figures
from tests.bench.process import LOAD, Broken, Server, pinned
from tests.parts.installed import program

HERE = Path(__file__).parent
CONNECTIONS = 32
"""Where as many answers as go are asked for."""
OPENED = 2000
"""Connections that are opened in a second at most."""
LONG = 2.5
"""Streams one after another that a measurement lasts at least."""

HEADERS = """wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-x"
"""
WRK = f"""{HEADERS}local before, after = [==[{{before}}]==], [==[{{after}}]==]
local number = 0
request = function()
  number = number + 1
  return wrk.format(nil, nil, nil, before .. string.format("%08d", number) .. after)
end
"""
SAME = f"""{HEADERS}wrk.body = [==[{{before}}{{after}}]==]
"""


@dataclass(frozen=True)
class Bench:
    """Where files go, and how long is measured."""

    folder: Path
    seconds: float
    kit_runs: int = 20
    """How often what takes milliseconds is repeated in a run."""

    @classmethod
    def made(cls, folder: Path, seconds: float, kit_runs: int) -> Bench:
        """With the programs in C compiled."""
        for name in ("load", "pacer"):
            words = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(folder / name)]
            subprocess.run([*words, str(HERE / f"{name}.c")], check=True)
        return cls(folder, seconds, kit_runs)

    def file(self, name: str, content: str | bytes) -> Path:
        """A file for a server or a load."""
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


@dataclass(frozen=True)
class Streams:
    """So many streams at a time, again and again."""

    ask: Ask
    count: int
    pace: float = 0.0
    """Milliseconds of TTFT and ITL."""
    itl: float | None = None
    """Milliseconds of ITL, where they are others."""

    @property
    def gap(self) -> float:
        """Milliseconds of ITL."""
        return self.pace if self.itl is None else self.itl

    def command(self, bench: Bench, port: int, frames: int, seconds: float) -> list[str]:
        """The load program with its options."""
        body = bench.file(f"body{abs(hash(self.ask.payload))}.json", self.ask.payload)
        warm = max(1.0, self.count / OPENED)
        options = {
            "-p": port,
            "-u": self.ask.path,
            "-b": body,
            "-n": self.count,
            "-s": seconds,
            "-m": self.ask.mark,
            "-e": self.ask.end,
            "-f": frames,
            "-t": self.pace,
            "-i": self.gap,
            "-w": warm,
        }
        words = [word for name, value in options.items() for word in (name, str(value))]
        return pinned(LOAD, [str(bench.folder / "load"), *words])

    def run(self, bench: Bench, server: Server) -> Figures:
        """The times of the streams. Raises `Broken` where one of them was not whole; of paced ones
        some may not have ended in time, which is `unfinished`: that server is late, not wrong."""
        _, frames = probed(server.port, self.ask)
        whole = LONG * (self.pace + self.gap * (frames - 1)) / 1000
        command = self.command(bench, server.port, frames, max(bench.seconds, whole))
        before = server.cpu_seconds
        said = json.loads(subprocess.check_output(command))
        return checked(said, late=self.pace > 0) | cost(server, before, said["answered"])

    @contextmanager
    def held(self, bench: Bench, server: Server, frames: int) -> Iterator[None]:
        """Streams that have begun, for as long as the block runs."""
        command = [*self.command(bench, server.port, frames, 0.0), "-H"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as load:
            assert load.stdin
            assert load.stdout
            try:
                if load.stdout.readline() != b"held\n":
                    raise Broken(f"{' '.join(command)}: the streams did not begin")
                yield
            finally:
                load.stdin.close()


def cost(server: Server, before: float, answers: float) -> dict[str, float]:
    """The processor time of a server for an answer: unlike a rate it is hardly less when others use
    the machine too."""
    used = server.cpu_seconds - before
    return {"server_us": used * 1e6 / answers} if answers else {}


def checked(said: dict[str, float], *, late: bool = False) -> dict[str, float]:
    """What the load says, without what it could not measure.

    Raises `Broken` where it says that answers were not whole, that there were none, or, unless they may
    be late, that some did not end.
    """
    wrong = said["broken"] or said["refused"] or (said["unfinished"] and not late)
    if wrong or not said["frames_per_second"] or not (said["streams"] or late):
        raise Broken(f"{said['streams']:g} streams were whole, others were not: {json.dumps(said)}")
    return {name: value for name, value in said.items() if value >= 0}


def whole_answers(bench: Bench, server: Server, ask: Ask, *, status: int = 200) -> Figures:
    """As many whole answers as go. Raises `Broken` where they are not what one answer was before."""
    wrk = program("wrk")
    if wrk is None:
        raise Broken("wrk is missing: .ci/parts wrk")
    text, _ = probed(server.port, ask, status=status)
    before, mark, after = ask.payload.decode().partition(NUMBER)
    script = bench.file("ask.lua", (WRK if mark else SAME).format(before=before, after=after))
    options = ["-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(bench.seconds))}s", "-s", str(script)]
    url = f"http://127.0.0.1:{server.port}{ask.path}"
    used = server.cpu_seconds
    out = subprocess.check_output(pinned(LOAD, [str(wrk), *options, url]), text=True)
    found = read_wrk(out, len(text), refused=status >= 400)
    return found | cost(server, used, found.pop("answered"))


def read_wrk(out: str, size: int, *, refused: bool = False) -> dict[str, float]:
    """The rate that wrk says, and how many were answered.

    Raises `Broken` where answers are missing, have another status than was expected, or are smaller than
    a body of so many bytes.
    """
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    total = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)([KMG]?)B read", out)
    if rate is None or total is None or not int(total[1]):
        raise Broken(f"wrk says no rate: {out}")
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    wrong = int(bad[1]) if bad else 0
    if "Socket errors" in out or wrong != (int(total[1]) if refused else 0):
        raise Broken(f"the answers are not those that were expected: {out}")
    read = float(total[2]) * 1024 ** " KMG".index(total[3] or " ")
    if read / int(total[1]) < 0.9 * size:
        raise Broken(f"answers have less than {size} bytes: {out}")
    return {"requests_per_second": float(rate[1]), "answered": float(total[1])}
