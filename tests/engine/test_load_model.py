"""The load model: the server's own engine and player do what the formula says, and so does the picture."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import pytest

from tests.engine.load_model import (
    CLIENTS,
    PICTURE,
    QUEUE,
    RETRY,
    SLOTS,
    SLOWDOWN,
    SPAN,
    Simulation,
    formula,
    svg,
)


@pytest.fixture(scope="module")
def simulations() -> Sequence[Simulation]:
    """One with each number of clients."""
    return [Simulation(clients).run() for clients in CLIENTS]


def test_every_answer_has_the_times_of_the_formula(simulations: Sequence[Simulation]) -> None:
    """Each of them, and not only their mean."""
    for made in simulations:
        expected = formula(made.clients)
        assert len(made.settled) > 3
        for one in made.settled:
            assert one.ttft == pytest.approx(expected.ttft)
            assert one.itl == pytest.approx(expected.itl)


def test_the_rate_is_that_of_the_formula(simulations: Sequence[Simulation]) -> None:
    """Each client asks again when it is answered, so its rate is that of its own answers."""
    for made in simulations:
        assert made.times.rate == pytest.approx(formula(made.clients).rate)


def test_slots_bound_the_rate() -> None:
    """More clients than slots are not answered faster, and never more slowly."""
    full = formula(SLOTS)
    assert all(formula(clients).rate == pytest.approx(full.rate) for clients in CLIENTS[SLOTS:])
    assert full.itl == pytest.approx(formula(1).itl * SLOWDOWN)


def test_what_finds_the_queue_full_is_refused(simulations: Sequence[Simulation]) -> None:
    """Those beyond slots and queue, each time they ask, and nobody else."""
    for made in simulations:
        beyond = max(0, made.clients - SLOTS - QUEUE)
        assert made.refused == beyond * (int(SPAN / RETRY) + 1)


def test_the_picture_is_that_of_the_simulation(simulations: Sequence[Simulation]) -> None:
    """`python -m tests.engine.load_model` draws it anew."""
    made = svg([one.times for one in simulations])
    assert PICTURE.read_text("utf-8") == made
    circles = ElementTree.fromstring(made).findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == 3 * len(CLIENTS)
