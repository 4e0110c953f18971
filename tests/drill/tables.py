"""Writes the tables of `docs/drills.md`: what the systems did that could run here.

python -m tests.drill.tables                       runs the core bundle with every part that is installed
python -m tests.drill.tables failoverbench         the same for Failover Bench, in its own times
python -m tests.drill.tables [failoverbench] FILE  takes the drill.json of a drill that has run
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mockllm.cli import cli
from mockllm.drill.cell import VERDICTS
from mockllm.drill.facts import FACTS
from mockllm.drill.limits import Limits
from mockllm.drill.reports.markdown import row, text_of
from mockllm.drill.reports.table import SIGNS, signed
from tests.parts.installed import program

PAGE = Path(__file__).parents[2] / "docs" / "drills.md"
SDKS = ("openai", "openai-node", "anthropic", "litellm", "langchain")
PLAIN = ("aiohttp", "http")
GATEWAYS = ("envoy", "nginx", "haproxy", "litellm-proxy", "portkey")
BENCH = "failoverbench"
BENCH_SYSTEMS = ("http", "openai", "openai-node", "litellm-proxy-fallback")
BENCH_OPTIONS = (
    "--bundle", "failoverbench-0.1", "--timeout", "30", "--speed", "1", "--guard", "130", "--jobs", "16",
)  # fmt: skip
"""Failover Bench's own limits and times."""
P, A, S, F = "pass", "partial", "safe", "fail"
WORDS = {"survived": P, "survived with advice": A, "failed safely": S, "wrong": F, "hung": F}
"""Its words for the verdicts."""
IDEAL_ERROR = "fb-s13"
"""The scenario whose ideal outcome is an error."""
PUBLISHED = {
    "http": ("No gateway", (S, S, S, S, S, S, P, S, S, P, P, S, P, S, S, S)),
    "openai": ("openai-python SDK", (P, S, P, S, P, S, P, S, S, S, P, S, P, S, S, S)),
    "litellm-proxy-fallback": ("LiteLLM proxy", (P, P, P, P, P, A, A, S, S, S, P, P, A, S, P, P)),
}
"""Its scorecard of 2026-09-12, S01 to S16, of the systems that are most like ours."""


COUNTED = ("requests upstream",)
"""Facts that are different for each incident."""


def arguments(*names: str) -> Iterator[str]:
    """Those of the systems that can run here, with the place of each."""
    for name in names:
        part = "litellm-proxy" if name.startswith("litellm-proxy") else name
        path = program(part)
        if name in PLAIN:
            yield from ("--sdk", name)
        elif path is None:
            print(f"{name}: no part {part} is installed", file=sys.stderr)
        elif name == "openai-node":
            folder = str(path).partition("/node_modules/")[0]
            yield from ("--sdk", name, "--modules", f"{name}={folder}")
        elif name in SDKS:
            yield from ("--sdk", name, "--python", f"{name}={path}")
        else:
            found = path.with_name("litellm") if part == "litellm-proxy" else path
            yield from ("--system", name, "--program", f"{name}={found}")


def drilled(*options: str) -> dict[str, Any]:
    """The report of a drill."""
    with tempfile.TemporaryDirectory() as folder:
        done = CliRunner().invoke(cli, ["drill", *options, "--out", folder])
        if done.exit_code == 2:
            sys.exit(done.stderr)
        report: dict[str, Any] = json.loads((Path(folder) / "drill.json").read_text("utf-8"))
        return report


def tables(report: dict[str, Any]) -> str:
    """The tables of a report."""
    return "\n".join(lines(report)) + "\n"


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Their lines."""
    systems = report["systems"]
    yield f"`mockllm drill`, {report['bundle']}; {Limits(**report['limits']).as_text()}."
    yield ""
    yield row("System", "Version", *map(signed, VERDICTS))
    yield row(*["---"] * (2 + len(VERDICTS)))
    for system in systems:
        counts = (str(system["counts"][verdict]) for verdict in VERDICTS)
        yield row(f"`{system['name']}`", text_of(version_of(system)), *counts)
    yield ""
    yield row("Incident", *(f"`{system['name']}`" for system in systems))
    yield row(*["---"] * (1 + len(systems)))
    for number, about in enumerate(report["incidents"]):
        signs = (SIGNS[system["cells"][number]["verdict"]] for system in systems)
        yield row(f"`{about['name']}`", *signs)
    yield ""
    yield ", ".join(f"{sign} {verdict}" for verdict, sign in SIGNS.items()) + "."
    gateways = [one for one in systems if any(cell["facts"] for cell in one["cells"])]
    if gateways:
        yield ""
        yield from fact_lines(gateways)


def fact_lines(gateways: Sequence[Any]) -> Iterator[str]:
    """What gateways made of what they got, and in how many incidents."""
    yield "What the gateways made of what they got, in how many incidents:"
    yield ""
    yield row("Fact", *(f"`{one['name']}`" for one in gateways))
    yield row(*["---"] * (1 + len(gateways)))
    for name in FACTS:
        if name not in COUNTED:
            yield row(name, *(kinds_of(one, name) for one in gateways))


def kinds_of(gateway: Any, name: str) -> str:
    """The kinds of one fact, the most frequent first."""
    facts = (cell["facts"].get(name) for cell in gateway["cells"])
    found = Counter(fact.partition(":")[0] for fact in facts if fact is not None)
    return ", ".join(f"{kind} ({count})" for kind, count in found.most_common()) or "–"


def bench_lines(report: dict[str, Any]) -> Iterator[str]:
    """The table of Failover Bench, in its words, beside what it has published."""
    systems = report["systems"]
    for system in systems:
        yield f"- `{system['name']}`: {text_of(version_of(system))}"
    yield ""
    heads, columns = [], []
    for system in systems:
        heads.append(f"`{system['name']}`")
        columns.append([word_of(cell) for cell in system["cells"]])
        if system["name"] in PUBLISHED:
            name, words = PUBLISHED[system["name"]]
            heads.append(f"published: {name}")
            columns.append(list(words))
    yield row("Scenario", *heads)
    yield row(*["---"] * (1 + len(heads)))
    for number, about in enumerate(report["incidents"]):
        yield row(f"`{about['name']}`", *(column[number] for column in columns))


def word_of(cell: dict[str, Any]) -> str:
    """A verdict in Failover Bench's words."""
    if cell["incident"] == IDEAL_ERROR and cell["verdict"] == "failed safely":
        return P
    return WORDS.get(cell["verdict"], "n/a")


def version_of(system: dict[str, Any]) -> str:
    """A version without what it says beside it."""
    found: str = system["version"].partition(" - ")[0]
    return found


def write(what: str, text: str) -> None:
    """Put a table in its place on the page."""
    begin, end = f"<!-- {what} -->\n", f"<!-- /{what} -->\n"
    before, begun, rest = PAGE.read_text("utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    assert begun
    assert ended
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}", "utf-8")


def main(given: list[str]) -> None:
    """Run, or take what has run, and write."""
    bench = given[:1] == [BENCH]
    file = given[1:] if bench else given
    if file:
        report: dict[str, Any] = json.loads(Path(file[0]).read_text("utf-8"))
    elif bench:
        report = drilled(*arguments(*BENCH_SYSTEMS), *BENCH_OPTIONS)
    else:
        report = drilled(*arguments(*SDKS, *PLAIN, *GATEWAYS))
    if bench:
        write(BENCH, "\n".join(bench_lines(report)) + "\n")
    else:
        write("tables", tables(report))


if __name__ == "__main__":
    main(sys.argv[1:])
