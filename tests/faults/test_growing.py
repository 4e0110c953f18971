"""A timeline that grows is the timeline of the whole script: the same bytes, ending and reports."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.faults import live
from mockllm.faults.apply import AnyFault, apply
from mockllm.faults.growing import Growing
from mockllm.faults.often import Occasion
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError
from mockllm.timeline.events import Close, End, Message, Wait, WireEvent, Write
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step, until_end
from tests.faults.exchange import FakeExchange, fault
from tests.profile.generated import FAULTS, Document
from tests.timeline.samples import DONE, ROLE, STREAM, USAGE, body, content, script, tool

SCRIPTS: list[tuple[Message, ...]] = [
    script(0),
    script(7),
    (STREAM, ROLE, tool(1, 1), tool(1, 2), tool(2, 1), tool(2, 2), USAGE, DONE, End()),
    (STREAM, ROLE, content(1), content(2), Close("rst")),
    body(b'{"n":1}'),
]
OCCASIONS = st.builds(
    Occasion,
    ordinal=st.integers(1, 3),
    elapsed=st.sampled_from([0.0, 0.3, 30.0]),
    draw=st.floats(0, 1, exclude_max=True),
)


def ended(steps: tuple[Step, ...]) -> bool:
    """Whether nothing follows these steps."""
    last = until_end(steps)[-1:]
    return any(isinstance(s.event, End | Close) or s.event == Wait(float("inf")) for s in last) or (
        bool(last) and isinstance(last[0].event, Wait) and last[0].event.seconds == float("inf")
    )


def grown(
    events: tuple[Message, ...], faults: tuple[AnyFault, ...], occasion: Occasion
) -> tuple[tuple[Step, ...], Growing]:
    """The steps of a script that comes event by event, all at the time 0."""
    growing = Growing(faults, lambda index: occasion, FakeExchange())
    steps = growing.begin()
    for event in events:
        if not ended(steps):
            steps += growing.feed([event], 0.0)
    if not ended(steps):
        steps += growing.end()
    return until_end(steps), growing


def shown(events: tuple[WireEvent, ...]) -> list[bytes | Wait | Close]:
    """What a reader gets: bytes that nothing separates are one."""
    out: list[bytes | Wait | Close] = []
    for event in events:
        if isinstance(event, Write) and out and isinstance(out[-1], bytes):
            out[-1] += event.data
        elif isinstance(event, Write):
            out.append(event.data)
        elif event != Wait(0.0):
            out.append(event)
    return out


def faults_of(documents: list[Document]) -> tuple[AnyFault, ...] | None:
    """The faults of a profile; None where it is refused."""
    try:
        made = load(json.dumps({"mockllm": 1, "faults": documents}), name="p").profile
    except ProfileError:
        return None
    return made.all_routes[0].faults


@given(FAULTS, st.sampled_from(SCRIPTS), OCCASIONS)
def test_growing_is_whole(
    documents: list[Document], events: tuple[Message, ...], occasion: Occasion
) -> None:
    """Whatever the faults."""
    faults = faults_of(documents)
    if faults is None or any(getattr(verb, "announce", False) for f in faults for verb in f.verbs):
        return
    made = apply(events, faults, lambda index: occasion, FakeExchange())
    whole = until_end(made.sequence)
    steps, growing = grown(events, faults, occasion)
    assert [(s.event, s.faults) for s in steps] == [(s.event, s.faults) for s in whole]
    acted = frozenset(index for step in (*steps, *growing.idle) for index in step.faults)
    reports = growing.reports(acted, over=True)
    assert [one.skipped is None for one in reports] == [one.skipped is None for one in made.reports]
    assert shown(lower(steps, date="now").events) == shown(lower(whole, date="now").events)


@pytest.mark.parametrize(
    "held",
    [
        {"edit": "drop", "at": "frame 2..finish"},
        {"send": {"comment": "x"}, "at": "after content 1..usage"},
    ],
)
def test_too_much_to_hold_back(held: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault for which too much would be held back does not act; the others do."""
    monkeypatch.setattr(live, "MAX_HELD", 200)
    faults = (fault(**held), fault(edit="drop", at="content 40"))
    growing = Growing(faults, lambda index: Occasion(), FakeExchange())
    steps = growing.begin()
    for event in script(50):
        steps += growing.feed([event], 0.0)
    steps += growing.end()
    reports = growing.reports(frozenset(i for s in steps for i in s.faults), over=True)
    assert [report.skipped for report in reports] == [live.TOO_MUCH, None]
    assert [s.event for s in steps if s.event is not None] == [
        event for event in script(50) if event != content(40)
    ]
