"""The load model by simulation: clients that ask again when they are answered, on a clock that jumps.

    python -m tests.engine.load_model      draws docs/load.svg

Everything is the server's own but the socket and the clock: the engine counts the requests in flight and
plans, the player writes. `formula` says the same in the words of the documentation; the test compares them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import mean
from typing import NamedTuple
from xml.sax.saxutils import escape

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.server.player import Player
from mockllm.timeline.score import score
from tests.server.fakes import FakeClock, FakeTransport

PICTURE = Path(__file__).parents[2] / "docs" / "load.svg"
TTFT, ITL, WORDS = 0.2, 0.02, 50
SLOTS, SLOWDOWN, QUEUE = 8, 2.0, 16
PROFILE = f"""mockllm: 1
pacing: {{ttft: {TTFT}s, itl: {ITL}s, load: {{slots: {SLOTS}, slowdown: {SLOWDOWN}, queue: {QUEUE}}}}}
script: {{words: {WORDS}}}
"""
BODY = b'{"model": "m", "stream": true, "messages": [{"role": "user", "content": "hi"}]}'
SPAN = 60.0
"""Seconds that are simulated."""
RETRY = 1.0
"""Seconds after which a client that was refused asks again."""
MOST = 32
"""Clients at most."""


class Times(NamedTuple):
    """Seconds of TTFT and ITL, and answers a second."""

    ttft: float
    itl: float
    rate: float


def formula(clients: int) -> Times:
    """What the load model says where so many clients ask again and again.

    Each finds all others in flight, or as many as slots and queue hold: `n`, itself included. All
    times grow with the slots that are taken, and who is not among the first `SLOTS` waits for as many
    places as there are before it, which come free `SLOTS` in the time of one answer.
    """
    n = min(clients, SLOTS + QUEUE)
    factor = 1 + (SLOWDOWN - 1) * (min(n, SLOTS) - 1) / (SLOTS - 1)
    answer = (TTFT + ITL * (WORDS - 1)) * factor
    wait = answer * max(0, n - SLOTS) / SLOTS
    return Times(TTFT * factor + wait, ITL * factor, n / (answer + wait))


class Answer(NamedTuple):
    """A whole answer: who got it, seconds of TTFT, mean ITL, and when it was over."""

    client: int
    ttft: float
    itl: float
    over: float


@dataclass
class Simulation:
    """Some clients at one engine, and what they saw."""

    clients: int
    answers: list[Answer] = field(default_factory=list)
    refused: int = 0

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self._engine = Engine(
            Library(), load(PROFILE, name="p"), conditions=Conditions(), now=self.clock.now
        )

    def run(self) -> Simulation:
        """Let all begin at one moment, and go on until the time is over."""
        for client in range(self.clients):
            self.clock.call_at(0.0, partial(self._ask, client))
        self.clock.advance(SPAN)
        return self

    def _ask(self, client: int) -> None:
        """One request, and the next when it is answered."""
        asked = self.clock.now()
        call, name = self._engine.read("POST", "/v1/chat/completions", (), BODY)
        plan = self._engine.plan(call, name, Here())
        record = self._engine.begin(plan, "")
        transport = FakeTransport(self.clock)

        def over(outcome: Outcome) -> None:
            self._engine.ended(record.update(outcome))
            now = self.clock.now()
            if plan.refused is not None:
                self.refused += 1
                self.clock.call_at(now + RETRY, partial(self._ask, client))
                return
            # Head, role and first word share the first write; the end shares that of the last.
            words = [time for time, data in transport.writes if b'"content":"' in data]
            itl = (words[-1] - words[0]) / (WORDS - 1)
            self.answers.append(Answer(client, words[0] - asked, itl, now))
            self.clock.call_at(now, partial(self._ask, client))

        Player(score(plan.lowered.events), transport, self.clock, over).play()

    @property
    def settled(self) -> Sequence[Answer]:
        """The answers of the second half, when every client has found the others in flight."""
        return [one for one in self.answers if one.over > SPAN / 2]

    @property
    def times(self) -> Times:
        """The means of the second half, and the sum of the clients' own rates."""
        ends: dict[int, list[float]] = defaultdict(list)
        for one in self.settled:
            ends[one.client].append(one.over)
        return Times(
            mean(one.ttft for one in self.settled),
            mean(one.itl for one in self.settled),
            sum((len(those) - 1) / (those[-1] - those[0]) for those in ends.values()),
        )


# The picture

WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP, HIGH = 920, 300, 56, 64, 240, 56, 180
Part = Callable[[Times], float]
PANELS: tuple[tuple[str, float, float, Part], ...] = (
    ("TTFT, seconds", 6, 1, lambda times: times.ttft),
    ("ITL, milliseconds", 50, 10, lambda times: times.itl * 1000),
    ("answers a second", 4, 1, lambda times: times.rate),
)
"""Title, upper end, step of the axis, and what is drawn."""
CLIENTS = tuple(range(1, MOST + 1))


def svg(simulated: Sequence[Times]) -> str:
    """Lines for the formula, dots for the simulation with so many clients as their place, from 1."""
    title = (
        f"load: {{slots: {SLOTS}, slowdown: {SLOWDOWN:g}, queue: {QUEUE}}}, TTFT {TTFT * 1000:g} ms, "
        f"ITL {ITL * 1000:g} ms, {WORDS} words: formula (line) and simulation (dots)"
    )
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"font-family='ui-sans-serif, system-ui, sans-serif' role='img' aria-label='{escape(title)}'>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='#ffffff'/>",
        text(12, 24, title, 14, "#202124"),
    ]
    for number, panel in enumerate(PANELS):
        parts += draw(LEFT + number * (PANEL + GAP), *panel, simulated)
    return "\n".join([*parts, "</svg>\n"])


def draw(
    left: float, title: str, most: float, step: float, part: Part, simulated: Sequence[Times]
) -> Iterator[str]:
    """One panel."""

    def x(clients: float) -> float:
        return left + clients * PANEL / MOST

    def y(value: float) -> float:
        return TOP + HIGH - value * HIGH / most

    yield text(left, TOP - 12, title, 12, "#202124")
    for number in range(int(most / step) + 1):
        at = y(number * step)
        yield f"<path d='M{left} {at:.1f}H{left + PANEL}' stroke='#e8eaed'/>"
        yield text(left - 6, at + 4, f"{number * step:g}", 11, "#5f6368", "end")
    for clients, name in ((SLOTS, "slots"), (SLOTS + QUEUE, "queue full")):
        at = x(clients)
        yield f"<path d='M{at:.1f} {TOP}V{TOP + HIGH}' stroke='#9aa0a6' stroke-dasharray='4 3'/>"
        yield text(at, TOP + HIGH + 16, f"{clients}: {name}", 11, "#5f6368", "middle")
    yield text(left + PANEL / 2, TOP + HIGH + 34, "clients", 11, "#5f6368", "middle")
    line = " ".join(f"{x(clients):.1f},{y(part(formula(clients))):.1f}" for clients in CLIENTS)
    yield f"<polyline points='{line}' fill='none' stroke='#1a73e8' stroke-width='2'/>"
    for clients, times in zip(CLIENTS, simulated, strict=True):
        yield f"<circle cx='{x(clients):.1f}' cy='{y(part(times)):.1f}' r='3' fill='#b3261e'/>"


def text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "start") -> str:
    """A text."""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' "
        f"text-anchor='{anchor}'>{escape(words)}</text>"
    )


if __name__ == "__main__":
    PICTURE.write_text(svg([Simulation(clients).run().times for clients in CLIENTS]), "utf-8")
