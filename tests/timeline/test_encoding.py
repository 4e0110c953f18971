"""What happens between messages and framing: encoders, bytes that are cut, paces and times."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.timeline.encoding import (
    Bandwidth,
    Late,
    body_bytes,
    insert_at_bytes,
    on_time,
)
from mockllm.timeline.events import (
    FOREVER,
    Beat,
    Close,
    End,
    Extra,
    Frame,
    Head,
    Message,
    Onward,
    Wait,
    Write,
)
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step
from tests.timeline.samples import DONE, ROLE, STREAM, WHOLE, content

HEAD, ONE, TWO = STREAM, content(1), content(2)
NEW = Wait(9.0)
MARK = (Step(NEW, (0,)),)


def of(*messages: Message | None) -> tuple[Step, ...]:
    """Steps without faults."""
    return tuple(map(Step, messages))


def events(sequence: tuple[Step, ...]) -> tuple[Message | None, ...]:
    """The events alone."""
    return tuple(step.event for step in sequence)


@pytest.mark.parametrize(
    ("sequence", "seconds", "result"),
    [
        ((Wait(5.0), HEAD, Wait(2.0), ONE, End()), 0.0, (Wait(5.0), HEAD, NEW, Wait(2.0), ONE, End())),
        ((Wait(5.0), HEAD, Wait(2.0), ONE, End()), 0.5, (Wait(5.0), HEAD, Wait(0.5), NEW, Wait(1.5), ONE, End())),
        ((HEAD, Wait(2.0), ONE, End()), 2.0, (HEAD, Wait(2.0), NEW, ONE, End())),
        ((HEAD, Wait(1.0), ONE, Wait(2.0), TWO, End()), 1.5, (HEAD, Wait(1.0), ONE, Wait(0.5), NEW, Wait(1.5), TWO, End())),
        ((HEAD, Wait(1.0), None, Wait(1.0), ONE, End()), 1.5, (HEAD, Wait(1.0), None, Wait(0.5), NEW, Wait(0.5), ONE, End())),
        ((HEAD, ONE, Wait(FOREVER)), 30.0, (HEAD, ONE, Wait(30.0), NEW, Wait(FOREVER))),
        ((Extra(b"early"), Wait(1.0), HEAD, End()), 0.5, (Extra(b"early"), Wait(0.5), NEW, Wait(0.5), HEAD, End())),
        ((HEAD, Wait(2.0), ONE, End()), 2.5, None),
        ((HEAD, ONE, Close("rst"), Wait(5.0), End()), 1.0, None),
        ((Wait(FOREVER), HEAD), 1.0, None),
        ((HEAD, ONE), 1.0, None),
    ],
    ids=["zero", "inside", "edge", "later", "dropped", "forever", "interim", "over", "closed", "never begun", "no end"],
)  # fmt: skip
def test_a_time_of_the_answer(
    sequence: tuple[Message | None, ...], seconds: float, result: tuple[Message, ...] | None
) -> None:
    """A time counts from the first response byte and splits the wait that it falls into."""
    made = on_time(of(*sequence), [Late(seconds, MARK)])
    assert events(made.sequence) == (sequence if result is None else result)
    assert made.placed == (frozenset() if result is None else {0})


@pytest.mark.parametrize(
    ("sequence", "seconds", "result"),
    [
        ((HEAD, ONE, End()), 0.0, (NEW, HEAD, ONE, End())),
        ((Wait(5.0), HEAD, Wait(2.0), ONE, End()), 0.5, (Wait(0.5), NEW, Wait(4.5), HEAD, Wait(2.0), ONE, End())),
        ((Wait(5.0), HEAD, Wait(2.0), ONE, End()), 6.0, (Wait(5.0), HEAD, Wait(1.0), NEW, Wait(1.0), ONE, End())),
        ((Wait(5.0), HEAD, Wait(2.0), ONE, End()), 8.0, None),
    ],
)  # fmt: skip
def test_a_time_since_the_request(
    sequence: tuple[Message, ...], seconds: float, result: tuple[Message, ...] | None
) -> None:
    """A time of the server counts from the moment of the request, before the first byte too."""
    made = on_time(of(*sequence), [Late(seconds, MARK, from_request=True)])
    assert events(made.sequence) == (sequence if result is None else result)


def test_a_part_of_a_body_waits_for_no_head() -> None:
    """What needs a head does not act where its time comes before one."""
    late = [
        Late(1.0, MARK, from_request=True, needs_head=True),
        Late(6.0, MARK, from_request=True, needs_head=True),
    ]
    made = on_time(of(Wait(5.0), HEAD, Wait(2.0), End()), late)
    assert (set(made.placed), set(made.headless)) == ({1}, {0})
    assert events(made.sequence) == (Wait(5.0), HEAD, Wait(1.0), NEW, Wait(1.0), End())


def test_one_time_may_fall_into_what_another_adds() -> None:
    """A wait that is put in at one time is split by a later time."""
    made = on_time(of(HEAD, Wait(1.0), ONE, End()), [Late(3.0, of(TWO)), Late(0.5, MARK)])
    assert events(made.sequence) == (HEAD, Wait(0.5), Wait(2.5), TWO, Wait(6.5), Wait(0.5), ONE, End())  # fmt: skip


def test_a_split_wait_keeps_what_it_was() -> None:
    """Both halves of a paced wait are paced and keep their faults."""
    sequence = (Step(HEAD), Step(Wait(2.0, paced=True), (1,)), Step(Frame(("x",), b"")))
    assert on_time(sequence, [Late(0.5, MARK)]).sequence[1:4] == (
        Step(Wait(0.5, paced=True), (1,)),
        *MARK,
        Step(Wait(1.5, paced=True), (1,)),
    )


def test_drip_replaces_the_pace_of_what_follows() -> None:
    """Behind it paced waits go and each frame gets one; a fault's wait and what was before stay."""
    paced = Wait(0.02, paced=True)
    sequence = of(HEAD, paced, ROLE, Onward(drip=1.0), paced, ONE, Extra(b": c\n\n"), Wait(3.0), paced, TWO, End())  # fmt: skip
    assert events(on_time(sequence).sequence) == (
        HEAD, paced, ROLE, Onward(drip=1.0), Wait(1.0), ONE, Extra(b": c\n\n"), Wait(3.0), Wait(1.0), TWO, End(),
    )  # fmt: skip


