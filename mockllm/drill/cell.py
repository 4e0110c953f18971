"""One cell of a drill's table: what a system did in one incident, with the evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from mockllm.drill.worker import Event
from mockllm.engine.findings.finding import Finding
from mockllm.engine.judge import Judgement, Seen

Verdict = Literal[
    "survived", "survived with advice", "failed safely", "wrong", "hung", "not judged"
]

VERDICTS: tuple[Verdict, ...] = (
    "survived",
    "survived with advice",
    "failed safely",
    "not judged",
    "wrong",
    "hung",
)
"""From best to worst; what was not judged stands between good and bad."""
LONGEST = 4000
"""Characters of an answer's text that a report has."""
EVENTS = 400
"""Events of a client that a report has."""
SHOWN = 500
"""Characters of an event that a report has."""
BAD: frozenset[Verdict] = frozenset({"wrong", "hung"})


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that the server did or saw, on the clock that all processes share."""

    time: float
    until: float
    """The same as `time` for what has no length."""
    kind: str
    """request, head, frame, wait, close, peer."""
    text: str
    call: int
    """The number of the call in the journal."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a system did in one incident."""

    incident: str
    category: str
    verdict: Verdict
    reason: str
    """Why, in a sentence."""
    seen: Seen | None = None
    judgements: tuple[Judgement, ...] = ()
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    """What a gateway made of what it got, by name."""
    attempts: int = 0
    seconds: float = 0.0
    begun: float = 0.0
    """When the client was asked, on the clock of the events."""
    events: tuple[Event, ...] = ()
    """What the client saw."""
    marks: tuple[Mark, ...] = ()
    """What the server did."""
    sent: tuple[str, ...] = ()
    """The bytes that the server wrote, call by call, as text."""

    def as_json(self) -> dict[str, Any]:
        """The cell as data; times count from when the client was asked."""
        return {
            "incident": self.incident,
            "category": self.category,
            "verdict": self.verdict,
            "reason": self.reason,
            "attempts": self.attempts,
            "seconds": round(self.seconds, 3),
            "seen": None
            if self.seen is None
            else asdict(replace(self.seen, text=cut(self.seen.text))),
            "judgements": [asdict(one) for one in self.judgements],
            "findings": [one.as_json() for one in self.findings],
            "facts": dict(self.facts),
            "client": [
                [round(e.time - self.begun, 6), e.kind, shortened(e.text, SHOWN)]
                for e in kept(self.events)
            ],
            "server": [
                [
                    round(m.time - self.begun, 6),
                    round(m.until - self.begun, 6),
                    m.kind,
                    m.text,
                    m.call,
                ]
                for m in self.marks
            ],
            "sent": list(self.sent),
        }


def kept(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Of many events the first and the last."""
    if len(events) <= EVENTS:
        return events
    half = EVENTS // 2
    more = Event(events[half].time, "more", f"{len(events) - EVENTS} events more")
    return (*events[:half], more, *events[-half:])


def cut(text: str | None) -> str | None:
    """A text that is not too long for a report."""
    return None if text is None else shortened(text, LONGEST)


def shortened(text: str, most: int) -> str:
    """At most so many characters of a text, and how many it had more."""
    more = len(text) - most
    return text if more <= 0 else f"{text[:most]}… {more} characters more"


RESCUE = ("client.text", "client.tool_calls", "client.finish", "client.usage")
"""Statements that only an answer can fulfil. A call that ended with an error instead was not rescued,
and yet nobody was deceived."""


def verdict_of(
    seen: Seen,
    judgements: tuple[Judgement, ...],
    findings: tuple[Finding, ...],
    *,
    too_few: bool = False,
) -> tuple[Verdict, str]:
    """The verdict on a call that ended, and why.

    A call that ended with an error that the client's caller can know failed safely, if all that
    does not hold is what an answer would have shown, or that it should have tried again
    (`too_few`: fewer attempts came than are expected). Conduct that does not hold is wrong, and so is
    a call that expects an answer and ends with an exception that is none of the client's own kinds.
    """
    error = seen.error
    broken = [one for one in judgements if one.wrong]
    held = [one for one in judgements if one.verdict == "held"]
    missed = [one for one in judgements if one.verdict == "broken" and one.advice]
    clean = error is not None and error.kind != "other"
    if broken and not (clean and all(is_rescue(one, too_few=too_few) for one in broken)):
        return "wrong", "; ".join(f"{one.statement}: {one.evidence}" for one in broken)
    if not held and not broken and not missed:
        return "not judged", "; ".join(one.evidence for one in judgements) or "it expects nothing"
    told = [f"{one.statement}: {one.evidence}" for one in missed]
    advice = "; ".join((*told, *(f"{one.name}: {one.evidence}" for one in findings)))
    if error is not None:
        also = f"; advice: {advice}" if advice else ""
        said = shortened(error.message, 160)
        return "failed safely", f"{error.name}: {said}{also}" if said else f"{error.name}{also}"
    if advice:
        return "survived with advice", advice
    return "survived", "; ".join(one.statement for one in held)


def is_rescue(one: Judgement, *, too_few: bool) -> bool:
    """Whether a statement is about being rescued, and not about conduct."""
    name = one.statement.partition(":")[0]
    return name in RESCUE or (too_few and name == "server.attempts")
