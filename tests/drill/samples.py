"""Results of a drill that nobody ran, with texts that are out for trouble."""

from __future__ import annotations

from mockllm.drill.cell import Cell, Mark
from mockllm.drill.limits import Limits
from mockllm.drill.results import About, Column, Results
from mockllm.drill.worker import Event
from mockllm.engine.findings.finding import Finding
from mockllm.engine.judge import Judgement, Seen

EVIL = "</pre><script src='https://evil.test/x.js'>alert(1)</script>|`*&amp;\x00\x1b[31m\ufeff\u202e\ud83d"
"""A text that a client could tell."""


def cell(incident: str = "one", **more: object) -> Cell:
    """A cell that is wrong, with everything."""
    given: dict[str, object] = {
        "incident": incident,
        "category": "headers",
        "verdict": "wrong",
        "reason": EVIL,
        "seen": Seen(text=EVIL, seconds=0.5),
        "judgements": (Judgement("client.text: whole", "broken", EVIL),),
        "findings": (Finding("tight-loop", "fail", (1,), EVIL, "why", "remedy"),),
        "facts": {"status": f"changed: {EVIL}"},
        "attempts": 1,
        "seconds": 0.5,
        "begun": 100.0,
        "events": (Event(100.0, "call", ""), Event(100.4, "raised", EVIL)),
        "marks": (
            Mark(100.1, 100.1, "request", "POST /", 1),
            Mark(100.2, 100.4, "wait", EVIL, 1),
            *(Mark(100.4 + n / 10000, 100.4 + n / 10000, "frame", "x", 1) for n in range(500)),
        ),
        "sent": (EVIL * 1000,),
    }
    return Cell(**{**given, **more})  # type: ignore[arg-type]


def results(*columns: Column, count: int = 1) -> Results:
    """A table of one system and one incident, or of what is given."""
    names = [f"incident-{n}" for n in range(count)]
    found = columns or (Column(EVIL, EVIL, EVIL, tuple(map(cell, names)), EVIL),)
    about = (About(name, "headers", EVIL, ("https://github.com/a/b/issues/1",)) for name in names)
    return Results(
        "0", "core", Limits(), tuple(about), found, 1.0, f"mockllm drill --command {EVIL}"
    )
