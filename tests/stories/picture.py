"""A timeline as a picture: who waited for whom, from a real run, in SVG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
FONT = "font-family='ui-sans-serif, system-ui, sans-serif'"
STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


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


def rows_of(bars: Sequence[Bar], scale: float) -> list[list[Bar]]:
    """The bars of one lane in rows in which none covers another, nor another's text."""
    rows: list[list[Bar]] = []
    ends: list[float] = []
    for bar in sorted(bars, key=lambda bar: bar.begin):
        end = bar.begin + LETTER * (len(bar.text) + 3) / scale
        end = max(end, bar.end if bar.end is not None else float("inf"))
        row = next((number for number, last in enumerate(ends) if last <= bar.begin), len(rows))
        if row == len(rows):
            rows.append([])
            ends.append(0.0)
        rows[row].append(bar)
        ends[row] = end
    return rows


def svg(title: str, bars: Iterable[Bar]) -> str:
    """The picture; lanes stand in the order in which the bars name them."""
    bars = list(bars)
    until = max(bar.end or bar.begin for bar in bars) * 1.02
    scale = (WIDTH - LEFT - RIGHT) / until
    parts: list[str] = []
    y = TOP
    for lane in dict.fromkeys(bar.lane for bar in bars):
        rows = rows_of([bar for bar in bars if bar.lane == lane], scale)
        parts.append(text(12, y + BAR / 2 + 4, lane, 13, "#202124"))
        for row in rows:
            parts += [draw(bar, y, scale, until) for bar in row]
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


def draw(bar: Bar, y: float, scale: float, until: float) -> str:
    """One bar and its text, inside where it fits, else behind it; an open one fades out."""
    fill, edge = COLOURS[bar.kind]
    x = LEFT + bar.begin * scale
    width = max(3.0, ((until if bar.end is None else bar.end) - bar.begin) * scale)
    dash = " stroke-dasharray='4 3'" if bar.end is None else ""
    box = f"<rect x='{x:.1f}' y='{y}' width='{width:.1f}' height='{BAR}' rx='3' fill='{fill}' stroke='{edge}'{dash}/>"
    wide = LETTER * len(bar.text)
    inside = wide + 12 < width
    if not inside and x + width + wide + 10 > WIDTH:  # no room behind it
        return box + text(x - 6, y + 14, bar.text, 11, edge, "end")
    return box + text(x + 6 if inside else x + width + 6, y + 14, bar.text, 11, edge)


def text(x: float, y: float, words: str, size: int, colour: str, anchor: str = "start") -> str:
    """A line of text."""
    return f"<text x='{x:.1f}' y='{y:.1f}' font-size='{size}' fill='{colour}' text-anchor='{anchor}'>{escape(words)}</text>"
