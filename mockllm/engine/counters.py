"""What is counted of requests: their attempts (calls at routes are counted in `tallies`).

A request is counted twice, for two purposes. The dice need a name that does not depend on when
other requests end, so they count every request of the same path and body. A logical call is what
its client means by one: requests of the same path and body in one session, each begun after the
one before had ended. Identical requests at the same time are calls of their own. A call ends with
a success (a status below 400, sent to its end), a reset, or a minute in which nothing happens.
Where the client says which retry it is, its word counts.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import NamedTuple

from mockllm.matchers.call import Call
from mockllm.timeline.valueclass import valueclass

MAX_REMEMBERED = 100_000
"""Requests whose attempts are remembered; the one that came longest ago is forgotten first."""
IDLE = 60.0
"""Seconds after which a logical call that nobody has retried is over."""
RETRY = "x-stainless-retry-count"
"""The retry that a request is, from 0; sent by OpenAI's and Anthropic's SDKs."""


Slot = tuple[str, str]
"""What identifies a request: its fingerprint and its session."""


@valueclass(frozen=True, slots=True)
class Asked:
    """A request as it is counted: the same each time that it comes in the same words."""

    slot: Slot
    retry: str
    """The retry that the client says it is, as it says so; empty where it does not."""
    attempt: int | None
    """The attempt that it then is; None where the client says nothing of use."""


def asked_of(call: Call) -> Asked:
    """A call as it is counted."""
    retry = call.header(RETRY) or ""
    return Asked((call.fingerprint, call.session), retry, attempt_of(retry))


Begun = tuple[int, int, int, str]
"""An attempt that has been counted; a plain tuple is made in a tenth of the time of any other value.

The ticket under which its end is told; which attempt of its logical call it is, from 1; the journal's
number of that call's first attempt, 0 where this is it; and what the dice call it: by the retry that
the client says it is, and by how often the request has come so. A repeated call and a retry then differ.
"""


class Waiting(NamedTuple):
    """A call that waits for another attempt."""

    ended: float
    first: int


class Counters:
    """Counts by key; the only memory that a plan depends on."""

    def __init__(self) -> None:
        self._requests: OrderedDict[tuple[Slot, str], int] = OrderedDict()
        """How often each has come, with the retry that the client said it was."""
        self._waiting: OrderedDict[Slot, dict[int, deque[Waiting]]] = OrderedDict()
        """By attempts so far, the calls that wait for another attempt."""
        self._playing: dict[int, tuple[Slot, int]] = {}
        self._ticket = 0

    def reset(self) -> None:
        """Forget everything."""
        self._requests.clear()
        self._waiting.clear()
        self._playing.clear()

    def begin(self, asked: Asked, now: float) -> Begun:
        """Count a request, and an attempt of a logical call."""
        slot, said = asked.slot, asked.attempt
        before, first = 0 if said is None else said - 1, 0
        waiting = self._waiting.pop(slot, None) if self._waiting else None
        if waiting is not None:
            groups = fresh(waiting, now)
            if said is None:
                before = min(groups, key=lambda attempts: groups[attempts][0], default=0)
            first = groups[before].popleft().first if before in groups else 0
            if any(groups.values()):
                self._waiting[slot] = groups
        self._ticket += 1
        self._playing[self._ticket] = (slot, before + 1)
        # How often it has come; those that came last stand last.
        request = slot, asked.retry
        count = self._requests.pop(request, 0) + 1
        self._requests[request] = count
        if len(self._requests) > MAX_REMEMBERED:
            self._requests.popitem(last=False)
        return self._ticket, before + 1, first, f"{asked.retry}.{count}"

    def succeeded(self, ticket: int) -> None:
        """An attempt has ended, and its logical call with it; unknown tickets do nothing."""
        self._playing.pop(ticket, None)

    def failed(self, ticket: int, now: float, first: int = 0) -> None:
        """An attempt has ended, and its logical call waits for another; unknown tickets do nothing.

        `first` is the journal's number of the call's first attempt.
        """
        slot, attempts = self._playing.pop(ticket, (None, 0))
        if slot is None:
            return
        self._waiting.setdefault(slot, {}).setdefault(attempts, deque()).append(Waiting(now, first))
        self._waiting.move_to_end(slot)
        if len(self._waiting) > MAX_REMEMBERED:
            self._waiting.popitem(last=False)


def fresh(groups: dict[int, deque[Waiting]], now: float) -> dict[int, deque[Waiting]]:
    """The calls that have not been idle for too long; those that ended first come first."""
    for waiting in groups.values():
        while waiting and now - waiting[0].ended > IDLE:
            waiting.popleft()
    return {attempts: waiting for attempts, waiting in groups.items() if waiting}


def said_attempt(call: Call) -> int | None:
    """The attempt that the client says this is; None where it says nothing of use."""
    return attempt_of(call.header(RETRY) or "")


def attempt_of(retry: str) -> int | None:
    """The attempt that a retry is, if it is a number."""
    return int(retry) + 1 if retry.isascii() and retry.isdigit() and len(retry) < 10 else None
