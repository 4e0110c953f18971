"""How well times are kept, and how much one core answers: `python -m tests.bench`.

mockllm runs beside its peers on the same work. The server is on processor 0 and the load on 1. The
subjects of a workload take turns, and each figure is the median of the runs; only ratios within one
report mean anything, because another machine, or the same at another time, has other figures. Needs
Linux with two processors, cc, uvloop and wrk; `.ci/parts --bench` installs wrk and the peers.

Prints every figure as it is there, then the tables in Markdown, and with `--json FILE` the report that
`python -m tests.bench.tables FILE` writes into docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figures, medians
from tests.bench.load import Bench
from tests.bench.machine import about
from tests.bench.peer import Peer
from tests.bench.process import Broken, raise_limit
from tests.bench.servers import ALL as SERVERS
from tests.bench.tables import text
from tests.bench.workload import Workload
from tests.bench.workloads import ALL as WORKLOADS


def arguments(words: Sequence[str] | None = None) -> argparse.Namespace:
    """The options; ends the process with a message for unknown names."""
    options = argparse.ArgumentParser(
        prog="python -m tests.bench", description="The benchmark of mockllm and its peers."
    )
    options.add_argument(
        "--only", nargs="+", metavar="WORKLOAD", default=[], help="these; a prefix means all of it"
    )
    options.add_argument(
        "--servers", nargs="+", choices=SERVERS, metavar="SERVER", default=list(SERVERS)
    )
    options.add_argument("--runs", type=int, default=3)
    options.add_argument("--seconds", type=float, default=4.0, help="of one measurement")
    options.add_argument("--quick", action="store_true", help="one run of one second each")
    options.add_argument("--json", type=Path, help="where the report goes")
    options.add_argument("--list", action="store_true", help="the workloads and servers")
    given = options.parse_args(words)
    if given.quick:
        given.runs, given.seconds = 1, 1.0
    given.workloads = chosen(given.only)
    for name in given.only:
        if not chosen([name]):
            options.error(
                f"--only: no workload begins with {name!r}; known: {', '.join(WORKLOADS)}"
            )
    return given


def chosen(only: Sequence[str]) -> list[Workload]:
    """The workloads that are asked for."""
    return [work for name, work in WORKLOADS.items() if not only or name.startswith(tuple(only))]


def listing() -> str:
    """What there is."""
    works = [f"  {name:17} {work.about}" for name, work in WORKLOADS.items()]
    servers = [
        f"  {name:17} {peer.about}{f' ({peer.why_missing})' if peer.why_missing else ''}"
        for name, peer in SERVERS.items()
    ]
    return "\n".join(["workloads:", *works, "servers:", *servers])


def measured(
    bench: Bench, work: Workload, peers: Mapping[str, Peer], runs: int, missing: dict[str, str]
) -> Mapping[str, Figures]:
    """The medians of a workload by subject; a subject that breaks is left out, with its reason."""
    able = dict(work.subjects(bench, peers))
    found: dict[str, list[Figures]] = {subject: [] for subject in able}
    for _ in range(runs):
        for subject, measure in tuple(able.items()):
            try:
                found[subject].append(measure())
            except Broken as error:
                missing[f"{work.name}, {subject}"] = str(error)
                print(f"{work.name:17} {subject:16} broken: {error}", flush=True)
                del able[subject]
    medial = {subject: medians(of) for subject, of in found.items() if len(of) == runs}
    for subject, figures in medial.items():
        shown = ", ".join(f"{name} {figures[name]:g}" for name in work.shows if name in figures)
        print(f"{work.name:17} {subject:16} {shown}", flush=True)
    return medial


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    given = arguments(words)
    if given.list:
        print(listing())
        return
    raise_limit()
    report: dict[str, Any] = {
        "about": {**about(), "runs": given.runs, "seconds": given.seconds},
        "servers": {},
        "missing": {},
        "results": {},
    }
    peers = {}
    for name in given.servers:
        peer = SERVERS[name]
        if peer.why_missing:
            report["missing"][name] = peer.why_missing
        else:
            peers[name] = peer
            report["servers"][name] = peer.version
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench.made(Path(folder), given.seconds, 5 if given.quick else 20)
        for work in given.workloads:
            found = measured(bench, work, peers, given.runs, report["missing"])
            if found:
                report["results"][work.name] = found
            if given.json:  # after each, so that what breaks later loses nothing
                given.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"\n{text(report)}")


if __name__ == "__main__":
    main()
