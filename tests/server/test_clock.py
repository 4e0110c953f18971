"""The clock of a running server, advanced: nothing here waits for a time to pass."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import accumulate, cycle
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.lateness import Lateness
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.scripts.named import CANONICAL
from mockllm.server.clock import MAX_CANCELLED, PATIENCE, Due, LoopClock, Timer
from mockllm.server.line import Stream
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from mockllm.timeline.score import NEAR, score
from tests.server.fakes import FakeClock, FakeTransport
from tests.server.raw import GUARD, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"
HOUR = 3600.0
LIBRARY = Library()
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=sorted(LOOPS))
def make_loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Each kind of loop."""
    return LOOPS[request.param]


# The clock alone


def on(
    make_loop: Callable[[], asyncio.AbstractEventLoop],
    test: Callable[[LoopClock], Coroutine[Any, Any, None]],
) -> None:
    """Run a test on a loop, with a clock of that loop."""

    async def guarded() -> None:
        async with asyncio.timeout(GUARD):
            await test(LoopClock(asyncio.get_running_loop()))

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(guarded())


Call = Callable[[LoopClock, float, Callable[[], None]], Timer]


TURNS = cycle((LoopClock.call_at, LoopClock.call_about))


def either(clock: LoopClock, when: float, callback: Callable[[], None]) -> Timer:
    """One way to ask for a call after the other."""
    return next(TURNS)(clock, when, callback)


CALLS = pytest.mark.parametrize("call", [LoopClock.call_at, LoopClock.call_about, either])


