"""Faults at a byte, at a planned time and at a time of the server; announced ends."""

from __future__ import annotations

from typing import Any

import pytest

from mockllm.faults.apply import Applied, apply
from mockllm.faults.often import Occasion
from mockllm.timeline.events import Close, End, Extra, Frame, Head, Message, Onward, Wait
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import until_end
from tests.faults.exchange import FakeExchange, applied, fault, played, reasons
from tests.timeline.oracle import read, written
from tests.timeline.samples import ROLE, STREAM, body, content, script

SCRIPT = script(2)
C1, C2 = content(1), content(2)


def paced(*events: Message | float) -> tuple[Message, ...]:
    """A script in which numbers are the waits of its pacing."""
    return tuple(Wait(e, paced=True) if isinstance(e, float) else e for e in events)


TIMED = paced(0.5, STREAM, 1.0, C1, 1.0, C2, End())


def at_time(elapsed: float, *keys: dict[str, Any]) -> Applied:
    """Faults on a request that comes so long after the server's start."""
    faults = [fault(**one) for one in keys]
    return apply(TIMED, faults, lambda index: Occasion(elapsed=elapsed), FakeExchange())


@pytest.mark.parametrize(
    ("elapsed", "at", "events", "why"),
    [
        (0.0, "server 0s", (Close("rst"),), None),
        (5.0, "server 5s", (Close("rst"),), None),
        (4.75, "server 5s", (0.25, Close("rst")), None),
        (4.0, "server 5s", (0.5, STREAM, 0.5, Close("rst")), None),
        (4.0, "server 6500ms", (0.5, STREAM, 1.0, C1, 1.0, Close("rst")), None),
        (4.0, "server 7s", TIMED, "the exchange is over before 7s"),
        (6.0, "server 5s", TIMED, "the time was over when the request came"),
    ],
)
def test_times_of_the_server(
    elapsed: float, at: str, events: tuple[Message | float, ...], why: str | None
) -> None:
    """It acts on what is in flight at that time, and says why on what is not."""
    made = at_time(elapsed, {"close": "rst", "at": at})
    assert tuple(step.event for step in until_end(made.sequence)) == paced(*events)
    assert [report.skipped for report in made.reports] == [why]


def test_bytes_of_a_body_need_a_head() -> None:
    """A comment at a time of the server before the head is not sent; raw bytes are."""
    comment = {"send": {"comment": "c"}, "at": "server 1s"}
    made = at_time(0.75, comment)
    assert [report.skipped for report in made.reports] == ["the head had not been sent by then"]
    raw = at_time(0.75, {"send": {"raw": "c"}, "at": "server 1s"})
    assert [step.event for step in raw.sequence][:2] == [Wait(0.25, paced=True), Extra(b"c")]
    assert [report.skipped for report in at_time(0.25, comment).reports] == [None]


def test_a_shorthand_acts_wholly_or_not() -> None:
    """Where the first verb of a named fault has no place, the others do not act either."""
    made = at_time(0.75, {"error": None, "at": "server 1s"})
    assert [report.skipped for report in made.reports] == ["the head had not been sent by then"]
    assert tuple(step.event for step in made.sequence) == TIMED
    made = at_time(0.25, {"error": None, "at": "server 1s"})
    assert [step.event for step in until_end(made.sequence)][3:] == [
        Frame(("error",), b"{}"), Frame(("done",), b"[DONE]"), End(),
    ]  # fmt: skip


@pytest.mark.parametrize("at", ["t 500ms", "server 1s", "byte 0", "head"])
def test_a_pace_may_begin_anywhere(at: str) -> None:
    """A drip that begins at a time or byte holds for what follows."""
    made = at_time(0.0, {"wait": {"drip": "3s"}, "at": at})
    events = [step.event for step in made.sequence]
    after = events[events.index(Onward(drip=3.0)) :]
    assert [event for event in after if isinstance(event, Wait) and not event.paced] == [Wait(3.0)] * 2  # fmt: skip


