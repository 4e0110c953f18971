"""The picture of one cell: what the server did above, what the client saw below, one axis of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from mockllm.drill.cell import Cell, Mark

LEFT, RIGHT, WIDTH = 84.0, 16.0, 900.0
LANE, AXIS = 20.0, 26.0
LANES = 6
"""Attempts that have a lane of their own; later ones share the last."""
LEAST = 8.0
"""Pixels between two marks; closer ones become one."""
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
LOUD = (
    "returned",
    "raised",
    "exited",
    "head",
    "close",
    "over",
    "peer",
    "request",
    "call",
    "started",
)
"""Kinds that are never drawn as one with others."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Something to draw."""

    x: float
    width: float
    kind: str
    text: str


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
    axis = len(lanes) * LANE + 6
    height = axis + AXIS + LANE + 4
    parts = [
        f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{label(cell)}">',
        *(
            line
            for n, (name, spots) in enumerate(lanes)
            for line in lane(name, spots, n * LANE + 4)
        ),
        *axis_lines(scale, axis, height),
        *lane("client", client_spots(cell, scale), axis + AXIS),
        "</svg>",
    ]
    return "".join(parts)


def label(cell: Cell) -> str:
    """The picture in words."""
    return escape(
        f"Timeline of {cell.incident}: {cell.attempts} requests at the server, "
        f"{len(cell.events)} events at the client, {cell.seconds:.2f} seconds"
    )


def server_lanes(cell: Cell, scale: Scale) -> list[tuple[str, list[Spot]]]:
    """A lane for each attempt."""
    calls = sorted({mark.call for mark in cell.marks})
    lanes: list[list[Mark]] = [[] for _ in range(min(len(calls), LANES) or 1)]
    for mark in cell.marks:
        lanes[min(calls.index(mark.call), LANES - 1)].append(mark)
    names = [f"attempt {n + 1}" for n in range(len(lanes))]
    if len(calls) > LANES:
        names[-1] = f"{LANES} to {len(calls)}"
    found = []
    for name, marks in zip(names, lanes, strict=True):
        spots = (
            spot(scale, mark.time - cell.begun, mark.until - cell.begun, mark.kind, mark.text)
            for mark in marks
        )
        found.append((name, merged(spots)))
    return found


def client_spots(cell: Cell, scale: Scale) -> list[Spot]:
    """What the client saw."""
    return merged(
        spot(scale, event.time - cell.begun, event.time - cell.begun, event.kind, event.text)
        for event in cell.events
    )


def spot(scale: Scale, start: float, until: float, kind: str, text: str) -> Spot:
    """A mark with its tooltip."""
    said = f"{start:.3f} s {kind}: {text[:44]}" if text else f"{start:.3f} s {kind}"
    x = scale.x(start)
    return Spot(x, max(scale.x(until) - x, 0.0), kind, said)


def merged(spots: Iterable[Spot]) -> list[Spot]:
    """The spots without those that would lie on the one before."""
    kept: list[Spot] = []
    hidden = 0
    for one in spots:
        before = kept[-1] if kept else None
        close = before is not None and before.kind == one.kind and one.x - before.x < LEAST
        if close and one.kind not in LOUD and one.width < LEAST:
            hidden += 1
            continue
        if hidden and before is not None:
            kept[-1] = Spot(before.x, before.width, before.kind, f"{before.text} … {hidden} more")
        hidden = 0
        kept.append(one)
    if hidden:
        last = kept[-1]
        kept[-1] = Spot(last.x, last.width, last.kind, f"{last.text} … {hidden} more")
    return kept


def lane(name: str, spots: Sequence[Spot], y: float) -> Iterator[str]:
    """One lane."""
    middle = y + LANE / 2
    yield f'<text class="lane" x="0" y="{middle + 4:.0f}">{escape(name)}</text>'
    yield f'<path class="rail" d="M{LEFT:g} {middle:g}H{WIDTH - RIGHT:g}"/>'
    for one in spots:
        yield drawn(one, y, middle)


def drawn(one: Spot, y: float, middle: float) -> str:
    """One spot: a bar for what lasts, a flag for what ends or begins, a stroke for the rest."""
    title = f"<title>{escape(one.text)}</title>"
    kind = escape(one.kind, quote=True)
    if one.width >= LEAST:
        return (
            f'<rect class="k-{kind}" x="{one.x:.1f}" y="{middle - 4:g}" width="{one.width:.1f}" '
            f'height="8">{title}</rect>'
        )
    if one.kind in LOUD:
        return f'<circle class="k-{kind}" cx="{one.x:.1f}" cy="{middle:g}" r="5">{title}</circle>'
    return (
        f'<rect class="k-{kind}" x="{one.x - 1:.1f}" y="{y + 3:g}" width="2" '
        f'height="{LANE - 6:g}">{title}</rect>'
    )


def axis_lines(scale: Scale, y: float, height: float) -> Iterator[str]:
    """The axis with its times."""
    middle = y + AXIS / 2
    yield f'<path class="axis" d="M{LEFT:g} {middle:g}H{WIDTH - RIGHT:g}"/>'
    for time in scale.ticks():
        x = scale.x(time)
        yield f'<path class="grid" d="M{x:.1f} 0V{height:g}"/>'
        text = f"{time:g} s" if scale.seconds >= 1 else f"{time * 1000:g} ms"
        yield f'<text class="tick" x="{x:.1f}" y="{middle + 4:g}">{text}</text>'
