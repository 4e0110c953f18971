"""A timeline as a picture: who waited for whom, from a real run, in SVG."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape

from mockllm.engine.calls import Calls

Kind = Literal["good", "bad", "wait"]

COLOURS: dict[Kind, tuple[str, str]] = {
    "good": ("#d5efdb", "#2b7a3f"),
    "bad": ("#f9d6d5", "#b3261e"),
    "wait": ("#e8eaed", "#5f6368"),
}
"""Fill and edge of a bar."""
WIDTH, LEFT, RIGHT, TOP = 920, 190, 40, 48
ROW, BAR, GAP = 26, 20, 10
LETTER = 6.3
"""The width of a letter at the size of a bar's text, about."""
HALO = " stroke='#ffffff' stroke-width='4' paint-order='stroke'"
"""Keeps lines of time out of a text that has no bar behind it."""
FONT = "font-family='ui-sans-serif, system-ui, sans-serif'"
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


class Bar(NamedTuple):
    """Something that took time. Times are seconds; without an end it was still going on."""

    lane: str
    begin: float
    end: float | None
    text: str
    kind: Kind


def of_calls(lane: str, calls: Calls) -> list[Bar]:
    """The calls of a journal, each with its status and how it ended."""
    bars = []
    for call in calls:
        good = call.succeeded
        words = str(call.status) if call.status is not None else "no answer"
        if call.outcome.ending not in ("done", "playing"):
            words += f", {call.outcome.ending}"
        last = call.ended_at
        bars.append(Bar(lane, call.at, last, words, "good" if good else "bad"))
    return bars


class Placed(NamedTuple):
    """Where a bar and its text are, in the picture's units."""

    bar: Bar
    x: float
    width: float
    text_x: float
    anchor: Literal["start", "end"]

    @property
    def left(self) -> float:
        """Where it begins, text included."""
        return self.text_x - LETTER * len(self.bar.text) if self.anchor == "end" else self.x

    @property
    def right(self) -> float:
        """Where it ends, text included."""
        behind = self.text_x + LETTER * len(self.bar.text) if self.anchor == "start" else 0.0
        return max(self.x + self.width, behind) + LETTER


def place(bar: Bar, scale: float, until: float) -> Placed:
    """The text stands in its bar where it fits, else behind it, else before it."""
    x = LEFT + bar.begin * scale
    width = max(3.0, ((until if bar.end is None else bar.end) - bar.begin) * scale)
    wide = LETTER * len(bar.text)
    if wide + 12 < width:
        return Placed(bar, x, width, x + 6, "start")
    if x + width + wide + 10 > WIDTH:
        return Placed(bar, x, width, x - 6, "end")
    return Placed(bar, x, width, x + width + 6, "start")


def rows_of(bars: Iterable[Placed]) -> list[list[Placed]]:
    """The bars of one lane in rows in which none covers another, nor another's text."""
    rows: list[list[Placed]] = []
    for bar in sorted(bars, key=lambda bar: bar.x):
        free = (row for row in rows if all(one.right <= bar.left for one in row))
        row = next(free, None)
        if row is None:
            rows.append(row := [])
        row.append(bar)
    return rows


def svg(title: str, bars: Iterable[Bar]) -> str:
    """The picture; lanes stand in the order in which the bars name them."""
    bars = list(bars)
    until = max(bar.end or bar.begin for bar in bars) * 1.02
    scale = (WIDTH - LEFT - RIGHT) / until
    parts: list[str] = []
    y = TOP
    for lane in dict.fromkeys(bar.lane for bar in bars):
        rows = rows_of(place(bar, scale, until) for bar in bars if bar.lane == lane)
        parts.append(text(12, y + BAR / 2 + 4, lane, 13, "#202124"))
        for row in rows:
            parts += [draw(bar, y) for bar in row]
            y += ROW
        y += GAP
    height = y + 40
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' {FONT}"
            f" role='img' aria-label='{escape(title, {chr(39): '&#39;'})}'>",
            f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
            text(12, 24, title, 15, "#202124"),
            *axis(until, scale, y),
            *parts,
            "</svg>\n",
        ]
    )


def axis(until: float, scale: float, y: float) -> list[str]:
    """The lines of time and their seconds."""
    step = next((step for step in STEPS if until / step <= 12), STEPS[-1])
    lines = []
    for number in range(int(until / step) + 1):
        x = LEFT + number * step * scale
        lines.append(f"<path d='M{x:.1f} {TOP - 8}V{y}' stroke='#dadce0'/>")
        lines.append(text(x, y + 18, f"{number * step:g} s", 11, "#5f6368", "middle"))
    return lines


def draw(placed: Placed, y: float) -> str:
    """One bar and its text; the edge of one that was still going on is broken."""
    fill, edge = COLOURS[placed.bar.kind]
    dash = " stroke-dasharray='4 3'" if placed.bar.end is None else ""
    box = f"<rect x='{placed.x:.1f}' y='{y}' width='{placed.width:.1f}' height='{BAR}' rx='3' fill='{fill}' stroke='{edge}'{dash}/>"
    inside = placed.x < placed.text_x < placed.x + placed.width
    halo = "" if inside else HALO
    return box + text(placed.text_x, y + 14, placed.bar.text, 11, edge, placed.anchor, halo)


def text(
    x: float, y: float, words: str, size: int, colour: str, anchor: str = "start", more: str = ""
) -> str:
    """A line of text."""
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' text-anchor='{anchor}'{more}>{escape(words)}</text>"
