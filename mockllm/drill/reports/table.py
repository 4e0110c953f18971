"""The results for a terminal: one line for each incident, one column for each system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from textwrap import fill

from mockllm.drill.cell import VERDICTS, Verdict
from mockllm.drill.reports.visible import visible
from mockllm.drill.results import Results

SIGNS: dict[Verdict, str] = {
    "survived": "✓",
    "survived with advice": "✓!",
    "failed safely": "▽",
    "not judged": "·",
    "wrong": "✗",
    "hung": "∞",
}
"""A sign beside each verdict, so that colour is never all that tells them apart."""
MEANINGS: dict[Verdict, str] = {
    "survived": "all that was judged holds",
    "survived with advice": "all that was judged holds, and its conduct can be better",
    "failed safely": "the caller got an error that it can know, and nobody was deceived",
    "not judged": "what the incident expects could not be seen, or it cannot meet this system",
    "wrong": "something does not hold: a part passed for the whole, an error got lost, it crashed",
    "hung": "no answer within the guard",
}
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


def table(results: Results, paint: Paint = plain, width: int | None = None) -> str:
    """The table, the counts and the limits; `paint` may colour a cell.

    Where it would be wider than `width`, it has signs in the place of words, and where names are too
    wide even so, numbers in the place of names.
    """
    return "\n".join(lines(results, paint, width)) + "\n"


def lines(results: Results, paint: Paint, width: int | None) -> Iterator[str]:
    """Its lines."""
    names = [visible(column.name) for column in results.columns]
    numbers = [str(n) for n in range(1, len(names) + 1)]
    first = max([len("incident"), *(len(about.name) for about in results.incidents)])
    heads = names
    cells: Callable[[Verdict], str] = signed
    if width is not None and first + sum(map(len, laid(heads, cells, "  "))) > width:
        cells = SIGNS.__getitem__
        if first + sum(map(len, laid(heads, cells, "  "))) > width:
            heads = numbers
    widths = [len(one) for one in laid(heads, cells)]
    yield "  ".join(["incident".ljust(first), *laid(heads, cells)]).rstrip()
    category = None
    for about, row in results.rows():
        if about.category != category:
            category = about.category
            yield f"-- {category}"
        verdicts = zip((cell.verdict for cell in row), widths, strict=True)
        shown = (paint(cells(verdict).ljust(size), verdict) for verdict, size in verdicts)
        yield "  ".join([about.name.ljust(first), *shown]).rstrip()
    yield ""
    for line in told(results, names, signs=cells is not signed, numbered=heads is numbers):
        yield line if width is None else fill(line, width, subsequent_indent="  ")


def told(results: Results, names: list[str], *, signs: bool, numbered: bool) -> Iterator[str]:
    """What stands below the table: signs and numbers in words, versions, counts and limits."""
    if signs:
        yield ", ".join(map(signed, VERDICTS))
    for number, (name, column) in enumerate(zip(names, results.columns, strict=True), 1):
        counts = ", ".join(f"{n} {verdict}" for verdict, n in column.counts().items() if n)
        key = f"{number} = " if numbered else ""
        yield f"{key}{name} ({visible(column.version)}): {counts or 'nothing'}"
    yield f"limits: {results.limits.as_text()}; {results.seconds:.0f} s in all"


def laid(heads: Sequence[str], cells: Callable[[Verdict], str], before: str = "") -> list[str]:
    """The heads, as wide as their columns."""
    widest = max(len(cells(verdict)) for verdict in VERDICTS)
    return [before + head.ljust(widest) for head in heads]
