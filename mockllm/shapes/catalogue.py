"""What there is: a table of the answers and one of the shapes, for people."""

from __future__ import annotations

from dataclasses import dataclass

from mockllm.shapes.answer import Evidence, answers
from mockllm.shapes.shape import shapes


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One named answer."""

    name: str
    status: int
    about: str
    evidence: Evidence
    source: str

    @property
    def producer(self) -> str:
        """Whose answer it is: the first part of its name."""
        return self.name.partition(".")[0]


@dataclass(frozen=True, slots=True)
class ShapeRow:
    """One shape."""

    name: str
    about: str
    source: str
    statuses: tuple[int, ...]
    """The statuses for which it has words of its server's own."""


def catalogue() -> tuple[AnswerRow, ...]:
    """Every named answer, by producer, in the order of its file."""
    return tuple(
        AnswerRow(name, one.status, one.about, one.evidence, one.source)
        for name, one in answers().items()
    )


def shape_catalogue() -> tuple[ShapeRow, ...]:
    """Every shape, by name."""
    return tuple(
        ShapeRow(name, one.about, one.source, tuple(sorted(one.statuses)))
        for name, one in sorted(shapes().items())
    )
