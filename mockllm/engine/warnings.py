"""What in a profile can never act: the faults and routes that `mockllm check` warns of.

Nothing is proved here: requests of many kinds are planned, as a server would plan them, and a fault
that acts in none of the plans is named. Where no request can be made up (a route for wires that
refuse all that were tried, a path of the profile's own) nothing is said. Requests for several choices
(`n`) are not tried: an anchor that only the frames of a second choice reach is hardly meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from mockllm.engine.case import Case
from mockllm.engine.endpoints import served, wires
from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.gate import profile_of
from mockllm.engine.making import make_plan
from mockllm.engine.plan import Conditions, Plan, Visit, fitting
from mockllm.engine.routes import Found
from mockllm.faults.apply import ENDED, AnyFault
from mockllm.faults.often import Occasion, Often
from mockllm.matchers.call import Call
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Listener, Profile, Route, is_gate
from mockllm.profile.nodes import Key
from mockllm.profile.problems import Problem
from mockllm.scripts.replay import ReplaySource
from mockllm.wires.wire import HOLE

COUNTED = ("first", "nth", "every", "skip", "during")
"""The frequencies that the number and the time of a call decide."""
ELSEWHERE = ("connect", "tls", "upload", "server")
"""Points that no plan of one request shows."""
HERE = ("wire", "method", "path", "stream")
"""Conditions that a made-up request can meet; all others are taken to hold."""
MANY_CALLS = 100
MANY_SETS = 64
"""More ways in which faults come together are not tried, and nothing is said."""
TEXT = " ".join(f"word{number}" for number in range(300))
"""A long text of the user, for scripts that repeat it."""


def warnings(loaded: Loaded) -> list[Problem]:
    """Everything in a profile that can never act, with its place."""
    found = [*of_routes(loaded, loaded, ())]
    for index, listener in enumerate(loaded.profile.listeners):
        found += of_routes(loaded, profile_of(loaded, listener), ("listeners", index))
    return sorted(found)


def of_routes(whole: Loaded, loaded: Loaded, before: tuple[Key, ...]) -> Iterator[Problem]:
    """What never acts in the routes of a profile or a listener."""
    routes = loaded.profile.all_routes
    source = whole.profile.listeners[int(before[1])] if before else whole.profile
    for index, route in enumerate(routes):
        place: tuple[Key, ...] = before if source.routes is None else (*before, "routes", index)
        ahead = next((one for one in routes[:index] if takes_all(one, route)), None)
        if ahead is not None:
            why = f"never reached: the route '{ahead.name}' before it takes every such call"
            yield warning(whole, place, why)
            continue
        numbers = [i for i, fault in enumerate(written(source, index)) if not is_gate(fault)]
        for number, why in never(loaded, route, index):
            yield warning(whole, (*place, "faults", numbers[number]), f"never acts: {why}")


def written(source: Profile | Listener, index: int) -> tuple[AnyFault, ...]:
    """The faults of a route as they stand in the file."""
    return (source.faults if source.routes is None else source.routes[index].faults) or ()


def warning(loaded: Loaded, place: tuple[Key, ...], why: str) -> Problem:
    """A warning at its place."""
    assert loaded.places is not None, "only what was read from a text can be checked"
    return loaded.places.problem(place, f"warning: {why}")


def takes_all(ahead: Route, route: Route) -> bool:
    """Whether a route takes every call that one behind it would.

    A path that no wire serves reaches only routes that name a path.
    """
    wanted = set(route.match.matchers)
    if set(ahead.match.matchers) - wanted:
        return False
    return has_path(ahead) or not has_path(route)


def has_path(route: Route) -> bool:
    """Whether a route names a path."""
    return any(matcher.key == "path" for matcher in route.match.matchers)


# Faults


@dataclass(frozen=True, slots=True)
class Trial:
    """A request that is planned."""

    call: Call
    plain: bool
    """Whether it is the simplest of its endpoint, and is answered there."""


def never(loaded: Loaded, route: Route, index: int) -> Iterator[tuple[int, str]]:
    """The faults of a route that act in no plan, and why."""
    script = route.script
    tried = recorded(loaded, script) if isinstance(script, ReplaySource) else requests(loaded)
    trials = [one for one in tried if fits(one.call, route)]
    if not any(trial.plain for trial in trials):
        return
    for number, fault in enumerate(route.faults):
        if fault.anchor.point in ELSEWHERE:
            continue
        together = list(islice(sets(route.faults, number), MANY_SETS + 1))
        if not together:
            yield number, "how often it may act leaves no call"
        elif len(together) <= MANY_SETS:
            why = silent(loaded, route, index, number, together, trials)
            if why is not None:
                yield number, why


def silent(
    loaded: Loaded,
    route: Route,
    index: int,
    number: int,
    together: list[tuple[int, ...]],
    trials: list[Trial],
) -> str | None:
    """Why a fault acts in no plan; None if it acts in one."""
    reasons: dict[bool, str] = {}
    ended = False
    for acting, trial in product(together, trials):
        plan = plan_of(loaded, route, index, acting, trial.call)
        why = plan.reports[acting.index(number)].skipped
        if why is None:
            return None
        ended = ended or why == ENDED
        if trial.plain:
            reasons.setdefault(trial.call.stream, why)
    if ended:
        return ENDED
    streamed, whole = reasons.get(True), reasons.get(False)
    if streamed is None or whole is None or streamed == whole:
        return streamed or whole or "no request that was tried makes it act"
    return f"in a stream {streamed}, otherwise {whole}"


def sets(faults: tuple[AnyFault, ...], number: int) -> Iterator[tuple[int, ...]]:
    """The faults that may act together with this one, in every way that is possible; each once."""
    known: set[tuple[int, ...]] = set()
    for ordinal, elapsed in product(ordinals(faults), times(faults)):
        if not own(faults[number], ordinal, elapsed):
            continue
        sure = {
            i
            for i, fault in enumerate(faults)
            if not by_itself(fault) and may_act(fault, ordinal, elapsed)
        }
        perhaps = {i for i, fault in enumerate(faults) if by_itself(fault) and fault.chance != 0}
        for others in (sure, sure | perhaps):
            acting = tuple(sorted(others | {number}))
            if acting not in known:
                known.add(acting)
                yield acting


def by_itself(fault: AnyFault) -> bool:
    """Whether something else than the number and the time of a call decides if a fault acts."""
    return bool(fault.model_fields_set & (set(Often.model_fields) - set(COUNTED)))


def own(fault: AnyFault, ordinal: int, elapsed: float) -> bool:
    """Whether a fault can act on a call of this number of its session, at this time.

    In another scope the number is another one, and may be any.
    """
    numbers = [ordinal] if fault.by == "session" else ordinals((fault,))
    return fault.chance != 0 and any(may_act(fault, number, elapsed) for number in numbers)


def may_act(fault: AnyFault, ordinal: int, elapsed: float) -> bool:
    """Whether the frequencies that are counted let a fault act on this call."""
    return counted(fault).skipped(Occasion(ordinal, elapsed)) is None


def counted(fault: AnyFault) -> AnyFault:
    """The fault with nothing but the frequencies that are counted."""
    return cleared(fault, set(Often.model_fields) - set(COUNTED))


def cleared(fault: AnyFault, keys: Iterable[str]) -> AnyFault:
    """The fault without some of its frequencies."""
    return fault.model_copy(update={key: Often.model_fields[key].default for key in keys})


def ordinals(faults: tuple[AnyFault, ...]) -> list[int]:
    """Numbers of calls that tell the faults' frequencies apart."""
    numbers = {*range(1, MANY_CALLS)}
    for fault in faults:
        given = [fault.first, *(fault.nth or ()), fault.every, fault.skip]
        step = fault.every or 1
        for one in given:
            if one is not None:
                base = one - one % step
                numbers |= {one, one + 1, base, base + step}
    return sorted(number for number in numbers if number > 0)


