"""What a workload is: subjects that take turns, and how one of them is measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from tests.bench.asking import PROMPT, REPEATED
from tests.bench.figures import Figures
from tests.bench.load import Bench
from tests.bench.peer import Peers, Work, able

Measure = Callable[[], Figures]
"""One run of one subject. Raises `Broken` where there is no figure."""


@dataclass(frozen=True)
class Workload:
    """One question to some subjects."""

    name: str
    about: str
    subjects: Callable[[Bench, Peers], Mapping[str, Measure]]
    """Who is measured, and how: the servers that can do it, or some set-ups of one of them."""
    shows: tuple[str, ...]
    """The figures that the page shows."""


def each(
    bench: Bench, peers: Peers, work: Work, measure: Callable[..., Figures], *more: object
) -> Mapping[str, Measure]:
    """The servers that can do such work; `measure` takes the bench, one of them, and what is given more."""
    return {name: partial(measure, bench, peer, *more) for name, peer in able(peers, work).items()}


def both(
    name: str, about: str, work: Work, measure: Callable[..., Figures], shows: tuple[str, ...]
) -> tuple[Workload, Workload]:
    """The workload of requests no two of which are equal, and that of the same request each time;
    `measure` takes the bench, a server, and the prompt."""

    def asked(prompt: str) -> Callable[[Bench, Peers], Mapping[str, Measure]]:
        return lambda bench, peers: each(bench, peers, work, measure, prompt)

    return (
        Workload(name, about, asked(PROMPT), shows),
        Workload(
            f"{name} repeated", f"{about}, the same request each time", asked(REPEATED), shows
        ),
    )