@CALLS
def test_order(call: Call, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """What is due is called in the order of its time, of one time in the order asked, at once."""

    async def test(clock: LoopClock) -> None:
        start, called = clock.now(), list[str]()
        for name, when in (("c", 30.0), ("a", 10.0), ("d", 30.0), ("b", 20.0), ("late", 50.0)):
            call(clock, start + when, partial(called.append, name))
        clock.advance(40)
        assert called == ["a", "b", "c", "d"]
        clock.advance(10)
        assert called[4:] == ["late"]

    on(make_loop, test)


@CALLS
def test_the_time_jumps_first(
    call: Call, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """A callback sees the new time; what it asks for within the span comes in its place."""

    async def test(clock: LoopClock) -> None:
        start, called = clock.now(), list[tuple[str, bool]]()

        def note(name: str) -> None:
            called.append((name, clock.now() >= start + HOUR))

        def beat(when: float) -> None:
            note("beat")
            call(clock, start + when + 10, partial(beat, when + 10))

        call(clock, start + 10, partial(beat, 10))
        call(clock, start + 25, partial(note, "other"))
        call(clock, start + HOUR - 5, partial(note, "end"))
        clock.advance(HOUR)
        names = [name for name, _ in called]
        assert names[:3] == ["beat", "beat", "other"]
        assert names.count("beat") in (360, 361)  # some real time passes too
        assert names.index("end") == 360
        assert all(late for _, late in called)

    on(make_loop, test)


def test_many_small_steps() -> None:
    """Tenths of a second add up, although floats do not."""
    with closing(Stopped()) as loop:
        for tenths in range(1, 50):
            clock, called = LoopClock(loop, loop.time), list[str]()
            clock.call_at(clock.now() + tenths / 10, partial(called.append, "due"))
            for _ in range(tenths):
                assert called == []
                clock.advance(0.1)
            assert called == ["due"]


class Stopped(asyncio.SelectorEventLoop):
    """A loop whose time stands still."""

    def time(self) -> float:
        return 0.0


@CALLS
def test_later_waits_become_shorter(
    call: Call, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Of an hour less a moment only the moment is left, for the loop's own timer too."""

    async def test(clock: LoopClock) -> None:
        over = asyncio.Event()
        call(clock, clock.now() + HOUR, over.set)
        clock.advance(HOUR - 0.02)
        assert not over.is_set()
        await over.wait()

    on(make_loop, test)


@CALLS
def test_without_being_advanced(
    call: Call, make_loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    """Timers come by themselves, in order, also one that is asked for last and due first, and one
    whose time is past."""

    async def test(clock: LoopClock) -> None:
        called, over = list[str](), asyncio.Event()
        now = clock.now()
        call(clock, now + 0.03, over.set)
        call(clock, now + 0.02, partial(called.append, "second"))
        call(clock, now + 0.01, partial(called.append, "first"))
        call(clock, now - 1, partial(called.append, "past"))
        assert called == []
        await over.wait()
        assert called == ["past", "first", "second"]

    on(make_loop, test)


class Going(Stream):
    """A stream without frames, which goes on for as long as it has gaps."""

    def __init__(
        self, clock: LoopClock, when: float, gaps: list[float], called: list[float]
    ) -> None:
        super().__init__(FakeTransport(FakeClock()), score(()), Lateness())
        self.when = when
        self._clock = clock
        self._gaps = iter(gaps)
        self._called = called

    def go_on(self, now: float, rest: bytes = b"") -> None:
        self._called.append(self.when)
        gap = next(self._gaps, None)
        if gap is None:
            self.end()
        else:
            self.when += gap
            self._clock.join(self)

    def end(self) -> None:
        """It was the last time."""


MILLISECONDS = st.integers(0, int(NEAR * 1000)).map(lambda number: number / 1000)


@given(
    st.lists(
        st.tuples(MILLISECONDS, st.lists(MILLISECONDS, max_size=6), st.booleans()), max_size=8
    ),
    st.lists(MILLISECONDS, max_size=5),
)
def test_what_goes_on(plans: list[tuple[float, list[float], bool]], steps: list[float]) -> None:
    """Each rings at the time that it said, in order with all others, whether they stand in line or not;
    what was called off before it rang never goes on."""
    with closing(Stopped()) as loop:
        time, called, expected = [0.0], list[float](), list[float]()
        clock = LoopClock(loop, lambda: time[0])
        for when, gaps, off in plans:
            timer = clock.call_at(when, partial(clock.join, Going(clock, when, gaps, called)))
            if off:
                timer.cancel()
            else:
                expected += accumulate(gaps, initial=when)
        expected.sort()
        for step in [*steps, 9.0]:
            time[0] += step
            clock.catch_up()
            assert called == [due for due in expected if due <= time[0]]


def test_what_goes_on_wakes_the_loop(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """By itself, where nothing else is due."""

    async def test(clock: LoopClock) -> None:
        called, over = list[float](), asyncio.Event()
        start = clock.now()

        class Last(Going):
            def end(self) -> None:
                over.set()

        clock.join(Last(clock, start, [0.01] * 5, called))
        clock.join(Going(clock, start + 0.005, [0.01] * 2, called))
        await over.wait()
        dues = [0.0, 0.005, 0.01, 0.015, 0.02, 0.025, 0.03, 0.04, 0.05]
        assert [due - start for due in called] == pytest.approx(dues)

    on(make_loop, test)


def test_patient_calls_let_others_pass() -> None:
    """Who keeps the loop busy makes the calls that are due, and patient ones when they have waited."""
    with closing(Stopped()) as loop:
        time, called = [0.0], list[str]()
        clock = LoopClock(loop, lambda: time[0])
        for when in (1.0, 1.002, 1.004):
            clock.call_about(when, partial(called.append, f"patient {when}"))
        clock.call_at(1.003, partial(called.append, "other"))
        for now, expected in (
            (1.0029, []),
            (1.003, ["other"]),
            (1.0 + PATIENCE, ["patient 1.0"]),
            (1.003 + PATIENCE, ["patient 1.002"]),
        ):
            time[0] = now
            clock.catch_up()
            assert called == expected
            called.clear()
        clock.advance(0)
        assert called == ["patient 1.004"]


@CALLS
def test_cancelled(call: Call, make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """What is called off does not come, also if a call that is due with it does that."""

    async def test(clock: LoopClock) -> None:
        start, called = clock.now(), list[str]()
        second = call(clock, start + 2, partial(called.append, "second"))
        call(clock, start + 1, second.cancel)
        call(clock, start + 3, partial(called.append, "third"))
        clock.advance(HOUR)
        second.cancel()
        assert called == ["third"]

    on(make_loop, test)


@CALLS
def test_cancelled_timers_do_not_pile_up(call: Call) -> None:
    """Streams whose clients leave do not fill the memory until their waits would be over."""

    async def test(clock: LoopClock) -> None:
        clock.call_at(clock.now() + HOUR, lambda: None)
        before = timers()
        for _ in range(10 * MAX_CANCELLED):
            call(clock, clock.now() + HOUR, lambda: None).cancel()
        assert timers() - before <= MAX_CANCELLED

    on(asyncio.new_event_loop, test)


def timers() -> int:
    """The timers that somebody keeps."""
    return sum(isinstance(one, Due) for one in gc.get_objects())


def test_a_timer_that_fails() -> None:
    """The loop is told, and the others come."""

    async def test(clock: LoopClock) -> None:
        told, called = list[BaseException](), list[str]()
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context["exception"])
        )

        def fail() -> None:
            raise LookupError("on purpose")

        clock.call_at(clock.now() + 1, fail)
        clock.call_at(clock.now() + 2, partial(called.append, "next"))
        clock.advance(3)
        assert called == ["next"]
        assert [str(error) for error in told] == ["on purpose"]

    on(asyncio.new_event_loop, test)


@pytest.mark.parametrize("seconds", [-1.0, float("inf"), float("nan")])
def test_refusals(seconds: float) -> None:
    """Time goes forward, by so many seconds."""

    async def test(clock: LoopClock) -> None:
        with pytest.raises(
            ValueError, match=f"advance: expected seconds, 0 or more, got {seconds}"
        ):
            clock.advance(seconds)

    on(asyncio.new_event_loop, test)


# A server


@contextmanager
def serving(
    profile: str,
    make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    *,
    paced: bool = False,
) -> Iterator[Threaded]:
    """A server with a profile."""
    loaded = load(profile, name="p")
    settings = Settings(conditions=Conditions(paced=paced))
    server = Threaded(lambda: Service(LIBRARY, loaded, settings), make_loop)
    try:
        yield server
    finally:
        server.stop()


def advance(server: Threaded, seconds: float) -> None:
    """Advance a server's clock."""
    server.call(lambda service: service.clock.advance(seconds))


def test_a_stall_of_an_hour(make_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """It ends when the hour has passed and not before; the journal counts the hour."""
    profile = "mockllm: 1\nfaults: [{stall: 1h, at: after content 5}]"
    with serving(profile, make_loop) as server, connected(server.service.url) as raw:
        raw.send(chat())
        begun = raw.read_until(b' answer"')
        advance(server, HOUR - 60)
        advance(server, 0)
        assert server.call(lambda s: s.engine.journal.entries()[0].outcome.ending) == "playing"
        advance(server, 60)
        data = begun + raw.read_until(LAST_CHUNK)
        assert text_of(data) == CANONICAL
        server.settle(GUARD)
        outcome = server.call(lambda s: s.engine.journal.entries()[0].outcome)
    assert outcome.ending == "done"
    assert outcome.ended is not None
    assert HOUR <= round(outcome.ended, 6) < HOUR + GUARD


def test_two_waits_one_after_the_other() -> None:
    """A wait that begins because another has ended begins at the new time."""
    profile = (
        "mockllm: 1\nfaults: [{wait: 10s, at: before content 1}, {wait: 10s, at: after content 1}]"
    )
    with serving(profile) as server, connected(server.service.url) as raw:
        raw.send(chat())
        raw.read_until(b"\r\n\r\n")
        advance(server, HOUR)
        assert text_of(raw.read_until(b"\n\n\r\n") + raw.read_until(b"\n\n\r\n")) == "This"
        assert server.call(lambda s: s.engine.journal.entries()[0].outcome.ending) == "playing"
        advance(server, 10)
        raw.read_until(LAST_CHUNK)


@pytest.mark.parametrize("catch_up", ["each", "join"])
def test_paced_frames_keep_their_schedule(catch_up: str) -> None:
    """Frames that would have come by then come at once, in however many writes."""
    profile = f"mockllm: 1\npacing: {{ttft: 1m, itl: 1m, catch_up: {catch_up}}}"
    with serving(profile, paced=True) as server, connected(server.service.url) as raw:
        raw.send(chat())
        assert server.wait_for(lambda s: bool(s.engine.journal.entries()), GUARD)
        advance(server, 30 * 60 + 1)
        assert server.call(lambda s: s.engine.journal.entries()[0].tokens_sent) == 30
        advance(server, 30 * 60)
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        assert server.call(lambda s: s.engine.journal.entries()[0].outcome.late) < GUARD


def test_heartbeats_come_with_the_wait() -> None:
    """Every ping that was due is sent, then the stream goes on."""
    profile = "mockllm: 1\nfaults: [{wait: {ping: 5s, for: 60s}, at: after content 2}]"
    with serving(profile) as server, connected(server.service.url) as raw:
        raw.send(chat())
        begun = raw.read_until(b' is"')
        advance(server, 60)
        data = begun + raw.read_until(LAST_CHUNK)
    assert data.count(b"\r\n: ") in (11, 12)
    assert text_of(data) == CANONICAL


def test_windows_see_the_new_time() -> None:
    """`during` is over, a rate limit's window is new, and a borrowed profile has gone back."""
    during = "mockllm: 1\nfaults: [{fail: 503, during: [0s, 1h]}]"
    over = "mockllm: 1\nfaults: [{fail: 429, over: {limit: 1, per: 1h}}]"

    with serving(during) as server:

        def status() -> int:
            with connected(server.service.url) as raw:
                raw.send(chat(close=True))
                return int(raw.read_all()[0].split()[1])

        assert status() == 503
        advance(server, HOUR)
        assert status() == 200
        server.call(lambda s: s.engine.use(load(over, name="over"), 2 * HOUR))
        assert [status(), status()] == [200, 429]
        advance(server, HOUR)
        assert [status(), status()] == [200, 429]
        advance(server, HOUR)
        assert server.call(lambda s: s.engine.profile.name) == "p"


def test_an_idle_connection_and_a_body_that_arrives() -> None:
    """Waits before and after an exchange are on the same clock."""
    profile = """
mockllm: 1
faults:
  - {wait: 1h, at: upload 1KiB}
  - {wait: 1h, at: idle}
  - {close: fin, at: idle}
"""
    with serving(profile) as server, connected(server.service.url) as raw:
        raw.send(chat(padding="x" * 4096))
        assert server.wait_for(lambda s: bool(s.in_flight), GUARD)
        assert server.call(lambda s: s.engine.journal.entries()) == ()
        advance(server, HOUR)
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        server.settle(GUARD)
        advance(server, HOUR)
        assert raw.read_all() == (b"", "fin")


def test_a_listener() -> None:
    """A port opens when its time has come, and a connection that waits there goes on."""
    profile = """
mockllm: 1
listeners:
  - name: late
    faults:
      - {close: refuse, at: connect, during: [0s, 1h]}
      - {wait: 1h, at: connect, first: 1}
"""
    with serving(profile) as server:
        url = server.service.listeners["late"]
        with pytest.raises(ConnectionRefusedError), connected(url):
            pass
        advance(server, HOUR)
        with connected(url) as raw:
            raw.send(chat(close=True))
            assert server.wait_for(lambda s: bool(s.engine.connections.entries()), GUARD)
            assert server.call(lambda s: s.engine.journal.entries()) == ()
            advance(server, HOUR)
            assert text_of(raw.read_all()[0]) == CANONICAL
