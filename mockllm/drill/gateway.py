"""A gateway as a subject: it stands between a plain client and the drill's server.

The server is one for all cells. It plays `default`; each request chooses its incident by what the
gateway lets through: model, key, path or header. Cells come side by side, but for those whose faults
meet a connection and not a request, because a gateway uses its connections for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fnmatch import fnmatchcase

from mockllm.drill.facts import SECRETS, facts_of
from mockllm.drill.limits import Limits
from mockllm.drill.starting import Running
from mockllm.drill.subject import MODEL, WARM, Subject, Told, told
from mockllm.drill.system import System
from mockllm.drill.task import Task
from mockllm.drill.upstream import HEALTHY, Shared, SharedStage, Stage
from mockllm.drill.worker import Event, Lost, Worker, now
from mockllm.engine.journal import Entry
from mockllm.engine.judge import Seen
from mockllm.engine.select import HEADER
from mockllm.profile.expect import Expect
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

PATIENCE = 60.0
"""Seconds by which the asker is more patient than the guard: whether a call hangs is the drill's
to say."""
OF_CONNECTIONS = ("idle", "server")
"""Points of faults that whoever comes next on a connection meets."""
UPLOADS = "it begins before the body is there, in which the model says which incident is meant"
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
        self._incident, self._mark = HEALTHY, mark_of(HEALTHY)
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
                "headers": {**SECRETS, **self._headers, **self.headers_for(self._incident)},
            }
        )

    def warm_up(self) -> None:
        """Ask for what works until that is done within a caller's time limit: what gateways import
        with their first calls would count as slowness of the first cells otherwise."""
        wire = self._system.wires[0]
        give_up = now() + WARM
        while (begun := now()) < give_up:
            for stream in (True, False):
                with suppress(Lost):
                    self.ask(Task(wire, stream=stream), WARM)
            if now() - begun < self._limits.timeout:
                return

    def url_for(self, incident: str) -> str:
        """Where to ask for an incident."""
        prefix = f"/p/{incident}" if self._system.select == "path" else ""
        return f"{self._base_url}{prefix}{self._system.path}"

    def headers_for(self, incident: str) -> dict[str, str]:
        """With which headers."""
        return {HEADER: incident} if self._system.select == "header" else {}

    def key_for(self, incident: str) -> str:
        """With which key."""
        return f"mock-{incident}" if self._system.select == "key" else self._system.key

    def why_not(self, incident: Incident) -> str | None:
        """Incidents with ports of their own cannot be played behind one upstream, and of a body on
        its way the model is not known yet."""
        profile = incident.loaded.profile
        if profile.listeners:
            return LISTENERS
        return UPLOADS if profile.has_uploads and self._system.select == "model" else None

    def alone(self, incident: Incident) -> bool:
        """A fault of a connection would meet another cell's request."""
        routes = incident.loaded.profile.all_routes
        return any(f.anchor.point in OF_CONNECTIONS for route in routes for f in route.faults)

    def fair(self, expect: Expect) -> Expect:
        """A gateway whose answer has begun can only break it off: that is an error of the
        connection to its caller, whatever it was to the gateway."""
        if expect.client is None or expect.client.error != "timeout":
            return expect
        return expect.model_copy(
            update={"client": expect.client.model_copy(update={"error": "typed"})}
        )

    def elsewhere(self, calls: Sequence[Entry]) -> Sequence[Entry] | None:
        """The calls that ask for the fallback's model."""
        pattern = self._system.fallback
        if pattern is None:
            return None
        return [entry for entry in calls if fnmatchcase(entry.model or "", pattern)]

    def stage(self, incident: Incident, limits: Limits, library: Library) -> Stage:
        """This incident's share of the server."""
        return self._server.stage(incident.loaded, mark_of(incident.name))

    def begin(self, base_url: str, incident: str) -> None:
        """Choose the incident."""
        self._incident, self._mark = incident, mark_of(incident)
        self._open()

    def heal(self) -> None:
        """Choose what works."""
        self._incident = HEALTHY
        self._open()

    def ask(self, task: Task, guard: float) -> Told:
        """Ask once, through the gateway."""
        wanted = self._system.model.replace("{incident}", self._incident)
        chosen = self._system.select == "model" or "model" in self._system.model_fields_set
        model = wanted if chosen else MODEL
        return told(*self._worker.call(task.marked(self._mark).order(model), guard))

    def facts(
        self, stage: Stage, events: tuple[Event, ...], seen: Seen | None, asked: int
    ) -> dict[str, str]:
        """What the gateway made of what it got."""
        assert isinstance(stage, SharedStage)
        key = self.key_for(self._incident)
        return facts_of(stage.calls, stage.others, events, seen, key, asked)

    def close(self) -> None:
        """Let go of the asker."""
        self._worker.close()


def mark_of(incident: str) -> str:
    """What the message of an incident's cell has, and that of no other."""
    return f"asked for {incident}."
