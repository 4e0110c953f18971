"""Calls drawn for people."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mockllm.engine.draw import MAX_LINES, WIDTH, draw, short
from mockllm.engine.journal import Entry, Outcome
from tests.engine.build import ask, engine


def entry(text: str = "", outcome: Outcome | None = None, **data: Any) -> Entry:
    """A streamed call on a paced server; it is done unless something else is said."""
    to = engine(text, paced=True)
    record = to.begin(ask(to, stream=True, **data), "")
    count = len(record.entry.plan.lowered.events)
    return record.update(outcome or Outcome("done", count, count, 999, 0.2, 1.4))


STALL = """script: {words: 20}
faults: [{stall: 30s, at: after content 5}, {close: rst, at: after content 9}]"""


def test_a_client_that_leaves_in_a_stall() -> None:
    """What was sent is folded; the fault stands where it acted, and why the other did not."""
    begun = len(entry(STALL).plan.lowered.events)
    waiting = next(
        index
        for index in range(begun)
        if entry(STALL, Outcome("playing", index, index, 9)).fired == ("stall: 30s",)
    )
    left = Outcome("peer gone", waiting, waiting - 1, 900, 0.2, 0.513, 0.512, "fin")
    assert draw([entry(STALL, left)]) == (
        "#1 at 0.000  POST /v1/chat/completions gpt-4o stream  -> 200, peer gone\n"
        "   0.000 request · 0.200 head 200 · 0.200 role · 0.200–0.280 5 content\n"
        "   0.280 wait 30s <- stall: 30s at after content 5 · 0.512 client left (FIN)\n"
        "   did not fire: close: rst at after content 9 (the client had left before it)"
    )


def test_attempts_of_a_call() -> None:
    """A retry names its call, and when it came."""
    first = entry("faults: [{fail: 503}]")
    call = replace(first.plan.call, attempt=2)
    visit = replace(first.plan.visit, first=1)
    second = replace(first, number=2, at=0.5004, plan=replace(first.plan, call=call, visit=visit))
    lines = draw([first, second]).splitlines()
    assert len(lines) == 4
    assert lines[1] == (
        "   0.000 request · 0.000 head 503 <- fail: 503 at request · 0.000 error · 0.000 end · "
        "1.400 done"
    )
    assert lines[2] == (
        "#2 attempt 2 of #1 at 0.500  POST /v1/chat/completions gpt-4o stream  -> 503, done"
    )


def test_a_refused_call() -> None:
    """A request that is wrong says why."""
    assert draw([entry(model=3)]).splitlines()[-1] == (
        "   refused: you must provide a model parameter"
    )


@pytest.mark.parametrize(
    ("outcome", "last"),
    [
        (Outcome("playing"), "not over yet"),
        (Outcome("held", ended=3.0), "3.000 the server let go"),
        (Outcome("reset", ended=3.0), "3.000 reset by the server"),
        (Outcome("closed", ended=3.0), "3.000 closed by the server"),
        (Outcome("peer gone", ended=3.0, peer_left=2.0, peer="rst"), "2.000 client left (RST)"),
        (Outcome("peer gone", ended=0.0, peer_left=0.0), "0.000 client left"),
    ],
)
def test_endings(outcome: Outcome, last: str) -> None:
    """How it really ended comes last, at the time when it did."""
    assert draw([entry(outcome=outcome)]).splitlines()[1] == f"   0.000 request · {last}"


def test_a_long_story_keeps_its_beginning_and_end() -> None:
    """However much happens, a call has few lines, and none is long."""
    faults = ", ".join(f"{{wait: 1s, at: after content {number}}}" for number in range(1, 30))
    title, *lines = draw([entry(f"faults: [{faults}]")]).splitlines()
    assert len(lines) == MAX_LINES
    assert max(map(len, [title, *lines])) <= WIDTH
    assert lines[0].startswith("   0.000 request · 0.200 head 200")
    assert lines[-1].endswith("· 1.400 done")
    assert " more" in "".join(lines)


def test_other_things_that_happen() -> None:
    """Heartbeats are named, and dropped frames counted."""
    text = "faults: [{wait: {ping: 5s, for: 60s}, at: after content 2}, {edit: drop, at: content 3..5}]"
    drawn = draw([entry(text)])
    assert "0.220 wait 60s, every 5s a heartbeat <- wait: {ping: 5s, for: 60s}" in drawn
    assert "60.240–60.280 3 dropped <- edit: {drop: true} at content 3..5" in drawn


def test_another_pace_is_told_once() -> None:
    """A pace that a fault sets is one item, however many frames it delays."""
    drawn = draw([entry("script: {words: 8}\nfaults: [{wait: {drip: 1s}, at: after content 6}]")])
    assert drawn.splitlines()[2:] == [
        "   0.300 a frame every 1s <- wait: {drip: 1s} at after content 6 · 1.300–2.300 2 content",
        "   3.300 finish · 4.300 done · 4.300 end · 1.400 done",
    ]


def test_no_calls() -> None:
    """Of no calls there is nothing to draw."""
    assert draw([]) == ""


@pytest.mark.parametrize(
    ("text", "shortened"),
    [("30.000s", "30s"), ("0.500s", "0.5s"), ("forever", "forever"), ("2.000s, every 10s", "2s, every 10s")],
)  # fmt: skip
def test_short_seconds(text: str, shortened: str) -> None:
    """Only the zeros behind a point go."""
    assert short(text) == shortened
