"""Progress on standard error while a drill runs: a table if rich is there, else a line a cell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click

from mockllm.drill.cell import BAD, VERDICTS, Cell, Verdict
from mockllm.drill.reports.table import COLOURS, SIGNS, signed

Show = Callable[[str, Cell], None]
WIDE = 120
"""Columns of a terminal in which the moving table has words; in less it has signs."""


@contextmanager
def live(total: Mapping[str, int]) -> Iterator[Show]:
    """What is to be called with each cell, and the name of its system; `total` are all cells."""
    try:
        import rich  # noqa: F401
    except ImportError:
        fancy = False
    else:
        fancy = sys.stderr.isatty()
    with moving(total) if fancy else plain(total) as show:
        yield show


@contextmanager
def plain(total: Mapping[str, int]) -> Iterator[Show]:
    """A line for each cell."""
    done = dict.fromkeys(total, 0)

    def show(system: str, cell: Cell) -> None:
        done[system] += 1
        place = f"{done[system]:>{len(str(total[system]))}}/{total[system]}"
        verdict = click.style(f"{signed(cell.verdict):<22}", fg=COLOURS[cell.verdict])
        click.echo(f"{place}  {system}  {verdict}  {cell.incident}", err=True)

    yield show


@contextmanager
def moving(total: Mapping[str, int]) -> Iterator[Show]:
    """A table of counts that changes, with what is wrong or hung above it."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.live import Live
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    counts: dict[str, dict[Verdict, int]] = {one: dict.fromkeys(VERDICTS, 0) for one in total}
    console = Console(stderr=True)
    narrow = console.width < WIDE

    def table() -> Table:
        made = Table("system", "", "", box=SIMPLE_HEAD)
        for verdict in VERDICTS:
            head = SIGNS[verdict] if narrow else signed(verdict)
            made.add_column(Text(head, COLOURS[verdict]), justify="right", no_wrap=True)
        for system, found in counts.items():
            done = sum(found.values())
            bar = ProgressBar(total=total[system], completed=done, width=10 if narrow else 20)
            numbers = (str(found[verdict] or "") for verdict in VERDICTS)
            made.add_row(Text(system), bar, f"{done}/{total[system]}", *numbers)
        if narrow:
            made.caption = ", ".join(map(signed, VERDICTS))
        return made

    with Live(table(), console=console, transient=True) as screen:

        def show(system: str, cell: Cell) -> None:
            counts[system][cell.verdict] += 1
            if cell.verdict in BAD:
                line = f"{system}  {signed(cell.verdict):<7}  {cell.incident}"
                console.print(Text(line, COLOURS[cell.verdict]))
            screen.update(table())

        yield show
