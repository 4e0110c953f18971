"""What the clients in Python have in common: asks from stdin, outcomes to stdout."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict

from tests.sdk.drive import Ask, Outcome


def answer(
    call: Callable[[Ask, Outcome], None],
    call_async: Callable[[Ask, Outcome], Awaitable[None]],
) -> None:
    """Make all calls, one after the other; each fills in an outcome."""
    outcomes = [
        asyncio.run(one_call(Ask(**data), call, call_async)) for data in json.load(sys.stdin)
    ]
    # A library may print to stdout while it works; the last line is ours.
    print("\n" + json.dumps([asdict(outcome) for outcome in outcomes]))


async def one_call(
    ask: Ask,
    call: Callable[[Ask, Outcome], None],
    call_async: Callable[[Ask, Outcome], Awaitable[None]],
) -> Outcome:
    """One call and its outcome; what a library calls a status is under one name."""
    outcome = Outcome()
    try:
        if ask.asynchronous:
            await call_async(ask, outcome)
        else:
            call(ask, outcome)
    except Exception as error:
        outcome.add_error(error)
        outcome.status = outcome.status or getattr(error, "http_status", None)
    return outcome
