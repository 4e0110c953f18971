"""`class MockLLM`: the server from Python, in a thread and an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from mockllm.engine.journal import Entry, brief
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library, is_path
from mockllm.profile.loader import Loaded, load
from mockllm.profile.models import Profile
from mockllm.server.service import Service, Settings

T = TypeVar("T")

START_LIMIT = 30.0
"""Seconds after which a server that does not start is given up: a guard, not a measure."""

API_KEY = "mockllm-not-a-key"
"""What clients send: no secret scanner takes it for a key."""


class MockLLM:
    """A mock LLM server for tests; a context manager, sync and async.

    `profile` is the name of a profile, a path to one, or its YAML. `paced` tells whether a healthy
    server takes its time; faults always keep theirs. `speed` divides all waits.

    Raises `UnknownProfile` or `ProfileError` for a profile that cannot be used, `OSError` for an
    address that cannot be had.
    """

    def __init__(
        self,
        profile: str = "default",
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        speed: float = 1.0,
        paced: bool = False,
        profiles: Iterable[str | Path] = (),
    ) -> None:
        self._library = Library(tuple(Path(folder) for folder in profiles))
        self._first = self._load(profile)
        self._settings = Settings(host, port, Conditions(seed, speed, paced))
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._service: Service | None = None
        self._stop: asyncio.Event | None = None

    # Life

    def start(self) -> Self:
        """Start to listen; returns when clients can connect."""
        if self._thread is not None:
            raise RuntimeError("this server has been started already")
        started: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run, args=(started,), name="mockllm", daemon=True
        )
        self._thread.start()
        try:
            started.result(START_LIMIT)
        except BaseException:
            self._thread = None
            raise
        return self

    def stop(self) -> None:
        """Let go of every stream and stop; returns when the port is free."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    # Where it is

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:40123`."""
        return self._running.url

    @property
    def openai_url(self) -> str:
        """What OpenAI's SDKs take as base URL."""
        return f"{self.url}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point clients here."""
        return {
            "OPENAI_BASE_URL": self.openai_url,
            "OPENAI_API_BASE": self.openai_url,
            "OPENAI_API_KEY": API_KEY,
        }

    # What it does

    def use(self, profile: str, *, seconds: float | None = None) -> None:
        """Switch to a profile, by name, path or YAML; for so many seconds if they are given."""
        loaded = self._load(profile)
        self._call(lambda: self._running.engine.use(loaded, seconds))

    def fail(self, status: int, *, first: int | None = None, **fields: Any) -> None:
        """Answer with an error: always, or the first so many calls.

        `fields` are those of the fault `fail`: shape, message, error_type, code, param, headers.
        """
        fault: dict[str, Any] = {"fail": {"status": status, **fields}}
        if first is not None:
            fault["first"] = first
        self.add(fault)

    def add(self, fault: dict[str, Any]) -> None:
        """Add a fault, as a profile would have it, to every route of the profile that is on."""

        def switch() -> None:
            engine = self._running.engine
            engine.use(with_fault(engine.profile, fault))

        self._call(switch)

    def reset(self) -> None:
        """Let go of held streams, forget calls and counts, and go back to the first profile."""

        def back() -> None:
            self._running.application.release()
            self._running.engine.use(self._first)
            self._running.engine.reset()

        self._call(back)

    # What happened

    @property
    def calls(self) -> tuple[Entry, ...]:
        """The calls since the start or reset, oldest first, as they stand now."""
        return self._call(lambda: self._running.engine.journal.entries())

    def assert_attempts(self, count: int) -> None:
        """Fail unless exactly so many calls came."""
        calls = self.calls
        if len(calls) != count:
            got = f"expected {count} attempts, got {len(calls)}"
            raise AssertionError(f"{got}:\n{brief(calls)}" if calls else got)

    # Inside

    @property
    def _running(self) -> Service:
        if self._service is None or self._thread is None:
            raise RuntimeError("this server is not running; use `with MockLLM() as server:`")
        return self._service

    def _load(self, profile: str) -> Loaded:
        if "\n" in profile or profile.lstrip().startswith(("mockllm:", "{")):
            return load(profile, name="inline")
        return self._library.find(str(profile) if is_path(profile) else profile)

    def _call(self, function: Callable[[], T]) -> T:
        """Run a function on the server's loop, where the engine lives."""
        service = self._running
        assert self._loop is not None
        assert service is not None
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(START_LIMIT)

    def _run(self, started: Future[None]) -> None:
        """The server's thread."""

        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            service = Service(self._library, self._first, self._settings)
            try:
                await service.start()
            except BaseException as error:
                started.set_exception(error)
                return
            self._service = service
            started.set_result(None)
            await self._stop.wait()
            await service.stop()

        with asyncio.Runner() as runner:
            runner.run(main())


def with_fault(loaded: Loaded, fault: dict[str, Any]) -> Loaded:
    """A profile with one more fault, first in every route."""
    from mockllm.shapes.shape import answers, shapes

    context = {"shape": shapes(), "answer": answers()}
    new = Profile.model_validate({"mockllm": 1, "faults": [fault]}, context=context).all_routes[0]
    routes = tuple(
        route.model_copy(update={"faults": (*new.faults, *route.faults)})
        for route in loaded.profile.all_routes
    )
    plain = {
        name: getattr(loaded.profile, name)
        for name in ("mockllm", "about", "seed", "models", "strict")
    }
    profile = Profile.model_construct(**plain, routes=routes)
    return Loaded(loaded.name, profile, loaded.text, loaded.file)
