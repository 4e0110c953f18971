"""The picture of one cell: what the server did above, what the client saw below, one axis of time.

Marks stand where they happened. Those that would lie on one another are moved aside by a few pixels,
in their order; their tooltips and the table of events have the exact times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from mockllm.drill.cell import Cell, Mark
from mockllm.drill.reports.visible import markup

LEFT, RIGHT, WIDTH = 84.0, 16.0, 900.0
LANE, AXIS = 22.0, 28.0
LANES = 6
"""Attempts that have a lane of their own; later ones share the last."""
LEAST = 8.0
"""Pixels between two strokes; closer ones of a kind become one. A shorter wait is not drawn."""
APART = 12.0
"""Pixels between a sign and its neighbour."""
TICKS = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    20.0,
    50.0,
    100.0,
)
SIGNS = {
    "request": ("begin", "request read"),
    "call": ("begin", "call"),
    "started": ("begin", "started"),
    "head": ("head", "head"),
    "end": ("good", "all sent"),
    "returned": ("good", "returned"),
    "close": ("bad", "closed"),
    "peer": ("bad", "client left"),
    "raised": ("bad", "raised"),
    "over": ("over", "over"),
    "exited": ("over", "exited"),
    "left": ("over", "left"),
}
"""The sign of a kind, and the kind in words; what is not here is a stroke. Signs differ in form, not in
colour alone, and are never drawn as one with others."""
WAIT = "wait"
WORDS = {"frame": "frame", "more": "marks left out"}
"""Kinds of strokes that are not said as they are called."""
FORMS = {
    "begin": "M-4 -5L5 0L-4 5Z",
    "head": "M0 -6L6 0L0 6L-6 0Z",
    "good": "M-5 0A5 5 0 1 1 5 0A5 5 0 1 1 -5 0Z",
    "bad": "M-5 -3L-3 -5L0 -2L3 -5L5 -3L2 0L5 3L3 5L0 2L-3 5L-5 3L-2 0Z",
    "over": "M-4 -4H4V4H-4Z",
    "stroke": "M-1 -8H1V8H-1Z",
    "several": "M-3 -8H3V8H-3Z",
    "bar": "M-6 -4H6V4H-6Z",
}
"""Paths around the point of a mark."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Something to draw."""

    x: float
    width: float
    kind: str
    text: str
    hidden: int = 0
    """How many more it stands for."""

    @property
    def form(self) -> str:
        """The name of its form."""
        return SIGNS[self.kind][0] if self.kind in SIGNS else "several" if self.hidden else "stroke"