def times(faults: tuple[AnyFault, ...]) -> list[float]:
    """Times that tell the faults' windows apart."""
    return sorted({0.0, *(edge for fault in faults for edge in fault.during or ())})


# Requests

NEEDED: tuple[dict[str, Any], ...] = ({}, {"input": TEXT}, {"max_tokens": 100_000})
"""What some wires refuse to do without, and others do not know; the first that is taken is used."""


def requests(loaded: Loaded) -> Iterator[Trial]:
    """Requests to every wire that the profile's dialect has, of every kind that changes what an
    answer has."""
    model = loaded.profile.models[0]
    for wire in wires():
        for method, template in wire.endpoints:
            path = HOLE.sub(lambda _: model, template)
            tried: list[Trial] = []
            for beside in NEEDED if method == "POST" else NEEDED[:1]:
                tried = trials(loaded, method, path, beside)
                if not tried or tried[0].plain:
                    break
            yield from tried


def recorded(loaded: Loaded, script: ReplaySource) -> Iterator[Trial]:
    """The requests of a cassette, which alone are answered from it."""
    engine = Engine(Library(), loaded, conditions=Conditions(), now=lambda: 0.0)
    for exchange in script.replay.cassette:
        asked = exchange.request
        call, _ = engine.read(asked.method, asked.target, asked.headers, asked.body)
        yield Trial(call, plain=True)


