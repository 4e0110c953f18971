"""`mockllm serve` without some of its upkeep, which has no switch: it is on for every user.

    python -m tests.bench.without journal,log serve PROFILE --port PORT

To find out what it costs, and for nothing else: what is taken out is put in place of the real thing
before the server starts. Raises `AttributeError` where that is no longer there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from mockllm.engine.journal import Journal, Record
from mockllm.engine.lateness import Lateness
from mockllm.engine.plan import Plan
from mockllm.engine.totals import Totals
from mockllm.entry import main
from mockllm.server.log import Turnwise


def without_journal() -> None:
    """Keep no call."""

    def begin(self: Journal, plan: Plan, time: str, *, at: float = 0.0) -> Record:
        return Record(1, time, plan, at)

    replace(Journal, "begin", begin)


def without_log() -> None:
    """Write no line for a call."""
    replace(Turnwise, "call", lambda self, entry: None)


def without_metrics() -> None:
    """Add up no call, and note no gap error."""
    replace(Totals, "note", lambda self, entry, sent: None)
    replace(Lateness, "note", lambda self, seconds: None)


def replace(owner: object, name: str, other: object) -> None:
    """Put another thing in place of one that is there."""
    getattr(owner, name)
    setattr(owner, name, other)


UPKEEP: dict[str, Callable[[], None]] = {
    "journal": without_journal,
    "log": without_log,
    "metrics": without_metrics,
}

if __name__ == "__main__":
    for taken in sys.argv[1].split(","):
        UPKEEP[taken]()
    del sys.argv[1]
    main()
