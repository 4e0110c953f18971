"""A gateway as a subject: it stands between a plain client and the drill's server.

The server is one for all cells. It plays `default`; each request chooses its incident by what the
gateway lets through: model, key or path. So cells come one after the other.
"""

from __future__ import annotations

from mockllm.drill.facts import SECRETS, facts_of
from mockllm.drill.limits import Limits
from mockllm.drill.starting import Running
from mockllm.drill.subject import MODEL, Subject, Told, told
from mockllm.drill.system import System
from mockllm.drill.task import Task
from mockllm.drill.upstream import HEALTHY, Shared, SharedStage, Stage
from mockllm.drill.worker import Event, Worker
from mockllm.engine.judge import Seen
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

PATIENCE = 60.0
"""Seconds by which the asker is more patient than the guard: whether a call hangs is the drill's
to say."""
LISTENERS = "a gateway has one upstream, and the incident needs further ports"


class Gateway(Subject):
    """A gateway that runs, in front of a server that runs."""

    def __init__(
        self,
        system: System,
        running: Running,
        server: Shared,
        worker: Worker,
        limits: Limits,
    ) -> None:
        self._system, self._base_url, self._headers = system, running.url, running.headers
        self._server, self._worker, self._limits = server, worker, limits
        self._incident = HEALTHY
        self._open()
        self.wires = system.wires
        self.version = running.version

    def _open(self) -> None:
        """A new asker; it never tries again itself."""
        self._worker.open(
            {
                "base_url": self.url_for(self._incident),
                "api_key": self.key_for(self._incident),
                "timeout": self._limits.guard + PATIENCE,
                "retries": 0,
                "headers": {**SECRETS, **self._headers},
            }
        )

    def url_for(self, incident: str) -> str:
        """Where to ask for an incident."""
        prefix = f"/p/{incident}" if self._system.select == "path" else ""
        return f"{self._base_url}{prefix}{self._system.path}"

    def key_for(self, incident: str) -> str:
        """With which key."""
        return f"mock-{incident}" if self._system.select == "key" else self._system.key

    def why_not(self, incident: Incident) -> str | None:
        """Incidents with ports of their own cannot be played behind one upstream."""
        return LISTENERS if incident.loaded.profile.listeners else None

    def stage(self, incident: Incident, limits: Limits, library: Library) -> Stage:
        """This incident's share of the server."""
        return self._server.stage(incident.loaded)

    def begin(self, base_url: str, incident: str) -> None:
        """Choose the incident."""
        self._incident = incident
        self._open()

    def heal(self) -> None:
        """Choose what works."""
        self.begin("", HEALTHY)

    def ask(self, task: Task, guard: float) -> Told:
        """Ask once, through the gateway."""
        wanted = self._system.model.replace("{incident}", self._incident)
        model = wanted if self._system.select == "model" else MODEL
        return told(*self._worker.call(task.order(model), guard))

    def facts(self, stage: Stage, events: tuple[Event, ...], seen: Seen | None) -> dict[str, str]:
        """What the gateway made of what it got."""
        assert isinstance(stage, SharedStage)
        return facts_of(stage.calls, stage.others, events, seen, self.key_for(self._incident))

    def close(self) -> None:
        """Let go of the asker."""
        self._worker.close()
