"""The results of a drill: a table of cells, with what is needed to read and to repeat it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mockllm.drill.cell import BAD, VERDICTS, Cell
from mockllm.drill.facts import is_warning
from mockllm.drill.limits import Limits

FORMAT = 1
"""The version of the JSON report."""


class BadBaseline(Exception):
    """A file is no earlier JSON report."""


@dataclass(frozen=True, slots=True)
class Column:
    """One system and its cells, in the order of the incidents."""

    name: str
    version: str
    about: str
    cells: tuple[Cell, ...]
    configuration: str = ""
    """How it was configured, as text: a file's content, or nothing."""

    def counts(self) -> dict[str, int]:
        """How many cells have each verdict, from best to worst."""
        found = Counter(cell.verdict for cell in self.cells)
        return {verdict: found[verdict] for verdict in VERDICTS}

    def warnings(self) -> list[tuple[str, str, int]]:
        """The facts that show harm: name, fact, and in how many cells; the most frequent first."""
        found = Counter(
            (name, fact)
            for cell in self.cells
            for name, fact in cell.facts.items()
            if is_warning(fact)
        )
        return [(name, fact, count) for (name, fact), count in found.most_common()]


@dataclass(frozen=True, slots=True)
class About:
    """What one incident is."""

    name: str
    category: str
    about: str
    cite: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Results:
    """All of a drill."""

    mockllm: str
    """The version that ran."""
    bundle: str
    """What was asked for: a bundle, a category, or names."""
    limits: Limits
    incidents: tuple[About, ...]
    columns: tuple[Column, ...]
    seconds: float = 0.0
    command: str = ""
    """The command that does it again; empty where there was none."""

    def rows(self) -> Iterator[tuple[About, tuple[Cell, ...]]]:
        """Each incident and its cells, system by system."""
        cells = zip(*(column.cells for column in self.columns), strict=True)
        yield from zip(self.incidents, cells, strict=True)

    @property
    def bad(self) -> tuple[tuple[Column, Cell], ...]:
        """The cells that are wrong or hung."""
        return tuple(
            (column, cell)
            for column in self.columns
            for cell in column.cells
            if cell.verdict in BAD
        )

    def regressions(
        self, baseline: Mapping[tuple[str, str], str]
    ) -> tuple[tuple[Column, Cell], ...]:
        """The bad cells that a baseline has, and has as none that is bad."""
        return tuple(
            (column, cell)
            for column, cell in self.bad
            if baseline.get((column.name, cell.incident), "wrong") not in BAD
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as data."""
        return {
            "format": FORMAT,
            "mockllm": self.mockllm,
            "bundle": self.bundle,
            "command": self.command,
            "limits": asdict(self.limits),
            "seconds": round(self.seconds, 1),
            "incidents": [asdict(incident) for incident in self.incidents],
            "systems": [
                {
                    "name": column.name,
                    "version": column.version,
                    "about": column.about,
                    "configuration": column.configuration,
                    "counts": column.counts(),
                    "cells": [cell.as_json() for cell in column.cells],
                }
                for column in self.columns
            ],
        }


def as_text(results: Results) -> str:
    """The JSON report. A client may tell half of a surrogate pair: that stays an escape, since UTF-8
    cannot say it."""
    text = json.dumps(results.as_json(), indent=1, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace").decode()


def read_baseline(path: Path) -> dict[tuple[str, str], str]:
    """The verdicts of an earlier JSON report, by system and incident; raises `BadBaseline`."""
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["format"] != FORMAT:
            raise BadBaseline(
                f"{path}: expected format {FORMAT}, got {document['format']!r}; run the drill again"
            )
        return {
            (str(system["name"]), str(cell["incident"])): str(cell["verdict"])
            for system in document["systems"]
            for cell in system["cells"]
        }
    except OSError as error:
        raise BadBaseline(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError):
        raise BadBaseline(
            f"{path}: expected the drill.json of an earlier drill, got something else"
        ) from None
