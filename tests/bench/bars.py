"""What mockllm has to reach: each bar reads its figure from the results of one run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.bench.figures import Results

Value = Callable[[Results], float]
"""Raises `KeyError` where it was not measured."""


@dataclass(frozen=True)
class Bar:
    """One thing to reach."""

    what: str
    relation: Literal["≤", "≥"]
    limit: float
    unit: str
    value: Value

    def judged(self, results: Results) -> Judged:
        """Measured, and whether it is met."""
        try:
            value = self.value(results)
        except (KeyError, ZeroDivisionError):
            return Judged(self, None)
        return Judged(self, value)


@dataclass(frozen=True)
class Judged:
    """A bar, and what was measured; None where it was not."""

    bar: Bar
    value: float | None

    @property
    def met(self) -> bool | None:
        """None where it was not measured."""
        if self.value is None:
            return None
        limit = self.bar.limit
        return self.value <= limit if self.bar.relation == "≤" else self.value >= limit

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """The row of the table."""
        bar = self.bar
        limit = f"{bar.relation} {bar.limit:g} {bar.unit}".rstrip()
        if self.value is None:
            return bar.what, limit, "not measured", "–"
        return (
            bar.what,
            limit,
            f"{short(self.value)} {bar.unit}".rstrip(),
            "yes" if self.met else "no",
        )


def short(value: float) -> str:
    """A number with three digits that count, and all of them before the point."""
    size = abs(value)
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def figure(workload: str, subject: str, name: str) -> Value:
    """A figure as it was measured."""
    return lambda results: results[workload][subject][name]


def ratio(workload: str, subject: str, other: str, name: str) -> Value:
    """A figure of a subject to that of another in the same run."""
    return lambda results: results[workload][subject][name] / results[workload][other][name]


def off(workload: str, subject: str, name: str, ideal: float) -> Value:
    """How far a figure is from what it should be."""
    return lambda results: abs(results[workload][subject][name] - ideal)


def share(workload: str, subject: str, without: str, name: str) -> Value:
    """The percentage of a cost that is saved by the subject without what causes it."""
    rest = ratio(workload, without, subject, name)
    return lambda results: max(0.0, (1 - rest(results)) * 100)


def more(workload: str, subject: str, other: str, name: str) -> Value:
    """By how much a figure is larger than that of another subject."""
    return lambda results: max(
        0.0, results[workload][subject][name] - results[workload][other][name]
    )


def bars() -> Iterator[Bar]:
    """All of them, in the order of the page."""
    ours, paced = "mockllm", "paced 1000"
    yield Bar("1000 paced streams: p99 gap error", "≤", 5, "ms", figure(paced, ours, "gap_p99"))
    yield Bar("1000 paced streams: p99 TTFT error", "≤", 10, "ms", figure(paced, ours, "ttft_p99"))
    total = off(paced, ours, "total_percent", 100)
    yield Bar("1000 paced streams: median total from ideal", "≤", 0.5, "%", total)
    rate = "frames_per_second"
    kinds = (("", ""), (" repeated", ", the same request each time"))
    for suffix, which in kinds:
        for peer, limit in (("pacer", 0.5), ("naive", 2), ("aimock", 2)):
            value = ratio(f"capacity{suffix}", ours, peer, rate)
            yield Bar(f"paced capacity against {peer}{which}", "≥", limit, "×", value)
    short, joined = "capacity at 5 ms", "mockllm, catch_up: join"
    what = "paced capacity with catch_up: join against pacer, ITL 5 ms"
    yield Bar(what, "≥", 0.65, "×", ratio(short, joined, "pacer", rate))
    asked = "requests_per_second"
    for suffix, which in kinds:
        value = ratio(f"unpaced{suffix}", ours, "aimock", rate)
        yield Bar(f"unpaced streams against aimock{which}", "≥", 2, "×", value)
        value = ratio(f"whole{suffix}", ours, "aimock", asked)
        yield Bar(f"whole answers against aimock{which}", "≥", 1.5, "×", value)
    yield Bar("10,000 held: resident", "≤", 250, "MB", figure("held", "held", "resident_mb"))
    yield Bar("10,000 held: processor", "≤", 1, "%", figure("held", "held", "cpu_percent"))
    gap = more("held", "held", "alone", "gap_p99")
    yield Bar("10,000 held: others' p99 gap error grows by", "≤", 1, "ms", gap)
    for key in ("model", "path", "wire"):
        cost = ratio("routes", f"1,000 by {key}", "1 route", "server_us")
        yield Bar(f"server time among 1,000 routes by {key}, against one", "≤", 1.2, "×", cost)
    for name, what in (("server_us", "whole answers"), ("stream_us", "streams")):
        part = share("upkeep", "no log", "none of them", name)
        yield Bar(f"journal and metrics, of the server time of {what}", "≤", 10, "%", part)
    yield Bar("1 MB prompt: server time", "≤", 5, "ms", figure("prompts", ours, "server_ms"))
    gap = figure("beside prompts", "mockllm with prompts", "gap_p99")
    yield Bar("1 MB prompts: others' p99 gap error", "≤", 10, "ms", gap)
    yield Bar(
        "cold start to the first answer", "≤", 500, "ms", figure("cold start", ours, "start_ms")
    )
    resident = figure("cold start", ours, "resident_mb")
    yield Bar("resident after the first answer", "≤", 60, "MB", resident)
    for name, what in (("start_ms", "start"), ("stop_ms", "stop")):
        yield Bar(f"fixture {what}", "≤", 5, "ms", figure("kit", ours, name))
    yield Bar("plugin unused", "≤", 1, "ms", figure("kit", ours, "plugin_ms"))


BARS = tuple(bars())


def judge(results: Results) -> tuple[Judged, ...]:
    """Every bar with what was measured."""
    return tuple(bar.judged(results) for bar in BARS)