def trials(loaded: Loaded, method: str, path: str, beside: dict[str, Any]) -> list[Trial]:
    """Requests of every kind to one endpoint, with something beside what they all say."""
    found: list[Trial] = []
    engine = Engine(Library(), loaded, conditions=Conditions(), now=lambda: 0.0)
    bare = Route()
    kinds = bodies(loaded.profile.models[0]) if method == "POST" else (None,)
    for number, body in enumerate(kinds):
        data = b"" if body is None else json.dumps(beside | body).encode()
        call, _ = engine.read(method, path, (), data)
        wire, call = served(call, loaded.profile.dialect, loaded.profile.sinks)
        if wire is None:
            continue
        plain = number < 2 and plan_of(loaded, bare, 0, (), call).refused is None
        found.append(Trial(call, plain))
    return found


def bodies(model: str) -> Iterator[dict[str, Any]]:
    """Bodies of requests, the plain ones first: streamed, and not."""
    user = {"role": "user", "content": TEXT}
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}},
    }
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    turns = [part for _ in range(8) for part in (user, {"role": "assistant", "content": "Yes."})]
    kinds: tuple[dict[str, Any], ...] = (
        {},
        {"stream_options": {"include_usage": True}},
        {"tools": [tool]},
        {"tools": [tool], "tool_choice": "required"},
        {
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema},
            }
        },
        {"logprobs": True},
        *({"messages": [*turns[: 2 * number], user]} for number in (1, 2, 3, 8)),
        {"messages": []},
    )
    for kind in kinds:
        for stream in (True, False):
            yield {"model": model, "stream": stream, "messages": [user]} | kind


def fits(call: Call, route: Route) -> bool:
    """Whether a made-up request meets the conditions that it can."""
    return all(
        matcher.why_not(call) is None for matcher in route.match.matchers if matcher.key in HERE
    )


def plan_of(loaded: Loaded, route: Route, index: int, acting: tuple[int, ...], call: Call) -> Plan:
    """The plan of a request on which just these faults act."""
    faults = tuple(cleared(route.faults[number], Often.model_fields) for number in acting)
    only = route.model_copy(update={"faults": faults})
    profile = loaded.profile
    wire, _ = served(call, profile.dialect, profile.sinks)
    conditions = fitting(Conditions(), profile)
    found = Found(only, index)
    return make_plan(Case(call, found, Visit(), loaded.name, profile, wire, conditions, Here()))
