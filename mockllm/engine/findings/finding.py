"""What a finding is, and what all checks share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from mockllm.engine.findings.case import Case
from mockllm.engine.journal import Entry

Severity = Literal["fail", "warn"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One judged fact about a client's conduct."""

    name: str
    severity: Severity
    """`fail`: it harms others or loses data. `warn`: it may, under load or in bad luck."""
    calls: tuple[int, ...]
    """The calls that show it, by their number in the journal."""
    evidence: str
    """What was seen, with numbers."""
    why: str
    remedy: str
    resembles: str = ""
    """The public report of an incident like it; may be empty."""

    def as_json(self) -> dict[str, Any]:
        """The finding as data."""
        return {**asdict(self), "calls": list(self.calls)}


class NotJudged(Exception):
    """The journal does not show what a check asks; the text is the reason."""


class Check(ABC):
    """One thing that is judged; its docstring says what is seen as a sin, and what is not.

    `why` and `remedy` are a sentence each; `resembles` is the public report of an incident.
    """

    name: ClassVar[str]
    severity: ClassVar[Severity] = "fail"
    why: ClassVar[str]
    remedy: ClassVar[str]
    resembles: ClassVar[str] = ""

    @abstractmethod
    def judge(self, case: Case, /) -> Iterator[Finding]:
        """What was found; nothing where the conduct was seen and right.

        Raises `NotJudged` where it was not seen.
        """

    def finding(self, calls: Iterable[Entry], evidence: str) -> Finding:
        """A finding of this check."""
        numbers = tuple(sorted({entry.number for entry in calls}))
        return Finding(
            self.name, self.severity, numbers, evidence, self.why, self.remedy, self.resembles
        )


def span(seconds: float) -> str:
    """A time as evidence shows it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def spans(seconds: Iterable[float]) -> str:
    """Several times; long lists are cut."""
    shown = [span(one) for one in seconds]
    more = f" and {len(shown) - 8} more" if len(shown) > 8 else ""
    return ", ".join(shown[:8]) + more


def among(count: int, of: int, what: str) -> str:
    """What is said of the others where the worst of several is shown."""
    return f" (the worst of {count} among {of} {what})" if count > 1 else ""
