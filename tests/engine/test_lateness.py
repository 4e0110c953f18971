"""Gap errors, counted."""

from __future__ import annotations

import pytest

from mockllm.engine.lateness import MOST, Lateness


def noted(*errors: float) -> Lateness:
    """So many gap errors, in seconds."""
    made = Lateness()
    for error in errors:
        made.note(error)
    return made


def test_counts_by_whole_milliseconds() -> None:
    """Early and late count alike; what is a second or more is one kind."""
    made = noted(0.0, 0.0009, -0.0015, 0.0015, 5.0, 1.0)
    assert made.counts[:3] == (2, 2, 0)
    assert (made.counts[MOST], made.total) == (2, 6)


@pytest.mark.parametrize(
    ("share", "seconds"), [(0.0, 0.001), (0.5, 0.001), (0.9, 0.001), (0.95, 0.039), (1.0, 0.039)]
)
def test_quantiles(share: float, seconds: float) -> None:
    """The error that a share does not exceed."""
    assert noted(*[0.0002] * 9, 0.0381).quantile(share) == seconds


def test_nothing_noted() -> None:
    """Nothing was late, also after all has been forgotten."""
    made = noted(0.5)
    made.clear()
    assert (made.total, made.quantile(0.99)) == (0, 0.0)


def test_a_share_is_no_percentage() -> None:
    """99 is no share."""
    with pytest.raises(ValueError, match="from 0 to 1, got 99"):
        noted(0.1).quantile(99)
