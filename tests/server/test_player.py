"""The player against a fake clock and a fake transport: exact times, no socket, no sleep."""

from __future__ import annotations

from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.engine.journal import Outcome
from mockllm.engine.lateness import Lateness
from mockllm.server.line import Stream
from mockllm.server.player import BURST, Player
from mockllm.timeline.events import FOREVER, Beat, Close, Ending, Extra, Wait, WireEvent, Write
from mockllm.timeline.score import NEAR, SHARED, Moves, Score, score
from mockllm.timeline.valueclass import replace
from tests.server.fakes import FakeClock, FakeFile, FakeTransport


class Stage:
    """A player on its fakes, of events or of a score that is made already."""

    def __init__(
        self,
        *events: WireEvent,
        made: Score | None = None,
        room: int = 1 << 20,
        since: float | None = None,
        taken: int = 0,
        shortcut: FakeFile | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.lateness = Lateness()
        self.transport = FakeTransport(self.clock, room)
        self.outcomes: list[Outcome] = []
        if shortcut is not None:
            self.clock.open(shortcut)
        self.player = Player(
            made or score(events),
            self.transport,
            self.clock,
            self.outcomes.append,
            since=since,
            taken=taken,
            shortcut=shortcut,
            lateness=self.lateness,
        )

    @property
    def outcome(self) -> Outcome:
        (outcome,) = self.outcomes
        return outcome

    @property
    def times(self) -> list[float]:
        return [round(time, 6) for time, _ in self.transport.writes]


def test_times_are_exact() -> None:
    """Each write leaves at its planned time; those of one moment may share a call."""
    stage = Stage(
        Wait(0.3, True),
        Write(b"a"),
        Wait(0.02, True),
        Write(b"b"),
        Write(b"c"),
        Write(b"d", apart=True),
    )
    stage.player.play()
    assert stage.times == []
    stage.clock.advance(1)
    assert stage.transport.writes == [(0.3, b"a"), (0.32, b"bc"), (0.32, b"d")]
    assert Outcome("done", 6, 6, 4, 0.3, 0.32) == stage.outcome


def test_an_hour_of_silence_takes_no_time() -> None:
    """A stall is exact, however long."""
    stage = Stage(Write(b"a"), Wait(3600), Write(b"b"))
    stage.player.play()
    stage.clock.advance(3599.999)
    assert stage.times == [0]
    stage.clock.advance(0.001)
    assert stage.times == [0, 3600]


def test_a_late_paced_wait_shortens_the_next() -> None:
    """A paced stream keeps its schedule: 1 s late after the first wait, on time after the second."""
    stage = Stage(Write(b"a"), Wait(1, True), Write(b"b"), Wait(2, True), Write(b"c"))
    stage.player.play()
    stage.clock.time = 2.0  # the loop was busy
    stage.clock.advance(0)
    assert stage.times == [0, 2]
    stage.clock.advance(1)
    assert stage.times == [0, 2, 3]


def test_a_faults_wait_lasts_its_full_length() -> None:
    """Silence that a fault asks for is counted from where it begins."""
    stage = Stage(Write(b"a"), Wait(1, True), Write(b"b"), Wait(2), Write(b"c"))
    stage.player.play()
    stage.clock.time = 2.0
    stage.clock.advance(0)
    stage.clock.advance(1.999)
    assert stage.times == [0, 2]
    stage.clock.advance(0.001)
    assert stage.times == [0, 2, 4]


def test_a_slow_reader_stops_the_stream() -> None:
    """While the buffer is full nothing more is written; afterwards the stream goes on."""
    stage = Stage(*[Write(b"x" * 10, apart=True)] * 5, room=15)
    stage.player.play()
    assert len(stage.transport.writes) == 2
    stage.clock.advance(60)
    assert len(stage.transport.writes) == 2
    stage.transport.drain()
    assert len(stage.transport.writes) == 4
    stage.transport.drain()
    assert stage.outcome.ending == "done"
    assert stage.outcome.bytes_sent == 50


def test_the_end_waits_for_a_full_buffer() -> None:
    """A stream whose last write filled the buffer is over when the reader has caught up."""
    stage = Stage(Write(b"x" * 20), room=15)
    stage.player.play()
    assert stage.outcomes == []
    stage.transport.drain()
    assert stage.outcome.ending == "done"


@pytest.mark.parametrize("how", ["fin", "rst", "half"])
def test_the_end_comes_in_a_turn_of_its_own(how: Ending) -> None:
    """asyncio tells that there is room again in the midst of a write: who ended the connection there
    would have it closed twice."""
    stage = Stage(Write(b"x" * 20), Close(how), room=15)
    stage.player.play()
    stage.transport.drain()
    assert (stage.transport.ending, stage.transport.half) == (
        (None, True) if how == "half" else (how, False)
    )


def test_a_player_that_may_go_on_is_released() -> None:
    """Between the news that there is room again and what follows from it, the server stops."""
    stage = Stage(*[Write(b"x" * 20, apart=True)] * 2, room=15)
    stage.player.play()
    stage.player.resume_writing()
    stage.player.release()
    stage.clock.advance(1)
    assert (len(stage.transport.writes), stage.outcome.ending) == (1, "held")
    assert stage.clock.pending == 0


def test_the_peer_leaves_in_silence() -> None:
    """A departure ends any wait, and its time is known."""
    stage = Stage(Write(b"a"), Wait(FOREVER))
    stage.player.play()
    stage.clock.advance(7)
    assert stage.player.outcome.ending == "playing"
    stage.player.connection_lost(None)
    assert Outcome("peer gone", 2, 1, 1, 0.0, 7.0, 7.0, "fin") == stage.outcome
    assert stage.transport.upstream.told == ["lost"]
    assert stage.clock.pending == 0


def test_a_half_close_counts_as_leaving() -> None:
    """The time is that of the peer's FIN, not of the end of the connection after it."""
    stage = Stage(Write(b"a"), Wait(10), Write(b"b"))
    stage.player.play()
    stage.clock.advance(2)
    assert stage.player.eof_received() is None
    stage.clock.advance(1)
    stage.player.connection_lost(None)
    assert stage.outcome.peer_left == 2
    assert stage.outcome.ended == 3
    assert stage.transport.upstream.told == ["eof", "lost"]


def test_the_peer_was_gone_before() -> None:
    """A connection that is closing already gets nothing."""
    stage = Stage(Write(b"a"))
    stage.transport.close()
    stage.player.play()
    assert stage.outcome.ending == "peer gone"
    assert stage.transport.writes == []


def test_fin() -> None:
    """A FIN ends the playing at once; what follows is never written."""
    stage = Stage(Write(b"a"), Close("fin"), Write(b"b"))
    stage.player.play()
    assert stage.transport.ending == "fin"
    assert Outcome("closed", 2, 2, 1, 0.0, 0.0) == stage.outcome


def test_the_ordinary_end_of_a_connection_is_no_fault() -> None:
    """A FIN behind a whole answer is `done`."""
    stage = Stage(Write(b"a"), Close("fin", complete=True))
    stage.player.play()
    assert stage.transport.ending == "fin"
    assert stage.outcome.ending == "done"


def test_rst_comes_after_what_was_written() -> None:
    """A reset waits until nothing is left in the buffer, and lingers zero."""
    stage = Stage(Write(b"abc"), Close("rst"), room=10)
    endings: list[str | None] = []
    stage.player.play()
    endings.append(stage.transport.ending)
    stage.clock.advance(0.01)
    endings.append(stage.transport.ending)
    stage.transport.buffered = 0
    stage.clock.advance(0.01)
    endings.append(stage.transport.ending)
    assert endings == [None, None, "rst"]
    assert stage.outcome.ending == "reset"


def test_a_peer_that_leaves_before_the_rst() -> None:
    """The reset is called off when the peer is faster."""
    stage = Stage(Write(b"abc"), Close("rst"), room=10)
    stage.player.play()
    stage.player.connection_lost(ConnectionResetError())
    stage.clock.advance(1)
    assert (stage.outcome.ending, stage.outcome.peer) == ("peer gone", "rst")
    assert stage.transport.ending is None


def test_release() -> None:
    """The server lets go of a held stream: the connection is closed and nothing is due."""
    stage = Stage(Write(b"a"), Wait(FOREVER))
    stage.player.play()
    stage.clock.advance(5)
    stage.player.release()
    stage.player.release()
    assert stage.transport.ending == "fin"
    assert stage.outcome.ending == "held"
    assert stage.outcome.ended == 5


def test_release_of_a_reader_that_does_not_read() -> None:
    """What is buffered for it is thrown away, so that the stop does not wait for it."""
    stage = Stage(Write(b"x" * 20), Write(b"y"), room=10)
    stage.player.play()
    stage.player.release()
    assert stage.transport.ending == "abort"


def test_pipelined_requests_are_kept() -> None:
    """What the peer sends in the middle goes to whom it belongs to, who gets the transport back."""
    stage = Stage(Write(b"a"), Wait(1), Write(b"b"))
    stage.player.play()
    stage.player.data_received(b"GET / HTTP/1.1\r\n")
    stage.clock.advance(1)
    assert stage.transport.upstream.told == [b"GET / HTTP/1.1\r\n"]
    assert stage.transport.protocol is stage.transport.upstream


@pytest.mark.parametrize("count", range(6))
def test_progress_at_every_step(count: int) -> None:
    """Whatever moment one looks at, what began and what is over is known."""
    stage = Stage(*(event for _ in range(5) for event in (Write(b"x"), Wait(1))))
    stage.player.play()
    stage.clock.advance(count)
    outcome = stage.player.outcome if count < 5 else stage.outcome
    assert outcome.bytes_sent == min(count + 1, 5)
    assert outcome.ending == ("playing" if count < 5 else "done")
    assert outcome.completed == (2 * count + 1 if count < 5 else 10)


def beating(seconds: float, every: float) -> Wait:
    """A wait with a heartbeat."""
    return Wait(seconds, beat=Beat(every, Extra(b"!")))


@pytest.mark.parametrize(
    ("seconds", "every", "times"),
    [
        (3.5, 1.0, [1, 2, 3, 3.5]),
        (3.0, 1.0, [1, 2, 3]),  # the end of the wait is no beat
        (0.3, 0.1, [0.1, 0.2, 0.3]),  # nor where sums of floats miss it
        (1.0, 2.0, [1]),
    ],
)
def test_heartbeats(seconds: float, every: float, times: list[float]) -> None:
    """A heartbeat comes at its exact times within the wait, and what follows at the wait's end."""
    stage = Stage(beating(seconds, every), Write(b"end"))
    stage.player.play()
    stage.clock.advance(10)
    assert stage.times == pytest.approx(times)
    assert [data for _, data in stage.transport.writes] == [b"!"] * (len(times) - 1) + [b"end"]
    assert stage.outcome.bytes_sent == len(times) + 2
    assert stage.outcome.beats == (((0, len(times) - 1),) if len(times) > 1 else ())
    assert stage.outcome.completed == 2


def test_heartbeats_without_end() -> None:
    """A wait forever beats until the peer leaves, and then no more."""
    stage = Stage(Write(b"a"), beating(FOREVER, 60.0))
    stage.player.play()
    stage.clock.advance(3600)
    assert len(stage.times) == 61
    stage.player.connection_lost(None)
    assert stage.outcome.ending == "peer gone"
    assert stage.outcome.bytes_sent == 61
    assert stage.clock.pending == 0


def test_no_heartbeats_for_a_slow_reader() -> None:
    """While the buffer is full heartbeats are skipped; the next comes at its own time."""
    stage = Stage(Write(b"x" * 20), beating(5.5, 1.0), Write(b"end"), room=10)
    stage.player.play()
    assert stage.times == [0]
    stage.transport.drain()
    stage.clock.advance(1.5)
    stage.transport.buffered = 20
    stage.player.pause_writing()
    stage.clock.advance(2)
    assert stage.times == [0, 1]
    stage.transport.drain()
    assert stage.times == [0, 1]
    stage.clock.advance(10)
    assert stage.times == [0, 1, 4, 5, 5.5]


def test_a_held_heartbeat_is_released() -> None:
    """The server's stop ends the beating."""
    stage = Stage(beating(FOREVER, 1.0))
    stage.player.play()
    stage.clock.advance(2)
    stage.player.release()
    stage.clock.advance(5)
    assert stage.times == [1, 2]
    assert stage.outcome.ending == "held"


def test_half_close() -> None:
    """The writing side is closed, and the connection is the peer's to end."""
    stage = Stage(Write(b"a"), Close("half"), Write(b"b"))
    stage.player.play()
    assert stage.transport.half
    assert stage.transport.ending is None
    assert stage.player.outcome.ending == "playing"
    stage.player.data_received(b"more")
    stage.player.resume_writing()
    stage.clock.advance(60)
    assert [data for _, data in stage.transport.writes] == [b"a"]
    stage.player.eof_received()
    stage.player.connection_lost(None)
    assert Outcome("closed", 2, 2, 1, 0.0, 60.0, 60.0, "fin") == stage.outcome
    assert stage.transport.upstream.told == [b"more", "eof", "lost"]


def test_a_half_closed_connection_is_released() -> None:
    """The server's stop does not wait for the peer."""
    stage = Stage(Close("half"))
    stage.player.play()
    stage.player.release()
    assert stage.transport.ending == "fin"
    assert stage.outcome.ending == "held"


def test_a_peer_that_leaves_before_the_ordinary_end() -> None:
    """Who has read the whole answer may go before the connection is closed: that is done."""
    stage = Stage(Write(b"all"), Wait(1), Close("fin", complete=True))
    stage.player.play()
    stage.clock.advance(0.5)
    stage.player.connection_lost(None)
    assert stage.outcome.ending == "done"


def test_a_long_burst_gives_others_their_turn() -> None:
    """After so many events without a wait the loop goes round; nothing is lost and no time passes."""
    stage = Stage(*[Write(b"a", apart=True)] * (2 * BURST + 1))
    stage.player.play()
    written = len(stage.transport.writes)
    assert written == BURST
    stage.clock.advance(0)
    assert stage.transport.writes == [(0, b"a")] * (2 * BURST + 1)
    assert stage.outcome.ending == "done"


class Kernel(FakeFile):
    """A socket that takes so many bytes at once."""

    def __init__(self, room: int) -> None:
        super().__init__(self._take)
        self.room = room
        self.taken: list[bytes] = []

    def _take(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        part = data[: self.room]
        self.room -= len(part)
        self.taken.append(part)
        return len(part)


def test_the_shortcut_to_the_kernel() -> None:
    """What the kernel takes never meets the transport; the rest does, and all that is behind it."""
    kernel = Kernel(room=5)
    stage = Stage(
        Write(b"abc"), Wait(1), Write(b"defg"), Wait(1), Write(b"hi"), shortcut=kernel, room=1
    )
    stage.player.play()
    stage.clock.advance(1)
    assert (kernel.taken, stage.transport.writes) == ([b"abc", b"de"], [(1, b"fg")])
    stage.transport.drain()
    stage.clock.advance(1)
    assert (kernel.taken[2:], stage.transport.writes[1:]) == ([], [(2, b"hi")])
    stage.transport.drain()
    assert (stage.outcome.ending, stage.outcome.bytes_sent) == ("done", 9)


@pytest.mark.parametrize(
    ("taken", "written", "first"),
    [(1, [b"b", b"cd", b"ef"], 0.5), (4, [b"ef"], 0.5), (6, [], 0.5)],
)
def test_what_is_taken_already(taken: int, written: list[bytes], first: float) -> None:
    """The rest is sent, and what was taken counts as if the player had sent it."""
    events = [Write(data, apart=True) for data in (b"ab", b"cd", b"ef")]
    stage = Stage(*events, taken=taken, since=-first)
    stage.player.play()
    assert [data for _, data in stage.transport.writes] == written
    assert Outcome("done", 3, 3, 6, first, first) == stage.outcome


def test_how_late_it_was() -> None:
    """Only paced waits have a schedule; a gap error is how far a gap is from the plan."""
    stage = Stage(Wait(1, True), Write(b"a"), Wait(1, True), Write(b"b"), Wait(1), Write(b"c"))
    stage.player.play()
    stage.clock.time = 1.25  # the loop was busy
    stage.clock.advance(0)
    stage.clock.advance(5)
    assert stage.outcome.late == 0.25
    assert (stage.lateness.total, stage.lateness.counts[250]) == (2, 2)


def test_a_clock_that_is_advanced_makes_nothing_late() -> None:
    """What was due before the time jumped could not come sooner."""
    stage = Stage(Wait(1, True), Write(b"a"), Wait(1, True), Write(b"b"))
    stage.player.play()
    stage.clock.time = stage.clock.landed = 3600.0
    stage.clock.advance(0)
    assert stage.outcome.late == 0
    assert stage.lateness.counts[0] == stage.lateness.total


def held(player: Player) -> list[object]:
    """All that a player refers to."""
    return [getattr(player, name) for name in (*Stream.__slots__, *Player.__slots__)]


def test_a_stream_that_is_held_keeps_no_bytes() -> None:
    """What stands before an endless wait has been sent, and nothing comes behind it."""
    stage = Stage(Write(b"a"), Wait(1.0), Write(b"b"), Wait(FOREVER), Write(b"c"))
    stage.player.play()
    assert b"abc" in held(stage.player)
    stage.clock.advance(1)
    assert [data for _, data in stage.transport.writes] == [b"a", b"b"]
    assert not any(isinstance(value, bytes) and value for value in held(stage.player))
    stage.player.release()
    assert stage.outcome.ending == "held"


@pytest.mark.parametrize("seconds", [FOREVER, 5.0])
def test_a_buffer_that_fills_during_a_wait_does_not_end_it(seconds: float) -> None:
    """uvloop tells of a full buffer at the end of the loop's turn, when the wait has begun."""
    stage = Stage(Write(b"a"), Wait(seconds), Write(b"b"))
    stage.player.play()
    stage.player.pause_writing()
    stage.clock.advance(1)
    stage.player.resume_writing()
    assert stage.transport.writes == [(0.0, b"a")]
    assert stage.player.outcome.ending == "playing"
    stage.clock.advance(4)
    assert stage.times == ([0.0] if seconds == FOREVER else [0.0, 5.0])


def test_a_stream_that_begins_late_does_not_hurry() -> None:
    """Where a request waited for longer than its TTFT, its gaps are whole all the same."""
    stage = Stage(Wait(1, True), Write(b"a"), Wait(1, True), Write(b"b"), since=-3.0)
    stage.player.play()
    assert stage.times == [0]
    stage.clock.advance(0.999)
    assert stage.times == [0]
    stage.clock.advance(0.001)
    assert stage.times == [0, 1]
    assert stage.outcome.first_byte == 3.0


def test_ttft_counts_from_when_the_request_came() -> None:
    """What it took to plan the answer is a part of it."""
    stage = Stage(Wait(1, True), Write(b"a"), Wait(1, True), Write(b"b"), since=-0.25)
    stage.player.play()
    stage.clock.advance(2)
    assert stage.times == [0.75, 1.75]


# Catching up


def paced(seconds: float = 1.0) -> Wait:
    """A wait of a schedule whose late frames may share a write."""
    return Wait(seconds, paced=True, joins=True)


def caught_up(*events: WireEvent, busy: float = 10.0) -> list[bytes]:
    """What is written at once when everything is late by then."""
    stage = Stage(Write(b"-", apart=True), *events)
    stage.player.play()
    stage.clock.time = busy  # the loop was busy
    stage.clock.advance(0)
    assert stage.times == [0.0] + [busy] * (len(stage.times) - 1)
    return [data for _, data in stage.transport.writes[1:]]


def test_late_frames_share_a_write() -> None:
    """What is late already goes in one write, and what is not waits for its time."""
    stage = Stage(*[event for name in b"abcde" for event in (paced(), Write(bytes([name])))])
    stage.player.play()
    stage.clock.advance(1)
    stage.clock.time = 3.5  # the loop was busy
    stage.clock.advance(0)
    stage.clock.advance(10)
    assert stage.transport.writes == [(1.0, b"a"), (3.5, b"bc"), (4.0, b"d"), (5.0, b"e")]
    assert Outcome("done", 10, 10, 5, 1.0, 5.0, late=1.5) == stage.outcome


def test_late_frames_share_a_write_when_a_reader_has_caught_up() -> None:
    """Whoever was late: the first goes as the buffer has drained, with all that is late behind it."""
    stage = Stage(
        Write(b"x" * 20), paced(), Write(b"a"), paced(), Write(b"b"), Wait(1), Write(b"c"), room=15
    )
    stage.player.play()
    stage.clock.advance(5)
    stage.transport.drain()
    assert stage.transport.writes[1:] == [(5.0, b"ab")]
    stage.clock.advance(1)
    assert stage.transport.writes[2:] == [(6.0, b"c")]


def test_only_waits_that_join_let_others_pass() -> None:
    """Neither those of other paces nor those of faults, whose times are theirs."""
    stage = Stage(paced(), Write(b"a"), Wait(1, True), Write(b"b"), Wait(1), Write(b"c"))
    stage.player.play()
    stage.clock.advance(3)
    assert stage.times == [1.0, 2.0, 3.0]
    assert stage.clock.patient == 1


@pytest.mark.parametrize(
    ("events", "writes"),
    [
        ((paced(), Write(b"a"), paced(), Write(b"b")), [b"ab"]),
        ((paced(), Write(b"a"), Wait(1, True), Write(b"b")), [b"a", b"b"]),
        ((paced(), Write(b"a", apart=True), paced(), Write(b"b")), [b"a", b"b"]),
        ((paced(), Write(b"a"), paced(), Write(b"b", apart=True)), [b"a", b"b"]),
        ((paced(), Write(b"a"), paced(), Write(b"b"), Write(b"c", apart=True)), [b"ab", b"c"]),
        (
            (paced(), Write(b"a"), paced(), Write(b"b", apart=True), Write(b"c")),
            [b"a", b"b", b"c"],
        ),
        ((paced(), Write(b"a"), paced(), paced(), Write(b"b")), [b"a", b"b"]),
        ((paced(), Write(b"a"), Wait(0), Write(b"b")), [b"a", b"b"]),
        ((paced(), Write(b"a"), Wait(1), paced(), Write(b"b")), [b"a"]),
        ((paced(), Write(b"a"), paced(), Wait(1), Write(b"b")), [b"a"]),
        ((paced(), Write(b"a"), paced(), Close("fin"), Write(b"b")), [b"a"]),
        ((paced(), Write(b"a"), paced(0), Write(b"b")), [b"ab"]),
    ],
)
def test_what_late_frames_share(events: tuple[WireEvent, ...], writes: list[bytes]) -> None:
    """Nothing but a paced wait that says so, between writes of which no fault wants one apart."""
    assert caught_up(*events) == writes


def test_a_heartbeat_is_not_crossed() -> None:
    """A wait with heartbeats lasts its full length, and so do they."""
    stage = Stage(paced(), Write(b"a"), beating(1, 0.5), Write(b"b"), paced(), Write(b"c"))
    stage.player.play()
    stage.clock.time = 10.0
    stage.clock.advance(2)
    (_, ping) = stage.transport.writes[1]
    assert stage.transport.writes == [(10.0, b"a"), (10.5, ping), (11.0, b"b"), (12.0, b"c")]


def test_a_write_of_late_frames_is_bounded() -> None:
    """As one of frames that nothing separates, so that a slow reader is heard in time."""
    part = Write(b"x" * (SHARED // 4))
    late = [event for _ in range(6) for event in (paced(0.1), part)]
    assert [len(data) for data in caught_up(*late)] == [SHARED, SHARED // 2]
    long = Write(b"x" * SHARED)
    late = [paced(0.1), long, paced(0.1), Write(b"y"), paced(0.1), Write(b"z")]
    assert caught_up(*late) == [long.data, b"yz"]


def test_a_long_chase_gives_others_their_turn() -> None:
    """Moves that share a write count as what they are."""
    late = [event for _ in range(BURST) for event in (paced(0.01), Write(b"x" * 1200))]
    stage = Stage(*late)
    stage.player.play()
    stage.clock.time = 10.0
    turns: list[int] = []
    stage.clock.call_at(10.0, lambda: turns.append(len(stage.transport.writes)))
    stage.clock.advance(1)
    assert 0 < turns[0] < len(stage.transport.writes)
    assert stage.outcome.bytes_sent == BURST * 1200


BEAT = b"\n"
FRAME = st.tuples(
    st.builds(paced, st.sampled_from([0.0, 0.5, 1.0, 2.0])),
    st.builds(Write, st.just(b"?"), st.sampled_from([False, False, True])),
)
WIRE_EVENT = st.one_of(
    st.builds(Write, st.just(b"?"), st.booleans()),
    st.builds(Wait, st.sampled_from([0.0, 1.0, 3.0]), st.booleans()),
    st.just(Wait(2.0, beat=Beat(0.5, Extra(BEAT)))),
    st.builds(Close, st.sampled_from(["fin", "half", "rst"])),
)
WIRE_EVENTS = st.lists(
    st.one_of(FRAME, FRAME, FRAME, FRAME, st.tuples(WIRE_EVENT)), min_size=5, max_size=15
).map(lambda groups: named([event for group in groups for event in group]))


def named(events: list[WireEvent]) -> list[WireEvent]:
    """The same with another letter in each write."""
    return [
        replace(event, data=bytes([64 + place]) * len(event.data))
        if isinstance(event, Write)
        else event
        for place, event in enumerate(events)
    ]


@given(
    WIRE_EVENTS,
    st.lists(st.tuples(st.sampled_from([0.0, 2.5, 5.0]), st.sampled_from([0.25, 1.0]))),
)
def test_a_joined_stream_is_the_same(
    events: list[WireEvent], schedule: list[tuple[float, float]]
) -> None:
    """Each byte leaves when it did, everything that is told is the same, and nothing is crossed but
    waits that say so."""
    apart = [replace(e, joins=False) if isinstance(e, Wait) else e for e in events]
    stages = joined, each = Stage(*events), Stage(*apart)
    for stage in stages:
        stage.player.play()
    for busy, idle in [*schedule, (0.0, 200.0)]:
        for stage in stages:
            stage.clock.time += busy
            stage.clock.advance(idle)
        assert left(joined) == left(each)
        assert joined.player.outcome == each.player.outcome
    assert joined.outcomes == each.outcomes
    assert joined.transport.ending == each.transport.ending
    assert joined.lateness.counts == each.lateness.counts
    for _, data in joined.transport.writes:
        for one, other in pairwise(byte - 64 for byte in data):
            between = events[one : other + 1]
            assert all(isinstance(e, Write) and not e.apart for e in (between[0], between[-1]))
            assert all(isinstance(e, Wait) and e.joins for e in between[1:-1])


class Fickle(FakeFile):
    """A socket that takes all, some or nothing, and writes down what it took beside what the transport
    did."""

    def __init__(self, rooms: list[int]) -> None:
        super().__init__(self._take)
        self.rooms = rooms
        self.transport: FakeTransport | None = None

    def _take(self, data: bytes) -> int:
        assert self.transport is not None
        assert not self.transport.buffered, "nothing may pass what waits in the transport"
        room = self.rooms.pop() if self.rooms else len(data)
        if not room:
            raise BlockingIOError
        taken = data[:room]
        self.transport.writes.append((self.transport.clock.time, taken))
        return len(taken)


STEADY = st.tuples(
    st.builds(Wait, st.sampled_from([NEAR / 2, NEAR / 4, NEAR, 0.0]), st.just(True)),
    st.builds(Write, st.sampled_from([b"?", b"??"])),
)
FAULTY = st.tuples(st.just(Wait(NEAR / 3)), st.builds(Write, st.just(b"?")))
"""A frame behind a fault's wait that is as short as those of a pace."""
STEADY_EVENTS = st.lists(
    st.one_of(*[STEADY] * 9, FAULTY, st.tuples(WIRE_EVENT)), min_size=5, max_size=15
).map(
    lambda groups: named(
        # A reset waits for what the transport holds, which here is taken now and then only.
        [event for group in groups for event in group if event != Close("rst")]
    )
)


@given(
    STEADY_EVENTS,
    st.lists(st.sampled_from([9, 9, 9, 1, 0]), min_size=9),
    st.lists(st.tuples(st.sampled_from([0.0, 0.01, NEAR]), st.sampled_from([NEAR / 8, NEAR]))),
    st.sampled_from([1 << 20, 100, 0]),
)
def test_who_takes_the_bytes_makes_no_difference(
    events: list[WireEvent],
    rooms: list[int],
    schedule: list[tuple[float, float]],
    room: int,
) -> None:
    """A stream is the same whether the transport takes its bytes, the kernel, or now one, now the
    other; also where the reader is slow, and where everything is late."""
    kernel = Fickle(rooms)
    stages = plain, short = Stage(*events, room=room), Stage(*events, room=room, shortcut=kernel)
    kernel.transport = short.transport
    for stage in stages:
        stage.player.play()
    for busy, idle in [*schedule, *[(0.0, 200.0)] * len(events)]:
        for stage in stages:
            stage.clock.time += busy
            stage.clock.advance(idle)
            while stage.transport.buffered:
                stage.transport.drain()
        if room:
            assert left(short) == left(plain)
            assert short.player.outcome == plain.player.outcome
            assert short.lateness.counts == plain.lateness.counts
    if not room:  # its times are the reader's, and no heartbeat is written that would have to wait
        beat = BEAT[0]
        one, other = ([byte for _, byte in left(stage) if byte != beat] for stage in stages)
        assert one == other
    assert len(short.outcomes) == len(plain.outcomes)
    assert short.transport.ending == plain.transport.ending


def test_streams_and_calls_take_turns() -> None:
    """In the order in which they are due, a stream before a call of its time, also where all are late."""
    clock, order = FakeClock(), list[str]()

    def take(data: bytes) -> int:
        order.append(data.decode())
        return len(data)

    for name, first in ((b"a", 0.01), (b"b", 0.02)):
        events: list[WireEvent] = [
            Wait(first, True),
            Write(name),
            Wait(0.02, True),
            Write(name),
            Wait(0.09, True),
        ]
        transport = FakeTransport(clock)
        Player(score(events), transport, clock, ignored, shortcut=clock.open(FakeFile(take))).play()
    clock.call_at(0.035, lambda: order.append("between"))
    clock.call_at(0.04, lambda: order.append("behind"))
    clock.advance(0.025)
    clock.time = 0.05  # the loop was busy
    clock.advance(0)
    assert order == ["a", "b", "a", "between", "b", "behind"]


def test_a_stream_that_is_due_before_the_last_comes_before_a_call_of_its_time() -> None:
    """As any other does: where it stands is nobody's business."""
    clock, order = FakeClock(), list[str]()

    def take(data: bytes) -> int:
        order.append(data.decode())
        return len(data)

    clock.call_at(NEAR / 2, lambda: order.append("call"))
    for name, wait in ((b"a", NEAR), (b"b", NEAR / 2)):
        transport = FakeTransport(clock)
        made = score([Wait(wait, True), Write(name)])
        Player(made, transport, clock, ignored, shortcut=clock.open(FakeFile(take))).play()
    clock.advance(NEAR)
    assert order == ["b", "call", "a"]


def test_streams_that_were_late_fall_in_where_they_belong() -> None:
    """Two are due when the loop has time; the one behind is due again first."""
    clock, sent = FakeClock(), list[tuple[float, bytes]]()

    def take(data: bytes) -> int:
        sent.append((clock.now(), data))
        return len(data)

    for name, pace, first in ((b"a", 0.08, 0.02), (b"b", 0.01, 0.03)):
        events: list[WireEvent] = [Wait(0.01, True), Write(name), Wait(first - 0.01, True)]
        events += [Write(name), Wait(pace, True), Write(name), Wait(pace, True), Write(name)]
        transport = FakeTransport(clock)
        Player(score(events), transport, clock, ignored, shortcut=clock.open(FakeFile(take))).play()
    clock.advance(0.01)
    clock.time = 0.035  # the loop was busy
    clock.advance(1)
    assert [(round(when, 3), name) for when, name in sent[2:]] == [
        (0.035, b"a"), (0.035, b"b"), (0.04, b"b"), (0.05, b"b"), (0.1, b"a"), (0.18, b"a"),
    ]  # fmt: skip


def test_the_latest_is_remembered() -> None:
    """Also where a stream is on time again, and late once more, but less."""
    stage = Stage(*steady(b"abcdef"), shortcut=Kernel(room=9))
    stage.player.play()
    stage.clock.advance(2 * NEAR)
    for due, late in ((3, NEAR / 2), (4, 0.0), (5, NEAR / 4)):
        stage.clock.time = due * NEAR + late
        stage.clock.advance(0)
    stage.clock.advance(NEAR)
    assert stage.outcome.late == pytest.approx(NEAR / 2)


def test_a_line_does_what_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose bytes the kernel takes needs its player for its first and its last frame alone."""
    calls = list[float]()
    go_on = Player.go_on

    def counted(self: Player, now: float, rest: bytes = b"") -> None:
        calls.append(round(now / NEAR))
        go_on(self, now, rest)

    monkeypatch.setattr(Player, "go_on", counted)
    stage = Stage(*steady(b"abcdefgh"), shortcut=Kernel(room=9))
    stage.player.play()
    stage.clock.advance(9 * NEAR)
    assert (calls, stage.outcome.ending) == ([1, 8], "done")


@given(
    st.lists(
        st.lists(st.sampled_from([NEAR / 8, NEAR / 7, NEAR, 2 * NEAR]), min_size=1, max_size=6),
        max_size=6,
    ),
    st.lists(st.sampled_from([NEAR / 9, NEAR]), max_size=6),
)
def test_streams_of_different_paces(plans: list[list[float]], steps: list[float]) -> None:
    """Each frame leaves when it is due, and in order with those of all others."""
    clock, sent = FakeClock(), list[tuple[float, int]]()

    def play(name: int, waits: list[float]) -> list[float]:
        """Play a stream of such waits; when its frames are due."""

        def take(data: bytes) -> int:
            sent.extend((clock.now(), byte) for byte in data)
            return len(data)

        events = [event for wait in waits for event in (Wait(wait, True), Write(bytes([name])))]
        transport = FakeTransport(clock)
        Player(score(events), transport, clock, ignored, shortcut=clock.open(FakeFile(take))).play()
        return list(accumulate(waits))

    due = sorted((when, name) for name, waits in enumerate(plans) for when in play(name, waits))
    for step in (*steps, 9.0):
        clock.advance(step)
        assert sorted(sent) == [one for one in due if one[0] <= clock.time]
    assert [when for when, _ in sent] == [when for when, _ in due]
    assert clock.pending == 0


@pytest.mark.parametrize("shortcut", [None, Kernel(room=9)])
def test_a_peer_that_leaves_when_only_the_end_is_left(shortcut: FakeFile | None) -> None:
    """It has the whole answer, whoever took it."""
    stage = Stage(*steady(b"ab"), Wait(NEAR, True), Close("fin", complete=True), shortcut=shortcut)
    stage.player.play()
    stage.clock.advance(2.5 * NEAR)
    stage.player.connection_lost(None)
    assert stage.outcome.ending == "done"


def test_nothing_is_sent_to_a_peer_that_has_left() -> None:
    """Also where the transport has not said yet that the connection is gone."""
    kernel = Kernel(room=9)
    stage = under_way(kernel)
    stage.player.eof_received()
    stage.transport.close()
    stage.clock.advance(5)
    stage.player.connection_lost(None)
    assert kernel.taken == [b"a", b"b"]
    left = 2 * NEAR
    assert Outcome("peer gone", 5, 5, 2, NEAR, 5 + left, left, "fin") == stage.outcome


@pytest.mark.parametrize("shortcut", [None, Kernel(room=2)])
def test_nothing_is_sent_on_a_connection_that_was_reset(shortcut: Kernel | None) -> None:
    """A frame may be due before the transport says that it has met an RST. The kernel takes none then,
    and whoever would have taken the bytes, they do not count as sent."""
    stage = under_way(shortcut)
    stage.transport.abort()
    stage.clock.advance(NEAR)
    stage.player.connection_lost(ConnectionResetError())
    left = 3 * NEAR
    assert shortcut is None or shortcut.taken == [b"a", b"b"]
    assert Outcome("peer gone", 5, 5, 2, NEAR, left, left, "rst") == stage.outcome


@pytest.mark.parametrize("shortcut", [None, Kernel(room=9)])
def test_the_waits_are_those_of_the_score(shortcut: Kernel | None) -> None:
    """Answers that are alike share all but their bytes and, where the pace varies, their waits."""
    made = score(steady(b"abc"))
    waits = iter([NEAR / 4, NEAR / 2, NEAR / 8])
    moves = [Wait(next(waits), True) if isinstance(move, Wait) else move for move in made.moves]
    stage = Stage(made=Score(Moves(moves), made.data), shortcut=shortcut)
    stage.player.play()
    stage.clock.advance(NEAR)
    assert stage.outcome.ended == pytest.approx(NEAR * 7 / 8)


def test_nothing_is_sent_behind_the_end() -> None:
    """Also where another frame would have been due at once."""
    kernel = Kernel(room=9)
    stage = under_way(kernel)
    stage.player.release()
    stage.clock.advance(5)
    assert kernel.taken == [b"a", b"b"]
    assert stage.outcome.ending == "held"
    assert stage.lateness.total == 2


def test_a_wait_that_joins_stays_patient() -> None:
    """Also where the kernel takes everything at once."""
    frames = [event for name in b"abcd" for event in (paced(NEAR), Write(bytes([name])))]
    stage = Stage(*frames, shortcut=Kernel(room=9))
    stage.player.play()
    stage.clock.advance(1)
    assert stage.clock.patient == 4


def test_no_wait_begins_while_the_buffer_is_full() -> None:
    """A frame of which the kernel takes nothing fills it; the wait behind it begins when it has drained."""
    stage = Stage(*steady(b"abc"), shortcut=Kernel(room=1), room=0)
    stage.player.play()
    stage.clock.advance(2 * NEAR)
    assert (stage.player.outcome.begun, stage.player.outcome.completed) == (4, 4)
    stage.transport.drain()
    stage.clock.advance(0)
    assert (stage.player.outcome.begun, stage.player.outcome.completed) == (5, 4)


def test_nothing_passes_what_waits_in_the_transport() -> None:
    """The kernel may have room again for the next frame: it comes behind the rest of the one before."""
    kernel = Fickle([9, 1, 9])
    stage = Stage(*frames(b"aa", b"bb", b"cc", b"dd"), shortcut=kernel, room=100)
    kernel.transport = stage.transport
    stage.player.play()
    stage.clock.advance(3 * NEAR)
    assert [data for _, data in stage.transport.writes] == [b"aa", b"b", b"b", b"cc"]
    stage.transport.drain()
    stage.clock.advance(NEAR)
    assert (stage.transport.writes[-1][1], stage.transport.buffered) == (b"dd", 0)


def test_a_long_wait_can_be_called_off() -> None:
    """A stream that ends leaves nothing behind that would ring hours later."""
    frames = [event for name in b"abc" for event in (Wait(3600, True), Write(bytes([name])))]
    stage = Stage(*frames, shortcut=Kernel(room=9))
    stage.player.play()
    stage.clock.advance(2 * 3600)
    stage.player.release()
    assert stage.clock.pending == 0


def ignored(outcome: Outcome) -> None:
    """How it went is of no interest."""


def under_way(shortcut: FakeFile | None) -> Stage:
    """A stream of four steady frames, of which two have been sent."""
    stage = Stage(*steady(b"abcd"), shortcut=shortcut)
    stage.player.play()
    stage.clock.advance(2 * NEAR)
    return stage


def steady(names: bytes) -> list[WireEvent]:
    """A frame of each name, all of one pace."""
    return frames(*[bytes([name]) for name in names])


def frames(*parts: bytes) -> list[WireEvent]:
    """Frames of one pace."""
    return [event for part in parts for event in (Wait(NEAR, True), Write(part))]


def left(stage: Stage) -> list[tuple[float, int]]:
    """When each byte left."""
    return [(time, byte) for time, data in stage.transport.writes for byte in data]
