"""A proxy with faults in a thread of its own, and what it did."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from mockllm.engine.journal import Entry
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded, load
from mockllm.proxy.application import LiveApplication
from mockllm.record.upstream import Upstream
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded

GUARD = 20.0
"""Seconds after which something that hangs is given up; never waited for in a test that passes."""


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    server: Threaded

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self.server.service.url

    def calls(self) -> tuple[Entry, ...]:
        """The journal, when every call that came before is over."""
        self.server.settle(GUARD)
        return self.playing()

    def playing(self) -> tuple[Entry, ...]:
        """The journal as it stands."""
        return self.server.call(lambda service: service.engine.journal.entries())


def loaded(text: str) -> Loaded:
    """A profile from the lines behind the first, or by its name where that is one word."""
    if re.fullmatch(r"[\w.-]+", text):
        return Library().find(text)
    return load(f"mockllm: 1\n{text}", name="inline")


@contextmanager
def proxied(
    upstream: str,
    text: str = "",
    *,
    trust: ssl.SSLContext | None = None,
    conditions: Conditions | None = None,
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> Iterator[Proxy]:
    """A proxy before an upstream, with a profile."""
    answers = partial(LiveApplication, Upstream(upstream, trust=trust))
    settings = Settings(conditions=conditions or Conditions())
    server = Threaded(lambda: Service(Library(), loaded(text), settings, answers=answers), factory)
    try:
        yield Proxy(server)
    finally:
        server.stop()