@dataclass(frozen=True, slots=True)
class Scale:
    """From seconds since the call began to pixels."""

    seconds: float

    def x(self, time: float) -> float:
        """Where a time is."""
        share = min(max(time / self.seconds, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> Iterator[float]:
        """The times that are labelled, eight at most."""
        step = next((one for one in TICKS if self.seconds / one <= 8), self.seconds / 8)
        number = 0
        while number * step <= self.seconds * 1.0001:
            yield number * step
            number += 1


def timeline(cell: Cell) -> str:
    """The picture as SVG; empty where nothing happened."""
    if not cell.marks and not cell.events:
        return ""
    times = [*(mark.until for mark in cell.marks), *(event.time for event in cell.events)]
    scale = Scale(max([*(time - cell.begun for time in times), cell.seconds, 0.001]))
    lanes = server_lanes(cell, scale)
    axis = len(lanes) * LANE + 4
    height = axis + AXIS + LANE
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{label(cell)}">',
        *axis_lines(scale, axis, height),
        *(line for n, (name, spots) in enumerate(lanes) for line in lane(name, spots, n * LANE)),
        *lane("client", client_spots(cell, scale), axis + AXIS),
        "</svg>",
    ]
    return "".join(parts)


def label(cell: Cell) -> str:
    """The picture in words."""
    return markup(
        f"Timeline of {cell.incident}: {cell.attempts} requests at the server, "
        f"{len(cell.events)} events at the client, {cell.seconds:.2f} seconds; the events below say it in words"
    )


def legend(cell: Cell) -> str:
    """What the signs of a cell's picture mean, as HTML."""
    server = keys(mark.kind for mark in cell.marks)
    client = keys(event.kind for event in cell.events)
    return f'<ul class="legend"><li>server:</li>{server}</ul><ul class="legend"><li>client:</li>{client}</ul>'


def keys(kinds: Iterable[str]) -> str:
    """Each kind with its sign, once."""
    found = []
    for kind in dict.fromkeys(kinds):
        form, words = SIGNS.get(kind, ("stroke", WORDS.get(kind, kind)))
        shape = drawn("bar" if kind == WAIT else form, kind, 0, 0)
        svg = f'<svg class="key" viewBox="-8 -8 16 16" aria-hidden="true">{shape}</svg>'
        found.append(f"<li>{svg} {markup(words)}</li>")
    return "".join(found)


def server_lanes(cell: Cell, scale: Scale) -> list[tuple[str, list[Spot]]]:
    """A lane for each attempt."""
    calls = sorted({mark.call for mark in cell.marks})
    lanes: list[list[Mark]] = [[] for _ in range(min(len(calls), LANES) or 1)]
    for mark in cell.marks:
        lanes[min(calls.index(mark.call), LANES - 1)].append(mark)
    names = [f"attempt {n + 1}" for n in range(len(lanes))]
    if not calls:
        names = ["server"]
    if len(calls) > LANES:
        names[-1] = f"{LANES} to {len(calls)}"
    found = []
    for name, marks in zip(names, lanes, strict=True):
        spots = (
            spot(scale, mark.time - cell.begun, mark.until - cell.begun, mark.kind, mark.text)
            for mark in marks
        )
        found.append((name, placed(spots)))
    return found


def client_spots(cell: Cell, scale: Scale) -> list[Spot]:
    """What the client saw."""
    return placed(
        spot(scale, event.time - cell.begun, event.time - cell.begun, event.kind, event.text)
        for event in cell.events
    )


def spot(scale: Scale, start: float, until: float, kind: str, text: str) -> Spot:
    """A mark with its tooltip."""
    said = f"{start:.3f} s {kind}: {text[:44]}" if text else f"{start:.3f} s {kind}"
    x = scale.x(start)
    return Spot(x, max(scale.x(until) - x, 0.0), kind, said)


def placed(spots: Iterable[Spot]) -> list[Spot]:
    """Bars first, then marks that do not lie on one another."""
    given = list(spots)
    bars = [one for one in given if one.width >= LEAST]
    marks = merged(one for one in given if one.width < LEAST and one.kind != WAIT)
    return [*bars, *spread(marks)]


def merged(spots: Iterable[Spot]) -> list[Spot]:
    """The marks without strokes that would lie on the one of their kind before."""
    kept: list[Spot] = []
    for one in spots:
        before = kept[-1] if kept else None
        near = before is not None and before.kind == one.kind and one.x - before.x < LEAST
        if before is not None and near and one.kind not in SIGNS:
            kept[-1] = replace(before, hidden=before.hidden + 1)
        else:
            kept.append(one)
    return kept


def spread(spots: Sequence[Spot]) -> list[Spot]:
    """The marks moved apart: to the right where there is room, else to the left."""
    xs = [one.x for one in spots]
    apart = [
        LEAST if a.kind not in SIGNS and b.kind not in SIGNS else APART for a, b in pairwise(spots)
    ]
    for n, gap in enumerate(apart, 1):
        xs[n] = max(xs[n], xs[n - 1] + gap)
    if xs:
        xs[-1] = min(xs[-1], WIDTH - RIGHT)
    for n, gap in reversed(list(enumerate(apart))):
        xs[n] = min(xs[n], xs[n + 1] - gap)
    return [replace(one, x=x) for one, x in zip(spots, xs, strict=True)]


def lane(name: str, spots: Sequence[Spot], y: float) -> Iterator[str]:
    """One lane."""
    middle = y + LANE / 2
    yield f'<text class="lane" x="0" y="{middle + 4:.0f}">{markup(name)}</text>'
    yield f'<path class="rail" d="M{LEFT:g} {middle:g}H{WIDTH - RIGHT:g}"/>'
    for one in spots:
        if one.width >= LEAST:
            yield (
                f'<rect class="k-{markup(one.kind)}" x="{one.x:.1f}" y="{middle - 4:g}" '
                f'width="{one.width:.1f}" height="8"><title>{markup(one.text)}</title></rect>'
            )
            continue
        more = f" … {one.hidden} more" if one.hidden else ""
        yield drawn(one.form, one.kind, one.x, middle, f"{one.text}{more}")


def drawn(form: str, kind: str, x: float, y: float, text: str = "") -> str:
    """A mark at its place, with a tooltip if there is something to say."""
    title = f"<title>{markup(text)}</title>" if text else ""
    at = f' transform="translate({x:.1f} {y:g})"' if x or y else ""
    return f'<path class="k-{markup(kind)}"{at} d="{FORMS[form]}">{title}</path>'


def axis_lines(scale: Scale, y: float, height: float) -> Iterator[str]:
    """The axis with its times, and a faint line from each through the lanes."""
    line, below = y + 4, y + 20
    yield f'<path class="axis" d="M{LEFT:g} {line:g}H{WIDTH - RIGHT:g}"/>'
    for time in scale.ticks():
        x = scale.x(time)
        yield f'<path class="grid" d="M{x:.1f} 0V{line:g}M{x:.1f} {below + 4:g}V{height:g}"/>'
        text = f"{time:g} s" if scale.seconds >= 1 else f"{time * 1000:g} ms"
        yield f'<text class="tick" x="{x:.1f}" y="{below - 2:g}">{text}</text>'
