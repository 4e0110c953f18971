"""`GET /_mockllm/metrics`: what a server has done, in the text formats of Prometheus.

The figures are read from the engine's own sums when somebody asks, so a call pays nothing for
them, and prometheus-client is imported by the first who asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

from mockllm import __version__
from mockllm.engine.engine import Engine
from mockllm.engine.journal import Record
from mockllm.engine.lateness import MOST, Lateness

if TYPE_CHECKING:
    from prometheus_client import Metric

BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, MOST)
"""The upper ends of the buckets of gap errors, in milliseconds."""


class InFlight(Protocol):
    """A request that is being read or answered."""

    @property
    def record(self) -> Record | None:
        """Its place in the journal, as soon as it has one."""


def exposition(engine: Engine, in_flight: Iterable[InFlight], accept: str) -> tuple[bytes, str]:
    """The figures of one server in the format that an Accept header prefers, and its content type."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import choose_encoder

    class Collector:
        def collect(self) -> Iterator[Metric]:
            return families(engine, in_flight)

    registry = CollectorRegistry()  # of its own: a process may have many servers
    registry.register(Collector())
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def families(engine: Engine, in_flight: Iterable[InFlight]) -> Iterator[Metric]:
    """The metrics of one server."""
    from prometheus_client.core import CounterMetricFamily as Sum
    from prometheus_client.core import GaugeMetricFamily as Gauge

    info = Gauge("mockllm_info", "The version, and the profile that is on", labels=INFO)
    info.add_metric([__version__, engine.profile.name], 1)
    yield info
    calls = Sum("mockllm_calls", "Calls that are over", labels=CALLS)
    frames, size = Counter[str](), Counter[str]()
    for kind, total in engine.totals.calls.items():
        status = str(kind.status) if kind.status else ""
        calls.add_metric([kind.profile, kind.route, kind.wire, status, kind.ending], total.calls)
        frames[kind.wire] += total.frames
        size[kind.wire] += total.bytes
    yield calls
    fired = Sum("mockllm_faults_fired", "Calls that a fault acted on", labels=FAULTS)
    for fault, count in engine.totals.fired.items():
        fired.add_metric(list(fault), count)
    yield fired
    for name, what, sums in (
        ("frames", "Frames of ended calls that were handed to the kernel whole", frames),
        ("bytes", "Bytes of ended calls that were handed to the kernel, heads included", size),
    ):
        sent = Sum(f"mockllm_sent_{name}", what, labels=["wire"])
        for wire, count in sums.items():
            sent.add_metric([wire], count)
        yield sent
    playing = Counter(is_stream(flight) for flight in in_flight)
    now = Gauge("mockllm_calls_in_flight", "Requests being read or answered", labels=["stream"])
    for stream in (True, False):
        now.add_metric([str(stream).lower()], playing[stream])
    yield now
    yield gap_errors(engine.lateness)


INFO = ["version", "profile"]
CALLS = ["profile", "route", "wire", "status", "outcome"]
FAULTS = ["profile", "route", "fault"]


def is_stream(flight: InFlight) -> bool:
    """Whether a stream is answered; a request that has not arrived whole is none yet."""
    return flight.record is not None and flight.record.entry.stream


def gap_errors(lateness: Lateness) -> Metric:
    """How late the server was with paced events. Errors are counted by whole milliseconds, so the sum
    takes each for half a millisecond more than its full ones, and those of a second and more for one second."""
    from prometheus_client.core import HistogramMetricFamily

    counts = lateness.counts
    below = [(str(bound / 1000), float(sum(counts[:bound]))) for bound in BOUNDS]
    total = sum(count * min(MOST, slot + 0.5) for slot, count in enumerate(counts)) / 1000
    what = "How far times between paced events were from those planned"
    found = HistogramMetricFamily("mockllm_gap_error_seconds", what)
    found.add_metric([], [*below, ("+Inf", float(lateness.total))], total)
    return found
