"""When the garbage collector runs in `mockllm serve`, and that calls leave nothing for it."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterator

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.journal import Outcome
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.server import sweeping


@pytest.fixture
def _collector() -> Iterator[None]:
    """The collector as it was, afterwards."""
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.parametrize(
    ("new", "busy", "due"),
    [
        (sweeping.SOME, False, False),
        (sweeping.SOME + 1, False, True),
        (sweeping.SOME + 1, True, False),
        (sweeping.MANY + 1, True, True),
    ],
)
def test_when_it_is_due(new: int, busy: bool, due: bool) -> None:
    """Little garbage waits for silence, much does not."""
    assert sweeping.is_due(new, busy=busy) == due


@pytest.mark.usefixtures("_collector")
def test_sweeping(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the collector off, cycles go at the next look, when nobody waits."""
    monkeypatch.setattr(sweeping, "LOOK", 0.0)
    monkeypatch.setattr(sweeping, "SOME", 100)

    found: list[int] = []

    async def go() -> None:
        looked = asyncio.Event()

        def busy() -> bool:
            found.append(gc.get_count()[0])
            if len(found) == 2:
                looked.set()
            return False

        for _ in range(200):
            cycle: list[object] = []
            cycle.append(cycle)
        task = asyncio.get_running_loop().create_task(sweeping.sweep(busy))
        async with asyncio.timeout(30):
            await looked.wait()
        task.cancel()

    sweeping.settle_down()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0
    asyncio.run(go())
    assert found[1] < 100 < 200 < found[0]


@pytest.mark.parametrize("profile", ["default", "flaky", "rate-limited", "reset-mid-stream"])
def test_calls_leave_no_cycles(profile: str) -> None:
    """What a call was made of goes without the collector: nothing refers to itself."""
    library = Library()
    engine = Engine(library, library.find(profile), conditions=Conditions(), now=lambda: 0.0)

    def call(stream: bool, model: str) -> None:
        body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hi"}]}
        made, name = engine.read(
            "POST", "/v1/chat/completions", (("host", "x"),), json.dumps(body).encode()
        )
        plan = engine.plan(made, name, Here())
        done = Outcome("done", len(plan.lowered.events), len(plan.lowered.events), 1)
        engine.ended(engine.begin(plan, "").update(done))

    def calls() -> None:
        for stream in (True, False):
            call(stream, "gpt-4o-mini")
            call(stream, "mock-nothing-of-this-name")

    calls()  # what is made once is made now
    engine.journal.clear()
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            calls()
        engine.journal.clear()
        assert gc.collect() == 0
    finally:
        gc.enable()
