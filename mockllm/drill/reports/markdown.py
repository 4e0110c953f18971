"""The results as a page of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mockllm.drill.cell import BAD, VERDICTS, shortened
from mockllm.drill.reports.table import signed
from mockllm.drill.reports.visible import visible
from mockllm.drill.results import Column, Results

SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~&])")
LONG = 500


def markdown(results: Results) -> str:
    """The page."""
    return "\n".join(lines(results)) + "\n"


def text_of(text: str) -> str:
    """Any text as one line of Markdown that says just that."""
    flat = visible(" ".join(text.split()))
    return SPECIAL.sub(r"\\\1", shortened(flat, LONG))


def code(text: str) -> str:
    """Any text as code in one line, in a table too."""
    flat = visible(" ".join(text.split())).replace("|", "\\|")
    return f"`{flat}`" if "`" not in flat else f"``` {flat} ```"


def row(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


def lines(results: Results) -> Iterator[str]:
    """Its lines."""
    yield "# Drill"
    yield ""
    yield f"mockllm {results.mockllm}, {text_of(results.bundle)}. Limits: {results.limits.as_text()}."
    yield ""
    if results.command:
        yield f"Repeat it: {code(results.command)}"
        yield ""
    yield from summary(results)
    yield ""
    yield from matrix(results)
    for column in results.columns:
        yield from details(column)


def summary(results: Results) -> Iterator[str]:
    """How many of each verdict every system has."""
    yield row("System", "Version", *map(signed, VERDICTS))
    yield row(*["---"] * (2 + len(VERDICTS)))
    for column in results.columns:
        counts = (str(count) for count in column.counts().values())
        yield row(text_of(column.name), text_of(column.version), *counts)


def matrix(results: Results) -> Iterator[str]:
    """Each incident and its verdicts."""
    yield row("Category", "Incident", *(text_of(column.name) for column in results.columns))
    yield row(*["---"] * (2 + len(results.columns)))
    for about, cells in results.rows():
        verdicts = (signed(cell.verdict) for cell in cells)
        yield row(text_of(about.category), code(about.name), *verdicts)


def details(column: Column) -> Iterator[str]:
    """What is to be said of a system's cells."""
    told = [cell for cell in column.cells if cell.verdict in BAD or cell.findings]
    facts = column.warnings()
    if not told and not facts:
        return
    yield ""
    yield f"## {text_of(column.name)}"
    if facts:
        yield ""
        yield "What it made of what it got:"
        yield ""
    yield from (
        f"- {text_of(name)}: {text_of(fact)} (in {count} of {len(column.cells)})"
        for name, fact, count in facts
    )
    for cell in told:
        yield ""
        yield f"**{text_of(cell.incident)}**: {signed(cell.verdict)}. {text_of(cell.reason)}"
        yield ""
        yield from (
            f"- {one.verdict}: {text_of(one.statement)} ({text_of(one.evidence)})"
            for one in cell.judgements
        )
        yield from (
            f"- advice ({one.name}): {text_of(one.evidence)}. {text_of(one.remedy)}."
            for one in cell.findings
        )
