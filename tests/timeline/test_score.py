"""What is played for a wire timeline: the same bytes in the same order, in as few calls as may be."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mockllm.timeline.events import Close, Wait, WireEvent, Write
from mockllm.timeline.score import SHARED, Send, score


def test_what_nothing_separates_shares_a_call() -> None:
    """Waits separate, and so does a fault that cut the answer."""
    events = (
        Write(b"a"),
        Write(b"bc"),
        Wait(1.0),
        Write(b"d"),
        Write(b"e", apart=True),
        Write(b"f", apart=True),
        Write(b"g"),
        Close("fin"),
    )
    made = score(events)
    assert made.data == b"abcdefg"
    assert made.moves == (
        Send(0, 3, 2),
        Wait(1.0),
        Send(3, 4),
        Send(4, 5),
        Send(5, 6),
        Send(6, 7),
        Close("fin"),
    )


def test_what_may_be_joined() -> None:
    """Sends around a wait that says so, unless a fault wants one of them apart."""
    wait = Wait(1.0, paced=True, joins=True)
    made = score(
        (
            wait,
            Write(b"a"),
            Write(b"b"),
            wait,
            Write(b"c"),
            wait,
            Write(b"d", apart=True),
            wait,
            Write(b"e"),
            Wait(1.0, paced=True),
            Write(b"f"),
            wait,
            wait,
            Write(b"g"),
        )
    )
    sends = [move for move in made.moves if isinstance(move, Send)]
    assert sends == [
        Send(0, 2, 2, joins=True),
        Send(2, 3),
        Send(3, 4),
        Send(4, 5),
        Send(5, 6),
        Send(6, 7),
    ]


def test_a_call_that_is_long_enough_is_not_shared() -> None:
    """So that a slow reader is heard in time."""
    half = Write(b"x" * (SHARED // 2))
    assert score([half] * 5).moves == (
        Send(0, SHARED, 2),
        Send(SHARED, 2 * SHARED, 2),
        Send(2 * SHARED, 2 * SHARED + SHARED // 2),
    )


def test_what_is_offered_at_once() -> None:
    """Who takes it at once hears of no slow reader: what is long goes in one call, what a fault cut in
    several, and nothing behind a call of which not all was taken."""
    half = Write(b"x" * (SHARED // 2))
    cut = Write(b"y" * SHARED, apart=True)
    calls: list[int] = []

    def take(data: bytes) -> int:
        calls.append(len(data))
        return min(len(data), room)

    events = [half] * 5 + [cut, half]
    for room, expected in (
        (1 << 20, [5 * SHARED // 2, SHARED, SHARED // 2]),
        (100, [5 * SHARED // 2]),
        (2 * SHARED, [5 * SHARED // 2]),
        (0, [5 * SHARED // 2]),
    ):
        calls.clear()
        assert score(events).offer(take) == min(room, 4 * SHARED if room == 1 << 20 else room)
        assert calls == expected


def test_nothing() -> None:
    """No events, no moves; an empty write is still a call."""
    assert score(()) == score([])
    assert (score(()).moves, score([Write(b"", apart=True)]).moves) == ((), (Send(0, 0),))


EVENTS = st.lists(
    st.one_of(
        st.builds(Write, st.binary(max_size=9), st.booleans()),
        st.builds(Wait, st.floats(0, 9), joins=st.booleans()),
        st.builds(Close, st.sampled_from(["fin", "rst"])),
    )
)


@given(EVENTS)
def test_nothing_is_lost(events: list[WireEvent]) -> None:
    """Every byte is sent once and in order; every event is counted once; waits stay where they are."""
    made = score(events)
    sends = [move for move in made.moves if isinstance(move, Send)]
    assert [(s.start, s.stop) for s in sends] == [
        (start, stop)
        for start, stop in zip([0, *(s.stop for s in sends)], [s.stop for s in sends], strict=False)
    ]
    assert made.data == b"".join(event.data for event in events if isinstance(event, Write))
    counted = sum(move.events if isinstance(move, Send) else 1 for move in made.moves)
    assert counted == len(events)
    kept = [move for move in made.moves if not isinstance(move, Send)]
    assert kept == [event for event in events if not isinstance(event, Write)]