@pytest.mark.parametrize(
    ("close", "at", "announced"),
    [
        ("fin", "head", True),
        ("clean", "after content 1", True),
        ("fin", "t 1s", True),
        ("fin", "server 1s", True),
        ("fin", "byte 3", True),
        ("fin", "byte -3", True),
        ("fin", "end", True),
        ("fin", "t 9s", False),
        ("fin", "byte 999", False),
        ("fin", "after content 9", False),
    ],
)
def test_announced_ends(close: str, at: str, announced: bool) -> None:
    """The head says `connection: close` before an end that comes, wherever it comes."""
    made = at_time(0.0, {"close": close, "announce": True, "at": at})
    (head,) = [step.event for step in made.sequence if isinstance(step.event, Head)]
    assert head.has("connection", "close") is announced
    lowered = lower(made.sequence, date="").events
    if announced:
        assert isinstance(lowered[-1], Close)


def test_an_end_is_announced_once() -> None:
    """A head that says so already stays as it is."""
    head = Head(200, (*STREAM.headers, ("Connection", "keep-alive, Close")))
    one = fault(close="clean", announce=True, at="end")
    assert played((head, C1, End()), one)[0] == head


FULL = b"".join(b"data: " + f.data + b"\n\n" for f in SCRIPT if isinstance(f, Frame))


@pytest.mark.parametrize("byte", range(-len(FULL), len(FULL) + 1))
def test_every_byte(byte: int) -> None:
    """A cut at byte N lets N bytes of the body through, one at -N keeps N back."""
    sequence, reports = applied(SCRIPT, fault(close="fin", at=f"byte {byte}"))
    found = read(written(lower(sequence, date="").events)).body
    assert found == (FULL[:byte] if byte >= 0 else FULL[: len(FULL) + byte])
    assert reports[0].skipped is None


@pytest.mark.parametrize("byte", [len(FULL) + 1, -len(FULL) - 1])
def test_bytes_that_are_not_there(byte: int) -> None:
    """A byte beyond the body is none."""
    assert reasons(SCRIPT, fault(close="fin", at=f"byte {byte}")) == [
        f"the body is shorter than {len(FULL) + 1} bytes"
    ]


def test_a_byte_of_another_answer() -> None:
    """A reply's body is the one that is sent, so a byte from the end counts from its end."""
    faults = [fault(reply="busy"), fault(close="fin", at="byte -1")]
    sequence, reports = applied(SCRIPT, *faults)
    assert [report.skipped for report in reports] == [None, None]
    assert b"".join(s.event.data for s in sequence if isinstance(s.event, Frame | Extra)) == b"bus"
    assert sequence[-1].event == Close("fin")


def test_a_byte_counts_after_the_encoding() -> None:
    """What an encoding adds is counted, and chunks still match what is sent."""
    faults = [fault(encode={"newline": "crlf"}), fault(close="fin", at="byte 30")]
    sequence, _ = applied(SCRIPT, *faults)
    assert read(written(lower(sequence, date="").events)).body == FULL.replace(b"\n", b"\r\n")[:30]


def test_the_length_of_a_body_that_is_cut_at_a_byte() -> None:
    """Content-Length announces the whole."""
    cut = fault(close="fin", at="byte 4")
    made = apply(body(b"0123456789"), [cut], lambda index: Occasion(), FakeExchange())
    data = written(lower(made.sequence, date="").events)
    assert data.endswith(b"content-length: 10\r\n\r\n0123")


def test_a_frame_that_is_cut_is_not_whole() -> None:
    """The first part is no frame, so that nobody counts it as sent."""
    sequence, _ = applied(SCRIPT, fault(close="fin", at="byte 30"))
    assert [step.event for step in sequence if isinstance(step.event, Frame)] == [ROLE]


def test_bytes_come_before_times() -> None:
    """A wait at a byte moves what comes later in time."""
    faults = [fault(close="rst", at="t 3s"), fault(wait="9s", at="byte 0")]
    assert played(TIMED, *faults) == (*TIMED[:2], Wait(3.0), Close("rst"))
    assert reasons(TIMED, *faults) == [None, None]


def test_a_time_sees_the_gaps_of_an_encoding() -> None:
    """The time of a slow body counts."""
    faults = [
        fault(encode={"split": {"bytes": 5, "gap": "1s"}}, at="body"),
        fault(close="rst", at="t 2500ms"),
    ]
    sequence, _ = applied(body(b"0123456789abcdefghij"), *faults)
    lowered = lower(sequence, date="").events
    assert written(lowered).endswith(b"\r\n\r\n0123456789abcde")
    assert lowered[-2:] == (Wait(0.5), Close("rst"))
