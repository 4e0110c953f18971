"""All that can be said of what happened at a server, for people and for programs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from mockllm.engine.calls import Calls
from mockllm.engine.demands import Demands
from mockllm.engine.draw import draw
from mockllm.engine.engine import Engine
from mockllm.engine.findings.report import as_json as verdict_json
from mockllm.engine.findings.report import as_text as verdict_text
from mockllm.engine.findings.verdict import Verdict
from mockllm.engine.findings.verdict import judge as judge_conduct
from mockllm.engine.gate import Connection
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Judgement, Seen, judge
from mockllm.engine.lateness import LATE, too_slow
from mockllm.profile.expect import Expect


@dataclass(frozen=True, slots=True)
class Summary:
    """What happened, and what is wrong with it."""

    profile: str
    calls: Calls
    unmet: tuple[str, ...]
    """Faults that were asked for by name and never acted."""
    unused: tuple[str, ...]
    """Answers that were said and that no call got."""
    verdict: Verdict
    expectations: tuple[Judgement, ...]
    gap_error: float = 0.0
    """The p99 gap error of all paced events in seconds: what the machine added to their times."""

    @property
    def broken(self) -> tuple[Judgement, ...]:
        """The expectations that do not hold."""
        return tuple(one for one in self.expectations if one.wrong)

    @property
    def failed(self) -> bool:
        """Whether something is wrong: harmful conduct, a broken expectation, a fault that never
        fired."""
        return bool(self.verdict.failures or self.broken or self.unmet)

    def as_text(self) -> str:
        """The summary in lines."""
        plural = "" if len(self.calls) == 1 else "s"
        parts = [f"profile {self.profile}, {len(self.calls)} call{plural}"]
        parts += [draw(self.calls)] if self.calls else []
        parts += [too_slow(self.gap_error)] if self.gap_error > LATE else []
        parts += [f"fail  {one}" for one in self.unmet]
        parts += [f"unused  {one}" for one in self.unused]
        if self.expectations:
            parts += ["expectations:", *(f"  {one}" for one in self.expectations)]
        parts += ["conduct:", verdict_text(self.verdict)]
        return "\n".join(part.rstrip("\n") for part in parts) + "\n"

    def as_json(self) -> dict[str, Any]:
        """The summary as data."""
        return {
            "failed": self.failed,
            "profile": self.profile,
            "calls": len(self.calls),
            "never_fired": list(self.unmet),
            "unused": list(self.unused),
            "gap_error": self.gap_error,
            "expectations": [as_json(one) for one in self.expectations],
            **verdict_json(self.verdict),
        }


def as_json(one: Judgement) -> dict[str, str]:
    """One statement as data."""
    return {"statement": one.statement, "verdict": one.verdict, "evidence": one.evidence}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What happened at a server until a moment; it may be judged in any thread."""

    profile: str
    expect: Expect | None
    session: str | None
    entries: tuple[Entry, ...]
    connections: tuple[Connection, ...]
    demands: Demands
    unused: tuple[str, ...]
    gap_error: float

    @classmethod
    def of(cls, engine: Engine, session: str | None = None) -> Snapshot:
        """What happened so far, or in one session; to be called where the engine lives."""
        return cls(
            engine.profile.name,
            engine.profile.profile.expect,
            session,
            engine.journal.entries(),
            engine.connections.entries(),
            engine.demands.copy(),
            engine.unused,
            engine.lateness.quantile(0.99),
        )

    def judged(self, *, seen: Seen | None = None, ignore: Collection[str] = ()) -> Summary:
        """What is wrong with it.

        `seen` is what the caller of the client saw of the first logical call; `ignore` are names
        of findings. Raises `ValueError` for a name that no finding has.
        """
        calls = Calls(
            entry for entry in self.entries if self.session in (None, entry.plan.call.session)
        )
        groups = calls.logical
        return Summary(
            self.profile,
            calls,
            tuple(map(str, self.demands.unmet(self.entries, self.connections))),
            self.unused,
            judge_conduct(calls, ignore=ignore),
            judge(self.expect, seen, groups[0] if groups else ()) if self.expect else (),
            self.gap_error,
        )