def test_the_last_change_of_pace_holds() -> None:
    """A second drip takes the place of the first."""
    sequence = of(HEAD, Onward(drip=1.0), ONE, Onward(drip=2.0), TWO, End())
    waits = [event for event in events(on_time(sequence).sequence) if isinstance(event, Wait)]
    assert waits == [Wait(1.0), Wait(2.0)]


def test_a_change_of_pace_at_a_time() -> None:
    """A pace that begins at a time holds for what follows that time."""
    made = on_time(of(HEAD, Wait(1.0), ONE, TWO, End()), [Late(0.5, of(Onward(drip=2.0)))])
    assert events(made.sequence) == (
        HEAD, Wait(0.5), Onward(drip=2.0), Wait(0.5), Wait(2.0), ONE, Wait(2.0), TWO, End(),
    )  # fmt: skip


def test_a_time_falls_between_the_bits_of_a_slow_line() -> None:
    """A body at so many bytes a second is cut where its time comes, and no byte is lost."""
    frame = Frame(("body",), b"0123456789")
    made = on_time(of(WHOLE, Onward(bandwidth=20.0), frame, End()), [Late(0.25, of(Close("rst")))])
    assert events(made.sequence)[2:9] == (
        Extra(b"01"), Wait(0.1), Extra(b"23"), Wait(0.1), Extra(b"45"), Wait(0.25 - 0.2), Close("rst"),
    )  # fmt: skip
    lowered = lower(made.sequence, date="").events
    assert isinstance(lowered[0], Write)
    assert b"content-length: 10\r\n" in lowered[0].data


def test_a_frame_of_bits_is_whole_with_its_last() -> None:
    """Where a slow frame comes in bits of their own, the last of them is the frame."""
    frame = Frame(("body",), b"0123")
    made = on_time(of(WHOLE, Onward(bandwidth=20.0), frame, End()), [Late(9.0, MARK)]).sequence
    assert events(made)[2:] == (Extra(b"01"), Wait(0.1), frame, Wait(0.1), End())
    assert made[4].raw == b"23"


@given(st.binary(max_size=200), st.integers(1, 400))
def test_bandwidth(data: bytes, rate: int) -> None:
    """The bits join to the bytes, none is longer than a tenth of a second, and the times add up."""
    parts = Bandwidth(rate).cut(data)
    bits = [part for part in parts if isinstance(part, bytes)]
    waits = [part.seconds for part in parts if isinstance(part, Wait)]
    assert b"".join(bits) == data
    assert all(len(bit) <= max(1, rate / 10) for bit in bits)
    assert sum(waits) == pytest.approx(len(data) / rate)


