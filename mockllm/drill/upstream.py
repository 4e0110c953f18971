"""The servers of a drill: one for each cell, or one for all cells of a gateway.

Behind a gateway cells come side by side. A call belongs to the cell whose incident it has chosen, or
whose mark is in its body: what a gateway asks elsewhere in a caller's name still has that caller's
words.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

from mockllm.engine.calls import Calls
from mockllm.engine.journal import Entry, Journal
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded

SETTLE = 5.0
"""Seconds that the server is given to see what the client has done."""
HEALTHY = "default"
"""The profile of a server that works."""
MAX_CALLS, MAX_BYTES = 20_000, 1 << 30
"""What the journal of all cells keeps; each cell's calls go with it."""


class Stage(ABC):
    """What plays one incident for one cell, then is healthy."""

    _threaded: Threaded

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def calls(self) -> Calls:
        """The calls of the incident as they stand now."""

    @property
    def client_url(self) -> str:
        """Where the client belongs."""
        return self._threaded.service.client_url

    @property
    def zero(self) -> float:
        """When the journal's clock began, on the clock that all processes share."""
        return self._threaded.call(lambda service: service.engine.zero)

    def settle(self) -> None:
        """Let the server see how the client left; what goes on after that is what it is."""
        with suppress(TimeoutError):
            self._threaded.settle(SETTLE)

    @abstractmethod
    def heal(self) -> None:
        """From now on a healthy server."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""


class Upstream(Stage):
    """A server in a thread of its own, until its context ends.

    Raises `OSError` where a port cannot be had, `RuntimeError` where an extra is missing.
    """

    def __init__(self, incident: Loaded, speed: float, library: Library) -> None:
        settings = Settings(conditions=Conditions(speed=speed, paced=False))
        self._library = library
        self._threaded = Threaded(lambda: Service(library, incident, settings))
        self._threaded.call(lambda service: service.engine.anew(incident))

    @property
    def calls(self) -> Calls:
        """All calls."""
        return Calls(self._threaded.call(lambda service: service.engine.journal.entries()))

    def heal(self) -> None:
        """From now on a healthy server."""
        healthy = self._library.find(HEALTHY)
        self._threaded.call(lambda service: service.engine.use(healthy))

    def close(self) -> None:
        """Stop it."""
        self._threaded.stop()


class Shared:
    """One server for all cells of a gateway: each request chooses its incident.

    Raises `OSError` where the port cannot be had.
    """

    def __init__(self, library: Library, speed: float, host: str, port: int) -> None:
        settings = Settings(host, port, conditions=Conditions(speed=speed, paced=False))

        def make() -> Service:
            service = Service(library, library.find(HEALTHY), settings)
            service.engine.journal = Journal(MAX_CALLS, MAX_BYTES)
            return service

        self._threaded = Threaded(make)
        self.url = self._threaded.service.url

    def stage(self, incident: Loaded, mark: str) -> SharedStage:
        """A cell's share of it. Each incident has one cell at a time."""
        return SharedStage(self._threaded, incident, mark)

    def close(self) -> None:
        """Stop it."""
        self._threaded.stop()


class SharedStage(Stage):
    """One cell's share of a server that stands behind a gateway."""

    def __init__(self, threaded: Threaded, incident: Loaded, mark: str) -> None:
        self._threaded, self._name, self._mark = threaded, incident.name, mark.encode()
        threaded.call(lambda service: service.engine.anew(incident))

    def _is_own(self, entry: Entry) -> bool:
        """Whether a call is of this cell."""
        return self._has_chosen(entry) or self._mark in entry.plan.call.body

    def _has_chosen(self, entry: Entry) -> bool:
        """Whether a call has met the incident."""
        return entry.plan.profile == self._name

    @property
    def calls(self) -> Calls:
        """The calls that chose the incident."""
        return Calls(filter(self._has_chosen, self.others))

    @property
    def others(self) -> Calls:
        """All calls of this cell: those to a fallback that chose another profile, too."""
        entries = self._threaded.call(lambda service: service.engine.journal.entries())
        return Calls(filter(self._is_own, entries))

    def settle(self) -> None:
        """Let the server see how this cell's callers left; the other cells go on."""

        def is_over(service: Service) -> bool:
            entries = service.engine.journal.entries()
            return not any(e.outcome.ending == "playing" for e in entries if self._is_own(e))

        self._threaded.wait_for(is_over, SETTLE)

    def heal(self) -> None:
        """Nothing: the next request chooses a healthy profile."""

    def close(self) -> None:
        """Let go of the streams that the gateway still holds, and of this cell's calls."""

        def forget(service: Service) -> None:
            for flight in service.in_flight:
                if flight.record is not None and self._is_own(flight.record.entry):
                    flight.transport.abort()
            service.engine.journal.drop(self._is_own)

        self._threaded.call(forget)
