"""`class MockLLM`: the server from Python, in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar, Unpack
from urllib.parse import urlsplit

from mockllm.engine.demands import Demand
from mockllm.engine.gate import Connection
from mockllm.engine.plan import Conditions
from mockllm.environment import environment
from mockllm.face import Face, MatchKeys
from mockllm.observing import Observing
from mockllm.profile.adding import Said, name_of, read_match, visible_faults
from mockllm.profile.library import Library, UnknownProfile
from mockllm.profile.loader import Loaded
from mockllm.profile.problems import ProfileError
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from mockllm.server.tls import authority_pem
from mockllm.timeline.valueclass import replace

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

T = TypeVar("T")

YAML = re.compile(r"\n|^\s*[\[{]|:(\s|$)")
"""What a profile's text has, and no name or path."""


class MockLLM(Face, Observing):
    """A mock LLM server for tests; a context manager, sync and async.

    `profile` is the name of a profile, a path to one, or its YAML. `port` 0 takes a free one.
    `seed` is where chance begins; without one it is the profile's, or 0. `speed` divides all waits,
    so 10 is ten times as fast. `paced` tells whether a healthy server takes its time; faults always
    take theirs. `profiles` are folders with profiles of your own, which then have names.
    `loop_factory` makes the server's event loop, such as `uvloop.new_event_loop`; without it,
    asyncio's own.

    Every method may be called from any thread and under any async library; none blocks for more than
    a few milliseconds. Stopped and started again, a server keeps its port.

    Raises `UnknownProfile` or `ProfileError` for a profile that cannot be used, `OSError` for a
    file or folder that cannot be read, `ValueError` for a speed that is not above 0.
    """

    def __init__(
        self,
        profile: str | Path = "default",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int | None = None,
        speed: float = 1.0,
        paced: bool = False,
        profiles: str | Path | Iterable[str | Path] = (),
        grpc: bool = False,
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        speed = positive(speed)
        self._library = Library(folders(profiles))
        self._first = self._load(profile)
        self._settings = Settings(
            host, port, Conditions(seed, speed, paced), grpc_port=0 if grpc else None
        )
        self._loop_factory = loop_factory
        self._lock = threading.RLock()
        self._server: Threaded | None = None

    def __repr__(self) -> str:
        return f"<MockLLM {self.url}>" if self.running else "<MockLLM, not running>"

    # Life

    def start(self) -> Self:
        """Start to listen; returns when clients can connect.

        Raises `OSError` for an address that cannot be had, `RuntimeError` if the server runs.
        """
        with self._lock:
            if self.running:
                raise RuntimeError(f"this server is running already, at {self.url}")
            settings = self._settings
            self._outcome = None
            try:
                self._server = Threaded(
                    lambda: Service(self._library, self._first, settings), self._loop_factory
                )
            except OSError as error:
                reason = error.strerror or error
                raise OSError(
                    error.errno, f"cannot listen on {settings.host}:{settings.port}: {reason}"
                ) from None
            self._settings = replace(settings, port=urlsplit(self.url).port or 0)
        return self

    def stop(self) -> None:
        """Let go of every stream and stop; returns when the port is free. Harmless when stopped."""
        if self._server is not None:
            self._server.stop()

    @property
    def running(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None and self._server.running

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        # No await: blocking for a few milliseconds works under every async library.
        return self.start()

    async def __aexit__(self, *error: object) -> None:
        self.stop()

    # Where it is

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:40123`."""
        return self._running.service.url

    @property
    def openai_url(self) -> str:
        """What OpenAI's SDKs take as base URL: `http://127.0.0.1:40123/v1`."""
        return f"{self.url}/v1"

    @property
    def grpc_target(self) -> str:
        """Where gRPC is served, as `grpc.insecure_channel` takes it. Raises `RuntimeError` without
        `grpc=True`."""
        target = self._running.service.grpc_target
        if not target:
            raise RuntimeError("this server speaks no gRPC; make it with MockLLM(grpc=True)")
        return target

    @property
    def client_url(self) -> str:
        """Where a client of the first profile belongs: the listener whose connections fail, where
        that is all that the profile is about; else the server itself."""
        return self._running.service.client_url

    @property
    def listeners(self) -> dict[str, str]:
        """The URLs of the further ports that the first profile opens, by name."""
        return dict(self._running.service.listeners)

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections of those ports, oldest first, and which faults met them."""
        return self._read(lambda service: service.engine.connections.entries())

    @property
    def ca_pem(self) -> str:
        """The certificate to trust for listeners with TLS, as PEM (extra `tls`)."""
        return authority_pem()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point clients here: base URLs and keys that are none for OpenAI's,
        Anthropic's and Azure's clients, no proxy for this host (added to the hosts that need none
        already)."""
        return environment(self.url)

    # What it does

    def use(
        self, profile: str | Path, *, seconds: float | None = None, may_not_fire: bool = False
    ) -> None:
        """Switch to a profile, by name, path or YAML; for so many seconds if they are given, then
        the one before comes back. Counts begin anew; what was said (`says`, `fail`, …) stays.

        `assert_fired` wants one of its faults to act, unless `may_not_fire`. Raises as the class
        does for a profile that cannot be used, and `ValueError` for `seconds` that are not above 0.
        """
        if seconds is not None and not seconds > 0:
            raise ValueError(f"seconds: expected a number above 0, got {seconds!r}")
        self._switch("use", profile, seconds, may_not_fire=may_not_fire)

    def profile(self, profile: str | Path, *, may_not_fire: bool = False) -> None:
        """Switch to a profile that is given by its YAML or its path: `use`, for a whole profile in
        the test itself."""
        self._switch("profile", profile, None, may_not_fire=may_not_fire)

    def _switch(
        self, method: str, profile: str | Path, seconds: float | None, *, may_not_fire: bool
    ) -> None:
        loaded = self._load(profile)
        words = f"{self._words}.{method}({loaded.name!r})"
        demand = Demand(words, () if may_not_fire else visible_faults(loaded))

        def switch(service: Service) -> None:
            service.engine.use(loaded, seconds)
            service.engine.demands.ask(demand)

        self._running.call(switch)

    def on(self, **match: Unpack[MatchKeys]) -> On:
        """Some of the calls, told apart as `match:` in a profile does, for an answer or faults of
        their own: `mockllm.on(model="gpt-4o*").says("Hi")`.

        Where several match, the one about which something was said last is taken. The same
        conditions again mean the same calls, so answers and faults come together. Raises
        `ValueError` for conditions that a profile would not have.
        """
        return On(self, match)

    def clear(self) -> None:
        """Let go of held streams, forget calls, counts and all that was said, and go back to the
        first profile."""
        first = self._first

        def back(service: Service) -> None:
            service.release()
            service.engine.restart(first)

        self._outcome = None
        self._running.call(back)

    def down(self) -> None:
        """Stop listening: new connections are refused, those that are open are closed. The port
        stays this server's. Harmless when down."""
        self._running.run(Service.down)

    def up(self) -> None:
        """Listen again, on the same port. Harmless when up."""
        self._running.run(Service.up)

    @contextmanager
    def fresh(
        self,
        profile: str | Path | None = None,
        *,
        seed: int | None = None,
        speed: float | None = None,
        may_not_fire: bool = False,
    ) -> Iterator[Self]:
        """This server, cleared before and after; `profile` is its first one meanwhile, whose
        further ports are open, and `seed` and `speed` are its own.

        For one test of many that share a server; raises as the class does.
        """
        before, conditions = self._first, self._settings.conditions
        if profile is not None:
            self._first = self._load(profile)
        seed = conditions.seed if seed is None else seed
        speed = conditions.speed if speed is None else positive(speed)
        here = replace(conditions, seed=seed, speed=speed)
        try:
            self._begin(here)
            if profile is not None and not may_not_fire:
                demand = Demand(f"profile {self._first.name}", visible_faults(self._first))
                self._running.call(lambda service: service.engine.demands.ask(demand))
            yield self
        finally:
            self._first = before
            if self.running:
                self.up()
                self._begin(conditions)

    def _begin(self, conditions: Conditions) -> None:
        """Clear, with the ports of the first profile and such conditions."""
        first = self._first
        self._running.run(lambda service: service.listen(first, conditions))
        self.clear()

    # Waiting

    def settle(self, timeout: float = 5.0) -> None:
        """Return when no call is in flight and the journal has all that happened.

        It blocks, so an async test calls it when its client is done, or in a thread. Raises
        `TimeoutError` with the calls that are still in flight after so many seconds.
        """
        self._running.settle(timeout)

    def wait_for_calls(self, count: int, timeout: float = 5.0) -> None:
        """Return when so many calls have come. Raises `TimeoutError` after so many seconds."""
        if not self._running.wait_for(lambda service: came(service) >= count, timeout):
            raise TimeoutError(
                f"expected {count} calls within {timeout:g} seconds, got {self._read(came)}"
            )

    @property
    def server(self) -> Running:
        """The running server behind this: its clock."""
        return Running(self._running)

    # Inside

    @property
    def _words(self) -> str:
        return "mockllm"

    def _say(self, change: Callable[[Said], Said], demand: Demand | None) -> None:
        self._speak(Said(), change, demand)

    def _speak(self, nothing: Said, change: Callable[[Said], Said], demand: Demand | None) -> None:
        """Change what was said about some calls, or about all; `nothing` is how that begins."""

        def say(service: Service) -> None:
            service.engine.amend(nothing, change)
            if demand is not None:
                service.engine.demands.ask(demand)

        self._running.call(say)

    def _read(self, function: Callable[[Service], T]) -> T:
        """Ask the server, or what is left of it: the journal stays when it has stopped."""
        if self._server is not None and not self._server.running:
            return function(self._server.service)
        return self._running.call(function)

    @property
    def _running(self) -> Threaded:
        if self._server is None or not self._server.running:
            raise RuntimeError("this server is not running; use `with MockLLM() as server:`")
        return self._server

    def _load(self, profile: str | Path) -> Loaded:
        try:
            if isinstance(profile, Path):
                return self._library.load_path(profile)
            if YAML.search(profile):
                return self._library.load_text(profile, "inline")
            return self._library.find(profile)
        except (UnknownProfile, ProfileError, OSError) as error:
            raise error.with_traceback(None) from None


def folders(given: str | Path | Iterable[str | Path]) -> tuple[Path, ...]:
    """One folder or several; raises `NotADirectoryError` for what is none."""
    paths = tuple(Path(one) for one in ([given] if isinstance(given, str | Path) else given))
    for path in paths:
        if not path.is_dir():
            raise NotADirectoryError(f"profiles: expected a folder, got '{path}'")
    return paths


def positive(speed: float) -> float:
    """A speed; raises `ValueError` for one that is not above 0."""
    if not speed > 0:
        raise ValueError(f"speed: expected a number above 0, got {speed!r}")
    return speed


def came(service: Service) -> int:
    """How many calls came since the start or `clear`."""
    journal = service.engine.journal
    return len(journal.entries()) + journal.forgotten


class On(Face):
    """Some of a server's calls. What was said about them is gone when the server is cleared."""

    def __init__(self, server: MockLLM, match: Mapping[str, Any]) -> None:
        self._server = server
        self._conditions = match
        self._match = read_match(self._words, match)

    @property
    def _words(self) -> str:
        given = ", ".join(f"{key}={value!r}" for key, value in self._conditions.items())
        return f"mockllm.on({given})"

    def _say(self, change: Callable[[Said], Said], demand: Demand | None) -> None:
        self._server._speak(Said(self._match, name_of(self._conditions)), change, demand)


@dataclass(frozen=True, slots=True)
class ServerClock:
    """The clock of a running server: that of waits, pacing and windows."""

    _threaded: Threaded

    def now(self) -> float:
        """Its time in seconds; only differences mean something."""
        return self._threaded.call(lambda service: service.clock.now())

    def advance(self, seconds: float) -> None:
        """Move the server's time on at once: what is due by then happens now, in order. A client's
        own timers do not move. Raises `ValueError` for what is no number of at least 0."""
        self._threaded.call(lambda service: service.clock.advance(seconds))


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs, as a test may reach into it."""

    _threaded: Threaded

    @property
    def clock(self) -> ServerClock:
        """Its clock, which a test can advance."""
        return ServerClock(self._threaded)
