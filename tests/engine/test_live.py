"""Faults on live traffic: the plan that grows with an upstream's bytes is the plan of a server."""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockllm.cassettes.cassette import Ending
from mockllm.engine import endpoints
from mockllm.engine.case import Case
from mockllm.engine.engine import Engine
from mockllm.engine.live import Live
from mockllm.engine.making import make_plan
from mockllm.engine.plan import Conditions, Plan, Visit, fitting
from mockllm.engine.routes import Found
from mockllm.profile.library import Library
from mockllm.profile.problems import ProfileError
from mockllm.timeline.events import Wait, WireEvent, Write
from tests.engine.build import HERE, acts, ask, engine, written
from tests.profile.generated import FAULTS, Document

KINDS: list[dict[str, Any]] = [
    {"stream": True},
    {"stream": True, "stream_options": {"include_usage": True}},
    {"stream": False},
    {"stream": True, "tools": [{"type": "function", "function": {"name": "get_weather"}}]},
    {"messages": []},
]
"""Requests: streams, a document, tool calls, a refusal."""


def live(to: Engine, **data: Any) -> Live:
    """The request of `ask`, to an upstream."""
    messages = [{"role": "user", "content": "Hi"}]
    body = json.dumps({"model": "gpt-4o", "messages": messages, **data}).encode()
    call, name = to.read("POST", "/v1/chat/completions", (), body)
    made = to.live(call, name, HERE)
    assert isinstance(made, Live)
    return made


def passed(on: Live, data: bytes, cuts: list[int], ending: Ending = "complete") -> list[WireEvent]:
    """What is played when an upstream says so many bytes, in so many reads, and ends."""
    events = [*on.begin()]
    bounds = [0, *sorted(cut for cut in cuts if 0 < cut < len(data)), len(data)]
    for start, stop in pairwise(bounds):
        if not on.over:
            events += on.feed(data[start:stop], 0.0)
    if not on.over:
        events += on.end(ending, 0.0)
    return events


def shown(events: list[WireEvent]) -> list[bytes | WireEvent]:
    """What a reader gets: bytes that nothing separates are one, and no time is no wait."""
    out: list[bytes | WireEvent] = []
    for event in events:
        if not isinstance(event, Write):
            out += [event] if event != Wait(0.0) else []
        elif out and isinstance(out[-1], bytes):
            out[-1] += event.data
        elif event.data:
            out.append(event.data)
    return out


def served(text: str, **data: Any) -> Plan:
    """What a server with a profile does."""
    return ask(engine(text), **data)


@given(FAULTS, st.sampled_from(KINDS), st.sampled_from(("text60", "tools2", "cjk60")), st.data())
def test_before_a_healthy_server_it_is_a_server_with_faults(
    faults: list[Document], kind: dict[str, Any], script: str, data: st.DataObject
) -> None:
    """The same bytes, ending and reports, however the upstream's bytes are torn."""
    healthy = f"script: {script}\n"
    text = f"{healthy}faults: {json.dumps(faults)}\n"
    try:
        server, before = engine(text), engine(text)
    except ProfileError:
        return
    verbs = [v for f in server.profile.profile.all_routes[0].faults for v in f.verbs]
    if any(getattr(verb, "announce", False) for verb in verbs):
        return  # a head cannot know
    bytes_of = written(served(healthy, **kind))
    cuts = data.draw(st.lists(st.integers(1, len(bytes_of)), max_size=6))
    on = live(before, **kind)
    events = passed(on, bytes_of, cuts)
    whole = ask(server, **kind)
    assert shown(events) == shown(list(whole.lowered.events))
    assert acts(on.plan()) == acts(whole)


def test_the_journal_has_the_pace_of_the_upstream() -> None:
    """Its times stand in the plan as waits, and a fault's beside them; a player waits for the fault
    alone, because what has come is behind it."""
    text = "script: text60\n"
    data = written(served(text, stream=True))
    for faults, own in (("", 0.0), ("faults: [{wait: 2s, at: after content 3}]\n", 2.0)):
        on = live(engine(text + faults), stream=True)
        events = [*on.begin(), *on.feed(data[:3000], 0.5), *on.feed(data[3000:], 1.25)]
        events += on.end("complete", 4.0)
        plan = on.plan()
        assert len(events) == len(plan.lowered.events) == len(plan.lowered.origin)
        assert sum(e.seconds for e in events if isinstance(e, Wait)) == own
        assert sum(e.seconds for e in plan.lowered.events if isinstance(e, Wait)) == 4.0
        assert b"".join(e.data for e in events if isinstance(e, Write)) == data


NAMES = sorted(Library().paths)


@pytest.mark.parametrize("name", NAMES)
def test_every_profile_of_the_library(name: str) -> None:
    """Its faults before its own healthy server are its faults in it, on each of its routes."""
    loaded = Library().find(name)
    compared, conditions = 0, fitting(Conditions(paced=False), loaded.profile)
    for (index, route), kind in product(enumerate(loaded.profile.all_routes), KINDS[::2]):
        faults = tuple(f for f in route.faults if not getattr(f, "announce", False))
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], **kind}
        made = Engine(Library(), loaded, conditions=conditions, now=lambda: 0.0)
        call, _ = made.read("POST", "/v1/chat/completions", (), json.dumps(body).encode())
        wire, call = endpoints.served(call, loaded.profile.dialect)
        given = (name, loaded.profile, wire, conditions, HERE)
        assert wire is not None
        healthy, whole = (
            make_plan(
                Case(call, Found(route.model_copy(update={"faults": some}), index), Visit(), *given)
            )
            for some in ((), faults)
        )
        on = Live(Case(call, whole.found, Visit(), *given))
        events = passed(on, written(healthy), [700, 1500])
        assert shown(events) == shown(list(whole.lowered.events))
        assert acts(on.plan()) == acts(whole)
        compared += 1
    assert compared
