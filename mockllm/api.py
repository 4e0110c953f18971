"""`class MockLLM`: the server from Python, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from mockllm.engine.gate import Connection
from mockllm.engine.journal import Entry, brief
from mockllm.engine.plan import Conditions
from mockllm.faults.fault import Fault
from mockllm.profile.adding import route_of, with_faults
from mockllm.profile.library import Library, UnknownProfile
from mockllm.profile.loader import Loaded
from mockllm.profile.problems import ProfileError
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from mockllm.server.tls import authority_pem

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

T = TypeVar("T")

API_KEY = "mockllm-not-a-key"
"""What clients send: no secret scanner takes it for a key."""

YAML = re.compile(r"\n|^\s*[\[{]|:(\s|$)")
"""What a profile's text has, and no name or path."""


class MockLLM:
    """A mock LLM server for tests; a context manager, sync and async.

    `profile` is the name of a profile, a path to one, or its YAML. `port` 0 takes a free one.
    `seed` is where chance begins; without one it is the profile's, or 0. `speed` divides all waits, so 10 is ten times as fast. `paced`
    tells whether a healthy server takes its time; faults always take theirs. `profiles` are folders
    with profiles of your own, which then have names. `loop_factory` makes the server's event loop,
    such as `uvloop.new_event_loop`; without it, asyncio's own.

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
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed: expected a number above 0, got {speed!r}")
        self._library = Library(folders(profiles))
        self._first = self._load(profile)
        self._settings = Settings(host, port, Conditions(seed, speed, paced))
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
        """The variables that point clients here: base URLs, a key that is none, no proxy for this
        host (added to the hosts that need none already)."""
        host = urlsplit(self.url).hostname or ""
        upper, lower = os.environ.get("NO_PROXY"), os.environ.get("no_proxy")
        return {
            "OPENAI_BASE_URL": self.openai_url,
            "OPENAI_API_BASE": self.openai_url,
            "OPENAI_API_KEY": API_KEY,
            # Some clients read the one, some the other, so neither may hide what only one has.
            "NO_PROXY": with_host(upper or lower or "", host),
            "no_proxy": with_host(lower or upper or "", host),
        }

    # What it does

    def use(self, profile: str | Path, *, seconds: float | None = None) -> None:
        """Switch to a profile, by name, path or YAML; for so many seconds if they are given, then
        the one before comes back. Its counts begin anew.

        Raises as the class does for a profile that cannot be used, and `ValueError` for `seconds`
        that are not above 0.
        """
        if seconds is not None and not seconds > 0:
            raise ValueError(f"seconds: expected a number above 0, got {seconds!r}")
        loaded = self._load(profile)
        self._running.call(lambda service: service.engine.use(loaded, seconds))

    def fail(self, status: int, **keys: Any) -> None:
        """Answer with an error: `fail(503)` always, `fail(503, first=2)` the first two calls.

        The keys are those of a profile: how often (`first`, `nth`, `chance`, …), and what the
        error says (`message`, `error_type`, `code`, `param`, `shape`, `headers`, …). Raises
        `ValueError` for keys that a profile would not have.
        """
        beside = {key: value for key, value in keys.items() if key in Fault.model_fields}
        body = {key: value for key, value in keys.items() if key not in beside}
        self.add({"fail": {"status": status, **body}, **beside})

    def add(self, fault: Mapping[str, Any]) -> None:
        """Add a fault, as a profile has it: `add({"stall": "30s", "at": "after content 5"})`.

        It comes first in every route of the profile that is on, and in the healthy default; counts
        begin anew. Raises `ValueError` for a fault that a profile would not have.
        """
        try:
            new = route_of(fault)
        except ValueError as error:
            raise error.with_traceback(None) from None

        def switch(service: Service) -> None:
            engine = service.engine
            remaining = engine.remaining
            engine.use(with_faults(engine.profile, new), remaining)

        self._running.call(switch)

    def reset(self) -> None:
        """Let go of held streams, forget calls, counts and added faults, and go back to the first
        profile."""
        first = self._first

        def back(service: Service) -> None:
            service.application.release()
            service.engine.restart(first)

        self._running.call(back)

    @contextmanager
    def fresh(self, profile: str | Path | None = None) -> Iterator[Self]:
        """This server, reset before and after; `profile` is its first one meanwhile.

        For one test of many that share a server; raises as the class does.
        """
        before = self._first
        self._first = before if profile is None else self._load(profile)
        try:
            self.reset()
            yield self
        finally:
            self._first = before
            if self.running:
                self.reset()

    # What happened

    @property
    def calls(self) -> tuple[Entry, ...]:
        """The calls since the start or reset, oldest first, as they stand now. At most the last
        thousand are kept."""
        return self._read(lambda service: service.engine.journal.entries())

    def assert_attempts(self, count: int) -> None:
        """Fail unless exactly so many calls came since the start or reset."""
        calls, forgotten = self._read(
            lambda service: (service.engine.journal.entries(), service.engine.journal.forgotten)
        )
        came = len(calls) + forgotten
        if came != count:
            plural = "" if count == 1 else "s"
            story = f":\n{brief(calls)}" if calls else f"; no client called {self.url}"
            raise AssertionError(f"expected {count} attempt{plural}, got {came}{story}")

    def report(self) -> str:
        """What happened, for people: the profile that is on and each call in one line."""
        calls, name = self._read(lambda s: (s.engine.journal.entries(), s.engine.profile.name))
        return f"profile {name} at {self.url}\n{brief(calls) or '  no call came'}"

    # Inside

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


def with_host(hosts: str, host: str) -> str:
    """A list of hosts that need no proxy, with one more."""
    known = [one.strip() for one in hosts.split(",") if one.strip()]
    return ",".join(known if host in known or "*" in known else [*known, host])
