"""What is judged: the calls of a journal, by logical calls and retries, and what a caller adds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from mockllm.engine.calls import Calls
from mockllm.engine.journal import Entry

KEY = "idempotency-key"


@dataclass(frozen=True, slots=True)
class Limits:
    """Where good conduct ends. Times are real seconds.

    Raises `ValueError` for a limit that is not above 0.
    """

    attempts: int = 6
    """Attempts of one logical call; the SDKs of OpenAI and Anthropic make three."""
    near: float = 0.05
    """A gap below this is none."""
    read_timeout: float | None = None
    """How long a client may listen to silence; without it, that is not judged."""
    cancel: float = 1.0
    """How soon a gateway leaves when its own caller has left."""
    leave: float = 5.0
    """How soon a client closes a connection that it has given up, or that the server has ended."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name}: expected a number above 0, got {value!r}")


@dataclass(frozen=True, slots=True)
class Caller:
    """What only the side of the client knows; nothing of it is guessed."""

    left: Mapping[int, float] = field(default_factory=dict)
    """When the caller of a gateway left: the number of the call that the gateway made for it, and
    the time on the clock of `Entry.at`."""
    tokens: int | None = None
    """The completion tokens that were counted for all calls together."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Two attempts of one logical call, the one right after the other."""

    before: Entry
    after: Entry

    @property
    def gap(self) -> float:
        """Seconds from the end of the one to the beginning of the other."""
        return self.after.at - (self.before.ended_at or 0.0)

    @property
    def told(self) -> bool:
        """Whether the first attempt ended by what the server did: not because the client left, nor
        because the server stopped."""
        return self.before.outcome.ending in ("done", "closed", "reset")


UNCLEAR = "identical requests ran at once, so nobody can tell whose retry is whose"


@dataclass(frozen=True)
class Case:
    """A journal that is judged."""

    entries: Calls
    limits: Limits = field(default_factory=Limits)
    caller: Caller = field(default_factory=Caller)

    @cached_property
    def logical(self) -> tuple[Calls, ...]:
        """The logical calls whose attempts are surely their own."""
        groups = self.entries.logical
        return tuple(group for group in groups if group[0].logical not in self._unclear)

    @cached_property
    def alike(self) -> dict[tuple[str, str], Calls]:
        """The calls of each request: of one method, path, body and session."""
        found: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            call = entry.plan.call
            found.setdefault((call.fingerprint, call.session), []).append(entry)
        return {key: Calls(entries) for key, entries in found.items()}

    @cached_property
    def _unclear(self) -> dict[int, Calls]:
        """Logical calls of which one may have got the attempts of another, because their requests
        are identical and were made at the same time.

        An idempotency key that is the same in all attempts, and in no other call, proves them.
        """
        found = {}
        for same in self.alike.values():
            groups = same.logical
            keys = [{entry.plan.call.header(KEY) for entry in group} for group in groups]
            uses = Counter(key for some in keys for key in some)
            for group, some in zip(groups, keys, strict=True):
                own = len(some) == 1 and all(key and uses[key] == 1 for key in some)
                if not own and any(overlap(group, one) for one in groups if one is not group):
                    found[group[0].logical] = group
        return found

    @cached_property
    def retries(self) -> tuple[Retry, ...]:
        """The retries of all logical calls."""
        return tuple(retry for group in self.logical for retry in retries_of(group))

    def without_retries(self, reason: str) -> str:
        """Why no retry can be judged, where this would be the reason if all of them were clear."""
        return UNCLEAR if any(len(group) > 1 for group in self._unclear.values()) else reason

    @property
    def latest(self) -> float:
        """The last time that the journal shows."""
        return max((entry.ended_at or entry.at for entry in self.entries), default=0.0)


def retry_between(before: Entry, after: Entry) -> Retry | None:
    """The retry that one call is of another; None where an attempt between them is missing."""
    over = before.ended_at is not None and before.ended_at <= after.at
    return Retry(before, after) if over and after.attempt == before.attempt + 1 else None


def retries_of(group: Calls) -> Iterator[Retry]:
    """The retries of one logical call."""
    for before, after in pairwise(group):
        retry = retry_between(before, after)
        if retry is not None:
            yield retry


def runs_of(group: Calls) -> Iterator[tuple[Retry, ...]]:
    """The retries of one logical call after what the server did, in unbroken runs."""
    run: list[Retry] = []
    for before, after in pairwise(group):
        retry = retry_between(before, after)
        if retry is not None and retry.told:
            run.append(retry)
        elif run:
            yield tuple(run)
            run = []
    if run:
        yield tuple(run)


def overlap(one: Calls, other: Calls) -> bool:
    """Whether two logical calls lasted at the same time."""
    return one[0].at <= end_of(other) and other[0].at <= end_of(one)


def end_of(group: Calls) -> float:
    """When the last attempt was over."""
    ended = group[-1].ended_at
    return math.inf if ended is None else ended
