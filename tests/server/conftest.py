"""Servers for tests over a real socket, on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
import uvloop

from mockllm import MockLLM


@pytest.fixture(scope="package", params=["asyncio", "uvloop"])
def running(request: pytest.FixtureRequest) -> Iterator[MockLLM]:
    """One server for all tests of the package, once on each loop."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop
    with MockLLM(loop_factory=factory) as server:
        yield server


@pytest.fixture
def server(running: MockLLM) -> Iterator[MockLLM]:
    """The server, fresh."""
    running.clear()
    yield running
    running.clear()
