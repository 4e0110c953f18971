"""The results for a terminal: one line for each incident, one column for each system."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mockllm.drill.cell import VERDICTS, Cell, Verdict
from mockllm.drill.results import Results

SIGNS: dict[Verdict, str] = {
    "survived": "✓",
    "survived with advice": "✓",
    "failed safely": "▽",
    "not judged": "·",
    "wrong": "✗",
    "hung": "∞",
}
"""A sign beside each verdict, so that colour is never all that tells them apart."""
COLOURS: dict[Verdict, str] = {
    "survived": "green",
    "survived with advice": "cyan",
    "failed safely": "blue",
    "not judged": "white",
    "wrong": "red",
    "hung": "magenta",
}

Paint = Callable[[str, Verdict], str]


def signed(verdict: Verdict) -> str:
    """A verdict with its sign."""
    return f"{SIGNS[verdict]} {verdict}"


def plain(text: str, verdict: Verdict) -> str:
    """Without colour."""
    return text


def table(results: Results, paint: Paint = plain) -> str:
    """The table, the counts and the limits; `paint` may colour a cell."""
    return "\n".join(lines(results, paint)) + "\n"


def lines(results: Results, paint: Paint) -> Iterator[str]:
    """Its lines."""
    names = [column.name for column in results.columns]
    first = max([len("incident"), *(len(about.name) for about in results.incidents)])
    widths = [max(len(name), *(len(signed(v)) for v in VERDICTS)) for name in names]
    heads = (name.ljust(width) for name, width in zip(names, widths, strict=True))
    yield "  ".join(["incident".ljust(first), *heads]).rstrip()
    category = None
    for about, cells in results.rows():
        if about.category != category:
            category = about.category
            yield f"-- {category}"
        yield "  ".join([about.name.ljust(first), *painted(cells, widths, paint)]).rstrip()
    yield ""
    for column in results.columns:
        counts = ", ".join(f"{n} {verdict}" for verdict, n in column.counts().items() if n)
        yield f"{column.name} ({column.version}): {counts or 'nothing'}"
    yield f"limits: {results.limits.as_text()}; {results.seconds:.0f} s in all"


def painted(cells: tuple[Cell, ...], widths: list[int], paint: Paint) -> Iterator[str]:
    """The cells of a line."""
    for cell, width in zip(cells, widths, strict=True):
        yield paint(signed(cell.verdict).ljust(width), cell.verdict)
