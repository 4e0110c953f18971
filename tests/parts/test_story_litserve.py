"""LitServe before and after it learned to live with an exception of the SDK (docs/stories)."""

from __future__ import annotations

import pytest

from tests.stories.litserve import Run, run

REFUSED = [503, 503, 503]
"""What the upstream says to the three attempts that the SDK makes of one call."""


def statuses(happened: Run) -> list[int | None]:
    """What the client got for its two questions."""
    return [happened.asked["first"].status, happened.asked["second"].status]


def health(happened: Run) -> list[tuple[int | None, str]]:
    """What LitServe said of itself after each."""
    return [(one.status, one.body) for one in happened.asked.values() if one.path == "/health"]


@pytest.mark.parts("litserve-0.2.5")
def test_the_old_release_never_answers_again_and_says_it_is_healthy() -> None:
    """The worker is gone, both requests stay open, the upstream hears of the first alone."""
    happened = run("litserve-0.2.5")
    assert statuses(happened) == [None, None]
    assert health(happened) == [(200, "ok"), (200, "ok")]
    assert [call.status for call in happened.calls] == REFUSED
    assert len(happened.calls.logical) == 1
    assert not happened.worker_alive
    assert "multiprocessing.managers.RemoteError" in happened.log
    assert "missing 2 required keyword-only arguments: 'response' and 'body'" in happened.log


@pytest.mark.parts("litserve")
def test_the_newest_release_says_500_and_lives() -> None:
    """The first question fails, the second is answered by the same worker."""
    happened = run("litserve")
    assert statuses(happened) == [500, 200]
    assert happened.asked["first"].body == '{"detail":"Internal server error"}'
    assert health(happened) == [(200, "ok"), (200, "ok")]
    assert [call.status for call in happened.calls] == [*REFUSED, 200]
    assert happened.worker_alive
