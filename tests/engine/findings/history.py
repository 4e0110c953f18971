"""Journals that are written by hand: calls at chosen times, and how each of them went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from mockllm.engine.findings.case import Caller, Limits
from mockllm.engine.findings.finding import Finding
from mockllm.engine.findings.verdict import Verdict, judge
from mockllm.engine.journal import Ending, Entry, Outcome, Record
from mockllm.timeline.events import Close, Wait
from tests.engine.build import CHAT, HERE, Clock, engine

DOWN = "faults: [{fail: 503}]"


@dataclass
class Begun:
    """A call that is not over."""

    record: Record
    at: float


class History:
    """A server whose clients call when the test says so; times are seconds after its start."""

    def __init__(self, text: str = DOWN, *, speed: float = 1.0) -> None:
        self.clock = Clock(0.0)
        self.engine = engine(text, clock=self.clock, speed=speed)
        self._records: list[Record] = []

    def begin(
        self,
        at: float,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        target: str = CHAT,
        connection: int = 0,
        messages: list[dict[str, Any]] | None = None,
        **data: Any,
    ) -> Begun:
        """A request that has come."""
        self.clock.now = at
        said = messages or [{"role": "user", "content": "Hi"}]
        body = json.dumps({"model": "gpt-4o", "messages": said, **data}).encode()
        call, name = self.engine.read("POST", target, headers, body)
        plan = self.engine.plan(call, name, HERE, connection=connection)
        record = self.engine.begin(plan, "")
        self._records.append(record)
        return Begun(record, at)

    def end(
        self,
        begun: Begun,
        at: float,
        ending: Ending | None = None,
        *,
        heard: float = 0.0,
        left: float | None = None,
    ) -> Entry:
        """It is over: as planned, or in its first wait (`peer gone`, `held`).

        `heard` is when the first byte was sent, `left` when the client left, if not at the end;
        both count from the request.
        """
        self.clock.now = at
        plan, lasted = begun.record.entry.plan, at - begun.at
        events = plan.lowered.events
        planned: Ending = "done"
        match events[-1:]:
            case (Close("rst"),):
                planned = "reset"
            case (Close(complete=False),):
                planned = "closed"
        ending = ending or planned
        count = whole = len(events)
        if ending in ("peer gone", "held"):
            waits = [index for index, event in enumerate(events) if isinstance(event, Wait)]
            whole = waits[0] if waits else count - 1
            count = whole + 1
        gone = left if left is not None else lasted if ending == "peer gone" else None
        size = sum(len(getattr(event, "data", b"")) for event in events[:whole])
        first = heard if size else None
        entry = begun.record.update(Outcome(ending, count, whole, size, first, lasted, gone))
        self.engine.ended(entry)
        return entry

    def call(
        self, at: float, *, lasts: float = 0.01, ending: Ending | None = None, **data: Any
    ) -> Entry:
        """A call from its request to its end."""
        return self.end(self.begin(at, **data), at + lasts, ending)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The journal as it stands."""
        return tuple(record.entry for record in self._records)

    def verdict(self, *, limits: Limits | None = None, caller: Caller | None = None) -> Verdict:
        """What is found of it."""
        return judge(self.entries, limits=limits or Limits(), caller=caller or Caller())


def attempts(history: History, *starts: float, **data: Any) -> History:
    """Calls of 10 ms with the same request at these times."""
    for at in starts:
        history.call(at, **data)
    return history


def found(verdict: Verdict, name: str) -> Finding:
    """The one finding of a check."""
    (finding,) = [one for one in verdict.findings if one.name == name]
    return finding


def told(verdict: Verdict, name: str) -> str:
    """What became of a check: `found`, `passed`, or why it was not judged."""
    if name in verdict.passed:
        return "passed"
    if name in verdict.not_judged:
        return verdict.not_judged[name]
    found(verdict, name)
    return "found"
