"""Writes the tables of `docs/drills.md`: what the systems did that could run here.

python -m tests.drill.tables              runs the drill with every part that is installed
python -m tests.drill.tables drill.json   takes the report of a drill that has run
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mockllm.cli import cli
from mockllm.drill.cell import VERDICTS
from mockllm.drill.limits import Limits
from mockllm.drill.reports.markdown import row, text_of
from mockllm.drill.reports.table import SIGNS, signed
from tests.parts.installed import program

PAGE = Path(__file__).parents[2] / "docs" / "drills.md"
BEGIN, END = "<!-- tables -->\n", "<!-- /tables -->\n"
SDKS = ("openai", "anthropic", "litellm", "langchain")
GATEWAYS = ("envoy", "haproxy", "litellm-proxy", "nginx", "portkey")


def arguments() -> Iterator[str]:
    """The systems that can run here: SDKs by their interpreters, gateways by their programs."""
    yield from ("--sdk", "aiohttp", "--sdk", "http")
    for name in SDKS:
        path = program(name)
        if path is not None:
            yield from ("--sdk", name, "--python", f"{name}={path}")
    for name in GATEWAYS:
        path = program(name)
        if path is not None:
            found = path.with_name("litellm") if name == "litellm-proxy" else path
            yield from ("--system", name, "--program", f"{name}={found}")


def drilled() -> dict[str, Any]:
    """The report of a drill with all of them."""
    with tempfile.TemporaryDirectory() as folder:
        done = CliRunner().invoke(cli, ["drill", *arguments(), "--out", folder])
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
        version = system["version"].partition(" - ")[0]
        yield row(f"`{system['name']}`", text_of(version), *counts)
    yield ""
    yield row("Incident", *(f"`{system['name']}`" for system in systems))
    yield row(*["---"] * (1 + len(systems)))
    for number, about in enumerate(report["incidents"]):
        signs = (SIGNS[system["cells"][number]["verdict"]] for system in systems)
        yield row(f"`{about['name']}`", *signs)
    yield ""
    yield ", ".join(f"{sign} {verdict}" for verdict, sign in SIGNS.items()) + "."


def write(report: dict[str, Any]) -> None:
    """Put the tables in their place on the page."""
    before, begin, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin
    assert end
    PAGE.write_text(f"{before}{begin}\n{tables(report)}\n{end}{after}", "utf-8")


if __name__ == "__main__":
    given = sys.argv[1:]
    write(json.loads(Path(given[0]).read_text("utf-8")) if given else drilled())
