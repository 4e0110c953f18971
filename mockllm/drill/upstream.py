"""The server of one cell: it plays one incident, then is healthy."""

from __future__ import annotations

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


class Upstream:
    """A server in a thread of its own, until its context ends.

    Raises `OSError` where a port cannot be had, `RuntimeError` where an extra is missing.
    """

    def __init__(self, incident: Loaded, speed: float, *, port: int = 0) -> None:
        settings = Settings(port=port, conditions=Conditions(speed=speed, paced=False))
        self._library = Library()
        self._threaded = Threaded(lambda: Service(self._library, incident, settings))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._threaded.stop()

    @property
    def client_url(self) -> str:
        """Where the client belongs."""
        return self._threaded.service.client_url

    @property
    def calls(self) -> Calls:
        """The calls as they stand now."""
        return Calls(self._threaded.call(lambda service: service.engine.journal.entries()))

    @property
    def zero(self) -> float:
        """When the journal's clock began, on the clock that all processes share."""
        return self._threaded.call(lambda service: service.engine.zero)

    def settle(self) -> None:
        """Let the server see how the client left; what goes on after that is what it is."""
        try:
            self._threaded.settle(SETTLE)
        except TimeoutError:
            return

    def heal(self) -> None:
        """From now on a healthy server."""
        healthy = self._library.find("default")
        self._threaded.call(lambda service: service.engine.use(healthy))
