"""The tables of a report, and how they come into `docs/performance.md`:
`python -m tests.bench.tables results.json`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.bars import judge, short
from tests.bench.servers import ALL as SERVERS
from tests.bench.workloads import ALL as WORKLOADS

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- results -->\n", "<!-- /results -->\n"

TITLES = {
    "frames_per_second": "frames/s",
    "streams_per_second": "streams/s",
    "requests_per_second": "requests/s",
    "mb_per_second": "MB/s",
    "streams_at_a_time": "streams at a time",
    "gap_p50": "gap error p50, ms",
    "gap_p99": "gap error p99, ms",
    "gap_max": "gap error max, ms",
    "ttft_p50": "TTFT error p50, ms",
    "ttft_p99": "TTFT error p99, ms",
    "total_percent": "total, % of ideal",
    "unfinished": "streams that did not end",
    "resident_mb": "resident, MB",
    "cpu_percent": "processor, %",
    "load_percent": "load's processor, %",
    "prompts": "prompts",
    "server_us": "server time an answer, µs",
    "stream_us": "server time a stream, µs",
    "server_ms": "server time, ms",
    "answer_ms": "answer, ms",
    "ttft_ms": "TTFT p50, ms",
    "ttft_p99_ms": "TTFT p99, ms",
    "stream_ms": "whole stream, ms",
    "start_ms": "start, ms",
    "stop_ms": "stop, ms",
    "plugin_ms": "plugin, ms",
}


def row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a Markdown table."""
    yield row(head)
    yield row(["---"] * len(head))
    yield from map(row, rows)


def lines(report: Mapping[str, Any]) -> Iterator[str]:
    """A report as Markdown."""
    about = report["about"]
    yield (
        f"{about['date']}, commit {about['commit']}; {about['machine']}, load {about['load']} before; "
        f"Python {about['python']}, uvloop {about['uvloop']}, aiohttp {about['aiohttp']}, "
        f"pydantic {about['pydantic']}. {about['runs']} runs of {about['seconds']:g} s each, "
        "interleaved; medians."
    )
    yield ""
    results = report["results"]
    yield from table(
        ("Bar", "Limit", "Measured", "Met"), [judged.cells for judged in judge(results)]
    )
    for name, subjects in results.items():
        work = WORKLOADS[name]
        shown = [figure for figure in work.shows if any(figure in one for one in subjects.values())]
        yield ""
        yield f"**{name}**: {work.about}"
        yield ""
        yield from table(
            ("", *(TITLES[figure] for figure in shown)),
            [
                (subject, *(short(one[figure]) if figure in one else "–" for figure in shown))
                for subject, one in subjects.items()
            ],
        )
    if report["servers"]:
        yield ""
        yield from table(
            ("Server", "What it is", "Version"),
            [
                (name, SERVERS[name].about, version or "–")
                for name, version in report["servers"].items()
            ],
        )
    if report["missing"]:
        yield ""
        yield "Not measured:"
        yield ""
        yield from (f"- {what}: {why}" for what, why in report["missing"].items())


def text(report: Mapping[str, Any]) -> str:
    """A report as Markdown."""
    return "\n".join(lines(report)) + "\n"


def write(report: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put the tables in their place on the page. Raises `ValueError` where the page has no marks."""
    before, begin, rest = page.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: expected the lines {BEGIN.strip()} and {END.strip()}")
    page.write_text(f"{before}{begin}\n{text(report)}\n{end}{after}", "utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.bench.tables RESULTS.json")
    write(json.loads(Path(sys.argv[1]).read_text("utf-8")))
