"""A server in a thread and an event loop of its own, for programs that have neither to spare."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any, TypeVar

from mockllm.server.service import Service

T = TypeVar("T")

LIMIT = 30.0
"""Seconds after which a server that does not start, answer or stop is given up: a guard against
hanging, not a measure."""

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools


class Threaded:
    """One life of a server. Safe for threads: calls come one after the other.

    `make` makes the service, on the loop that it will live on; `loop_factory` makes that loop.
    """

    def __init__(
        self,
        make: Callable[[], Service],
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    ) -> None:
        """Start it; returns when clients can connect. Raises what `make` and `start` raise."""
        started: Future[Service] = Future()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, args=(make, loop_factory, started), name="mockllm", daemon=True
        )
        self._thread.start()
        self.service = started.result(LIMIT)

    @property
    def running(self) -> bool:
        """Whether clients can connect."""
        return self._thread.is_alive()

    def call(self, function: Callable[[Service], T]) -> T:
        """Run a function on the server's loop, where the service lives, and return its result.

        Raises what the function raises, `RuntimeError` if the server is not running.
        """
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function(self.service))
            except BaseException as error:
                done.set_exception(error)

        # The lock keeps the loop from ending between the question and the answer.
        with self._lock:
            if not self.running:
                raise RuntimeError("this server is not running")
            self._loop.call_soon_threadsafe(run)
            return done.result(LIMIT)

    def run(
        self, function: Callable[[Service], Coroutine[Any, Any, T]], timeout: float = LIMIT
    ) -> T:
        """Run a coroutine function on the server's loop and return its result, such as
        `run(Service.down)`. Other threads may call meanwhile.

        Raises what the function raises, `TimeoutError` if that takes longer than so many seconds
        (it is called off then), `RuntimeError` if the server is not running, or stops meanwhile.
        """
        with self._lock:
            if not self.running:
                raise RuntimeError("this server is not running")
            done = asyncio.run_coroutine_threadsafe(function(self.service), self._loop)
        try:
            return done.result(timeout)
        except CancelledError:
            raise RuntimeError("this server stopped meanwhile") from None
        except TimeoutError:
            done.cancel()
            raise

    def settle(self, timeout: float = 5.0) -> None:
        """Return when no call is in flight: every request that had been sent has been answered, or
        its client has left, and the journal says so.

        Raises `TimeoutError` with the calls that are still in flight after so many seconds, and
        `RuntimeError` as `run` does.
        """

        self.run(lambda service: service.settle(timeout), timeout + LIMIT)

    def wait_for(self, condition: Callable[[Service], bool], timeout: float = 5.0) -> bool:
        """Whether a condition holds, now or within so many seconds.

        It is looked at on the server's loop when something happens, as `Service.until` says:
        nothing polls. Raises what the condition raises, and `RuntimeError` as `run` does.
        """

        async def met(service: Service) -> bool:
            limit = asyncio.timeout(timeout)
            try:
                async with limit:
                    await service.until(condition)
            except TimeoutError:
                if not limit.expired():
                    raise  # the condition's own
            return not limit.expired()

        return self.run(met, timeout + LIMIT)

    def stop(self) -> None:
        """Let go of every stream and stop; returns when the port is free. Harmless when stopped."""
        with self._lock:
            with suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(LIMIT)
        if self._thread.is_alive():
            raise RuntimeError(f"the server did not stop within {LIMIT:g} seconds")

    def _run(
        self,
        make: Callable[[], Service],
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None,
        started: Future[Service],
    ) -> None:
        """The thread."""

        async def main() -> None:
            self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
            service = make()
            await service.start()
            started.set_result(service)
            await self._stop.wait()
            await service.stop()

        try:
            with asyncio.Runner(loop_factory=loop_factory) as runner:
                runner.run(main())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)
