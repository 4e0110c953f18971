"""The servers of a drill: one for each cell, or one for all cells of a gateway."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

from mockllm.engine.calls import Calls
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded

SETTLE = 5.0
"""Seconds that the server is given to see what the client has done."""
HEALTHY = "default"
"""The profile of a server that works."""


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
        self._threaded = Threaded(lambda: Service(library, library.find(HEALTHY), settings))
        self.url = self._threaded.service.url

    def stage(self, incident: Loaded) -> SharedStage:
        """The next cell's share of it; one after the other."""
        return SharedStage(self._threaded, incident)

    def close(self) -> None:
        """Stop it."""
        self._threaded.stop()


class SharedStage(Stage):
    """One cell's share of a server that stands behind a gateway."""

    def __init__(self, threaded: Threaded, incident: Loaded) -> None:
        self._threaded, self._name = threaded, incident.name

        def prepare(service: Service) -> None:
            service.engine.add(incident)
            service.engine.reset()

        threaded.call(prepare)

    @property
    def calls(self) -> Calls:
        """The calls that chose the incident."""
        return Calls(entry for entry in self.others if entry.plan.profile == self._name)

    @property
    def others(self) -> Calls:
        """All calls of this cell: those to a fallback, or of a gateway's own probes, too."""
        return Calls(self._threaded.call(lambda service: service.engine.journal.entries()))

    def heal(self) -> None:
        """Nothing: the next request chooses a healthy profile."""

    def close(self) -> None:
        """Let go of the streams that the gateway still holds."""
        self._threaded.call(Service.release)