BODY = of(HEAD, ROLE, ONE, Extra(b": c\n\n"), DONE, End())
SIZE = len(b'data: {"role":"assistant"}\n\ndata: {"n":1}\n\n: c\n\ndata: [DONE]\n\n')


def joined(sequence: tuple[Step, ...]) -> bytes:
    """The whole body."""
    return b"".join(body_bytes(step, stream=True) or b"" for step in sequence)


@given(st.integers(-SIZE - 2, SIZE + 2))
def test_every_byte_of_a_body(byte: int) -> None:
    """What is put at a byte has that many bytes before it, or behind it if counted from the end."""
    made, found = insert_at_bytes(BODY, [(byte, MARK)])
    if not -SIZE <= byte <= SIZE:
        assert (made, found) == (BODY, frozenset())
        return
    place = made.index(MARK[0])
    assert found == {0}
    assert len(joined(made[:place])) == (byte if byte >= 0 else SIZE + byte)
    assert joined(made) == joined(BODY)


@given(st.lists(st.integers(-SIZE, SIZE), max_size=6))
def test_several_bytes_of_a_body(places: list[int]) -> None:
    """Bytes are counted in the body as it was, whatever is put in elsewhere."""
    extra = [(place, (Step(Extra(b"!!"), (index,)),)) for index, place in enumerate(places)]
    made, found = insert_at_bytes(BODY, extra)
    assert found == set(range(len(places)))
    for index, place in enumerate(places):
        (at,) = [i for i, step in enumerate(made) if step.faults == (index,)]
        before = [step for step in made[:at] if not step.faults]
        assert len(joined(tuple(before))) == (place if place >= 0 else SIZE + place)


def test_a_byte_of_a_body_is_not_one_before_the_head() -> None:
    """Bytes before the head are no part of the body."""
    sequence = of(Extra(b"HTTP/1.1 103 Early Hints\r\n\r\n"), WHOLE, Frame(("body",), b"{}"), End())
    for byte in (1, -1):
        made, _ = insert_at_bytes(sequence, [(byte, MARK)])
        assert events(made)[2:] == (Extra(b"{"), NEW, Frame(("body",), b"{}"), End())
        assert made[4].raw == b"}"
    assert insert_at_bytes(of(Close("rst")), [(0, MARK)]) == (of(Close("rst")), frozenset())


def test_a_cut_frame_is_delayed_once() -> None:
    """Of a frame that was cut at a byte only the first part waits for its turn."""
    cut, _ = insert_at_bytes(
        of(HEAD, ONE, Onward(drip=1.0), TWO, End()), [(3, of(Onward(drip=2.0)))]
    )
    assert events(on_time(cut).sequence) == (
        HEAD, Extra(b"dat"), Onward(drip=2.0), ONE, Onward(drip=1.0), Wait(1.0), TWO, End(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wait", "strikes"),
    [
        (Wait(60.0, beat=Beat(5.0, Extra(b"x"))), 11),
        (Wait(0.3, beat=Beat(0.1, Extra(b"x"))), 2),
        (Wait(1.0, beat=Beat(2.0, Extra(b"x"))), 0),
        (Wait(2.0, beat=Beat(2.0, Extra(b"x"))), 0),
        (Wait(2.1, beat=Beat(2.0, Extra(b"x"))), 1),
        (Wait(FOREVER, beat=Beat(2.0, Extra(b"x"))), FOREVER),
        (Wait(0.0, beat=Beat(2.0, Extra(b"x"))), 0),
        (Wait(5.0), 0),
    ],
)
def test_heartbeats_stand_inside_their_wait(wait: Wait, strikes: float) -> None:
    """A heartbeat comes neither at the beginning nor at the end of its wait."""
    assert wait.strikes == strikes


def test_the_length_counts_heartbeats() -> None:
    """An announced length covers what is sent while a wait lasts."""
    beat = Beat(1.0, Extra(b"  "))
    sequence = of(WHOLE, Wait(3.5, beat=beat), Frame(("body",), b"{}"), End())
    head = lower(sequence, date="").events[0]
    assert isinstance(head, Write)
    assert b"content-length: 8\r\n" in head.data


def test_heads_are_known_by_their_type() -> None:
    """Any parameters of the content type leave it an event stream."""
    head = Head(200, (("Content-Type", "text/event-stream; charset=utf-8"),))
    assert joined(insert_at_bytes(of(head, DONE, End()), [])[0]) == b"data: [DONE]\n\n"
