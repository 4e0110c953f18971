"""Faults that were asked for by name, and whether they acted: a test that injects nothing proves
nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mockllm.engine.gate import Connection
from mockllm.engine.journal import Entry
from mockllm.faults.apply import AnyFault
from mockllm.faults.fault import flow_of


@dataclass(frozen=True, slots=True)
class Demand:
    """Faults of which at least one has to act."""

    words: str
    """What was written to ask for them."""
    faults: tuple[AnyFault, ...]


@dataclass(frozen=True, slots=True)
class Unmet:
    """A demand of which no fault has acted, and why not."""

    words: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        why = "; ".join(self.reasons) or "no call reached a route that has it"
        return f"{self.words} never fired: {why}"


class Demands:
    """What was asked for since the start or reset. Faults are told apart as objects, because two
    calls may ask for equal ones."""

    def __init__(self) -> None:
        self._demands: list[Demand] = []
        self._acted: dict[int, AnyFault] = {}

    def ask(self, demand: Demand) -> None:
        """Ask for faults; a demand without any is met."""
        if demand.faults:
            self._demands.append(demand)

    def note(self, entry: Entry) -> None:
        """Remember what acted on a call, which the journal may forget."""
        for fault in entry.acted:
            self._acted[id(fault)] = fault

    def clear(self) -> None:
        """Forget what was asked for and what acted."""
        self._demands.clear()
        self._acted.clear()

    def copy(self) -> Demands:
        """The same as it stands now, for another thread."""
        made = Demands()
        made._demands, made._acted = list(self._demands), dict(self._acted)
        return made

    def unmet(
        self, entries: Iterable[Entry], connections: Iterable[Connection]
    ) -> tuple[Unmet, ...]:
        """The demands of which nothing has acted so far."""
        entries = tuple(entries)
        acted = self._acted.keys() | {id(fault) for one in entries for fault in one.acted}
        gates = {text for connection in connections for text in connection.fired}
        return tuple(
            Unmet(demand.words, tuple(reasons(demand, entries)))
            for demand in self._demands
            if not any(id(fault) in acted or flow_of(fault) in gates for fault in demand.faults)
        )


def reasons(demand: Demand, entries: Iterable[Entry]) -> Iterable[str]:
    """Why the faults did not act on the calls that came, each reason once."""
    seen: dict[str, list[int]] = {}
    for entry in entries:
        for fault, why in entry.missed:
            if any(fault is one for one in demand.faults):
                seen.setdefault(why, []).append(entry.number)
    for why, numbers in seen.items():
        shown = ", ".join(f"#{number}" for number in numbers[:5])
        yield f"{why} ({shown}{', …' if len(numbers) > 5 else ''})"
