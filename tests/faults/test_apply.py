"""Several faults on one script: order, ends, planned times, reports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mockllm.faults.apply import AnyFault, apply
from mockllm.faults.fault import Fault
from mockllm.faults.often import Occasion
from mockllm.timeline.events import FOREVER, Close, End, Extra, Frame, Head, Message, Wait, Write
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step, open_slots, until_end
from tests.faults.exchange import FakeExchange, applied, fault, played, reasons
from tests.timeline.oracle import read, written
from tests.timeline.samples import DONE, ROLE, STREAM, USAGE, body, content, script, tool

SCRIPT = script(3)
OVER = "the exchange has ended before it"


def comment(text: str, at: str) -> AnyFault:
    """A fault that can be told apart."""
    return fault(send={"comment": text}, at=at)


def extra(text: str) -> Extra:
    """What such a fault sends."""
    return Extra(f": {text}\n\n".encode())


def paced(*events: Message | float) -> tuple[Message, ...]:
    """A script in which numbers are the waits of its pacing."""
    return tuple(Wait(e, paced=True) if isinstance(e, float) else e for e in events)


def test_list_order_is_time_order_on_one_anchor() -> None:
    """Faults at one place act in the order of the list."""
    faults = [
        comment("a", "after role"),
        fault(wait="1s", at="after role"),
        comment("b", "after role"),
    ]
    assert played(SCRIPT, *faults)[2:5] == (extra("a"), Wait(1.0), extra("b"))


def test_anchors_mean_the_script() -> None:
    """A frame that is dropped or doubled is still counted once, where it was."""
    faults = [
        fault(edit="drop", at="content 1"),
        fault(edit={"duplicate": 2}, at="content 2"),
        comment("after 1", "after content 1"),
        comment("before 3", "before content 3"),
    ]
    assert played(SCRIPT, *faults) == (
        STREAM, ROLE, None, extra("after 1"), content(2), content(2), extra("before 3"), content(3), *SCRIPT[5:],
    )  # fmt: skip


def test_edits_add_up() -> None:
    """Each edit works on what the ones before it made, and every step names all its faults."""
    faults = [
        fault(edit={"patch": {"a": 1}}, at="content 1"),
        fault(edit={"duplicate": 2}, at="content 1"),
    ]
    sequence, _ = applied(SCRIPT, *faults)
    frame = Frame(("content",), b'{"n":1,"a":1}', tokens=1)
    assert sequence[2:4] == (Step(frame, (0, 1)), Step(frame, (0, 1)))


def test_an_edit_of_what_is_gone_does_nothing() -> None:
    """A frame that was dropped stays dropped, and only the first fault made it so."""
    faults = [fault(edit="drop", at="content 1"), fault(edit={"duplicate": 2}, at="content 1")]
    sequence, reports = applied(SCRIPT, *faults)
    assert sequence[2] == Step(None, (0,))
    assert [report.skipped for report in reports] == [None, OVER]


@pytest.mark.parametrize(
    ("first", "end"),
    [
        ({"reply": {"status": 503}}, End()),
        ({"close": "rst", "at": "request"}, Close("rst")),
        ({"close": "fin", "at": "head"}, Close("fin")),
        ({"close": "clean", "at": "after role"}, End()),
        ({"hang": "forever"}, Wait(FOREVER)),
        ({"wait": "forever", "at": "after role"}, Wait(FOREVER)),
    ],
)
def test_the_first_end_ends_the_exchange(first: dict[str, Any], end: Message) -> None:
    """Nothing is played behind a reply, a close or a wait forever, and the later faults say so."""
    faults = [fault(**first), fault(reply="other"), fault(close="rst", at="after content 2")]
    if "reply" in first or first.get("at", "request") == "request":
        assert played(SCRIPT, *faults)[-1] == end
        assert reasons(SCRIPT, *faults) == [None, OVER, OVER]
    else:
        assert played(SCRIPT, faults[0], faults[2])[-1] == end
        assert reasons(SCRIPT, faults[0], faults[2]) == [None, OVER]


def test_an_earlier_place_wins_over_an_earlier_line() -> None:
    """Which end comes first is a matter of place, not of the list."""
    faults = [fault(close="rst", at="after content 2"), fault(close="fin", at="after content 1")]
    assert played(SCRIPT, *faults)[-1] == Close("fin")
    assert reasons(SCRIPT, *faults) == [OVER, None]


def test_a_wait_before_a_reply() -> None:
    """A fault that acts before the end acts in full."""
    faults = [fault(wait="1s"), fault(fail=503), fault(wait="2s")]
    made = played(SCRIPT, *faults)
    assert (made[0], made[1].status if isinstance(made[1], Head) else None) == (Wait(1.0), 503)
    assert reasons(SCRIPT, *faults) == [None, None, OVER]


def test_reports_say_why_not() -> None:
    """A fault is reported on whether it acts or not: frequency, missing place, or an end before."""
    faults = [
        fault(stall="1s", nth=[2]),
        fault(stall="1s", at="after content 9"),
        fault(edit="drop", at="usage"),
        fault(close="rst", at="t 5s"),
        fault(fail=503, first=1),
        fault(reset=None, at="end"),
    ]
    assert reasons(SCRIPT, *faults) == [
        "call 1 of the session, nth: [2]",
        "the answer has 3 content frames",
        "the answer has 0 usage frames",
        "the exchange is over before 5s",
        None,
        OVER,
    ]


def test_a_shorthand_whose_place_is_missing_does_nothing_at_all() -> None:
    """If the first verb of a shorthand has no place, the others do not act either."""
    assert played(SCRIPT, fault(error=None)) == SCRIPT


def test_each_fault_has_its_own_occasion() -> None:
    """Chance is asked for by the place of the fault in the list."""
    faults = [fault(wait="1s", at="head", chance="50%"), fault(wait="2s", at="head", chance="50%")]
    made = apply(SCRIPT, faults, lambda index: Occasion(draw=(0.9, 0.1)[index]), FakeExchange())
    assert made.sequence[1] == Step(Wait(2.0), (1,))


def test_a_fault_must_add_edit_or_encode() -> None:
    """There is no fourth way to change a timeline."""

    class Odd(Fault):
        """A verb of no kind."""

        verb, points, default_at = "odd", ("request",), "request"

        def value(self) -> str:
            """Nothing."""
            return ""

    with pytest.raises(TypeError, match="a fault adds, edits or encodes, got Odd"):
        applied(SCRIPT, Odd())


# Planned times: TTFT 0.5, head at once, then a frame a second.

C1, C2, C3 = content(1), content(2), content(3)
TIMED = paced(0.5, STREAM, 1.0, C1, 1.0, C2, 1.0, C3, DONE, End())


@pytest.mark.parametrize(
    ("faults", "events"),
    [
        ([{"close": "rst", "at": "t 0s"}], (0.5, STREAM, Close("rst"))),
        ([{"close": "rst", "at": "t 1500ms"}], (0.5, STREAM, 1.0, C1, 0.5, Close("rst"))),
        ([{"close": "rst", "at": "t 2s"}], (0.5, STREAM, 1.0, C1, 1.0, Close("rst"))),
        # inside another fault's wait, also one without end
        ([{"wait": "9s", "at": "after content 1"}, {"close": "fin", "at": "t 4s"}], (0.5, STREAM, 1.0, C1, Wait(3.0), Close("fin"))),
        ([{"wait": "forever", "at": "after content 1"}, {"close": "fin", "at": "t 4s"}], (0.5, STREAM, 1.0, C1, Wait(3.0), Close("fin"))),
        ([{"wait": "forever", "at": "after content 1"}, {"send": {"comment": "x"}, "at": "t 4s"}], (0.5, STREAM, 1.0, C1, Wait(3.0), extra("x"), Wait(FOREVER))),
        # list order at one time, time order at several, whatever the list says
        ([{"send": {"comment": "a"}, "at": "t 1s"}, {"send": {"comment": "b"}, "at": "t 1s"}, {"close": "rst", "at": "t 1s"}], (0.5, STREAM, 1.0, extra("a"), extra("b"), Close("rst"))),
        ([{"close": "rst", "at": "t 5s"}, {"wait": "9s", "at": "t 1s"}], (0.5, STREAM, 1.0, Wait(4.0), Close("rst"))),
        ([{"wait": "9s", "at": "t 0s"}, {"close": "rst", "at": "t 2s"}], (0.5, STREAM, Wait(2.0), Close("rst"))),
        # a shorthand of two verbs
        ([{"error": None, "at": "t 1s"}], (0.5, STREAM, 1.0, Frame(("error",), b"{}"), DONE, End())),
    ],
)  # fmt: skip
def test_planned_times(faults: list[dict[str, Any]], events: tuple[Message | float, ...]) -> None:
    """A time counts from the first response byte, through the waits of pacing and of faults."""
    made = [fault(**keys) for keys in faults]
    assert played(TIMED, *made) == paced(*events)
    assert reasons(TIMED, *made) == [None] * len(faults)


@pytest.mark.parametrize(
    ("faults", "why"),
    [
        ([{"close": "rst", "at": "t 3s"}, {"close": "fin", "at": "t 3s"}], [None, OVER]),
        ([{"close": "rst", "at": "t 3s"}, {"close": "fin", "at": "t 4s"}], [None, "the exchange is over before 4s"]),
        ([{"hang": "forever"}, {"close": "rst", "at": "t 1s"}], [None, "the exchange is over before 1s"]),
        ([{"stall": "1s", "at": "t 9s"}, {"stall": "1s", "at": "t 9s"}], ["the exchange is over before 9s"] * 2),
        ([{"error": None, "at": "t 9s"}], ["the exchange is over before 9s"]),
        ([{"reset": None, "at": "t 1s"}, {"cut": None, "at": "after content 2"}], [None, OVER]),
    ],
)  # fmt: skip
def test_times_that_never_come(faults: list[dict[str, Any]], why: list[str | None]) -> None:
    """A fault at a time after the end says that the exchange is over before."""
    assert reasons(TIMED, *(fault(**keys) for keys in faults)) == why


# Properties

POINTS = [
    "request", "head", "end", "t 0s", "t 1s", "t 2500ms", "t 1h", "server 0s", "server 2s", "byte 0",
    "byte 7", "byte -1", "byte 9999", "body",
]  # fmt: skip
SELECTORS = [
    "content 1", "content -1", "content 2..3", "content *", "frame 1", "frame *", "frame 2..finish",
    "frame -2..-1", "tool 1", "tool 1..finish", "tool 2 last", "reasoning *", "role", "finish", "usage", "done", "error", "content 99",
]  # fmt: skip
ANCHORS = [
    *POINTS,
    *SELECTORS,
    *(f"{side} {one}" for side in ("before", "after") for one in SELECTORS),
]
VALUES: list[dict[str, Any]] = [
    {"wait": "0s"}, {"wait": "1s"}, {"wait": "forever"},
    {"reply": "some.answer"}, {"reply": {"status": 429}}, {"reply": {"body": "x"}},
    {"wait": {"ping": "1s", "for": "5s"}}, {"wait": {"drip": "1s"}}, {"wait": {"bandwidth": "1KiB/s"}},
    {"send": {"comment": "c"}}, {"send": {"raw": "raw"}}, {"send": {"comment": "c", "every": "1s", "for": "3s"}}, {"send": {"frame": {"a": 1}}},
    {"send": {"error": True, "done": True}},
    {"edit": "drop"}, {"edit": {"duplicate": 2}}, {"edit": {"patch": {"n": 0}}},
    {"edit": {"remove": "n"}}, {"edit": {"set": {"n": 5}}}, {"edit": {"set": {"n": {"size": "1KiB"}}}},
    {"edit": {"truncate": -1}}, {"edit": {"interleave": "tool"}}, {"edit": {"replace": "x"}},
    {"encode": {"newline": "crlf"}}, {"encode": "no-space"}, {"encode": {"split": {"bytes": 3, "gap": "1ms"}}},
    {"encode": {"multi-line": 2}}, {"encode": {"id": "1"}}, {"encode": {"event": "e"}}, {"encode": "bom"},
    {"encode": {"terminator": False}}, {"encode": "json-as-sse"}, {"encode": "utf8-split"}, {"encode": {"merge": 2}},
    {"encode": {"gzip": "flushed"}}, {"encode": {"gzip": "unflushed"}}, {"encode": {"bandwidth": "1KiB/s"}},
    {"close": "half"}, {"close": "clean", "announce": True},
    {"close": "clean"}, {"close": "fin"}, {"close": "rst"},
    {"fail": 503}, {"hang": "1s"}, {"stall": "1s"}, {"reset": None}, {"cut": None}, {"truncate": None},
    {"garble": None}, {"error": None},
]  # fmt: skip


def every_fault() -> list[AnyFault]:
    """Every value at every anchor that it may have."""
    made: list[AnyFault] = []
    for value in VALUES:
        for at in ANCHORS:
            try:
                made.append(fault(**value, at=at))
            except ValidationError:
                continue
    # Raw bytes may stand before the head: that is what such a fault is for.
    early = ("request", "server")
    return [one for one in made if one.name != "send" or one.anchor.point not in early]


FAULTS = every_fault()
SCRIPTS: list[tuple[Message, ...]] = [
    script(0),
    script(3),
    TIMED,
    (STREAM, ROLE, tool(1, 1), tool(1, 2), tool(2, 1), USAGE, DONE, End()),
    body(b'{"n":1}'),
    paced(0.5, *body(b'{"n":1}')),
]


@given(st.sampled_from(SCRIPTS), st.lists(st.sampled_from(FAULTS), max_size=6))
def test_any_faults_give_a_legal_timeline(
    events: tuple[Message, ...], faults: list[AnyFault]
) -> None:
    """At most one head, no body before it, nothing behind the end, and each fault is reported on."""
    sequence, reports = applied(events, *faults)
    found = [step.event for step in sequence]
    heads = [index for index, event in enumerate(found) if isinstance(event, Head)]
    bodies = [index for index, event in enumerate(found) if isinstance(event, Frame | Extra)]
    ends = [
        index
        for index, event in enumerate(found)
        if isinstance(event, End | Close) or event == Wait(FOREVER)
    ]
    assert len(heads) <= 1
    assert not bodies or heads[0] < bodies[0]
    assert ends == [len(found) - 1]
    assert len(reports) == len(faults)
    acting = {index for step in sequence for index in step.faults}
    assert acting == {index for index, report in enumerate(reports) if report.skipped is None}


@given(st.sampled_from(SCRIPTS), st.lists(st.sampled_from(FAULTS), max_size=6))
def test_any_whole_answer_is_http(events: tuple[Message, ...], faults: list[AnyFault]) -> None:
    """What ends properly is a whole response to h11, with or without the end of the connection."""
    lowered = lower(applied(events, *faults)[0], date="now").events
    data = written(lowered)
    cut = any(isinstance(event, Close) and not event.complete for event in lowered)
    if data and not cut and Wait(FOREVER) not in lowered:
        assert read(data, closed=Close("fin", complete=True) in lowered).complete


@given(st.sampled_from(SCRIPTS), st.lists(st.sampled_from(FAULTS), max_size=4))
def test_the_same_faults_give_the_same_timeline(
    events: tuple[Message, ...], faults: list[AnyFault]
) -> None:
    """Nothing but the arguments decides what comes out."""
    assert applied(events, *faults) == applied(events, *faults)


@given(st.sampled_from(SCRIPTS), st.integers(1, 40), st.sampled_from(["0s", "1ms"]))
def test_split_keeps_the_bytes(events: tuple[Message, ...], size: int, gap: str) -> None:
    """However a frame is split, the body that a client reads is the same."""

    def bytes_of(*faults: AnyFault) -> bytes:
        lowered = lower(applied(events, *faults)[0], date="now").events
        return read(b"".join(e.data for e in lowered if isinstance(e, Write))).body

    assert bytes_of(fault(encode={"split": {"bytes": size, "gap": gap}})) == bytes_of()


def test_no_faults_leave_the_script_as_it_is() -> None:
    """Without faults the steps are the script's events, and there are no reports."""
    made = apply(SCRIPT, (), lambda index: Occasion(), FakeExchange())
    assert made.sequence == tuple(map(Step, SCRIPT)) == until_end(made.sequence)
    assert len(open_slots(SCRIPT)) == len(SCRIPT)
    assert made.reports == ()
