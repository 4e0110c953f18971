"""The answer to one call: script, wire, pacing, faults and framing, in this order."""

from __future__ import annotations

from collections.abc import Callable

from mockllm.engine import dice
from mockllm.engine.account_words import with_headers
from mockllm.engine.answer import Answer
from mockllm.engine.case import Case
from mockllm.engine.exchange import WireExchange
from mockllm.engine.plan import HEALTHY, Visit, hasten, hastened
from mockllm.engine.replaying import as_it_came, exactly
from mockllm.engine.routes import Found
from mockllm.engine.select import PREFIX
from mockllm.faults.apply import Applied, apply
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.often import Occasion, Tally
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile, Route
from mockllm.scripts.script import Script, Unanswered
from mockllm.timeline.events import Close, Frame, Head, Message, Wait, WireEvent
from mockllm.timeline.framing import lower
from mockllm.timeline.pacing import Pace, pace
from mockllm.timeline.slots import Step, until_end
from mockllm.timeline.valueclass import replace
from mockllm.wires.heads import with_connection
from mockllm.wires.wire import Effect, Refused


def draft(case: Case) -> Answer:
    """Make the answer."""
    exchange, found, visit, conditions = case.exchange, case.found, case.visit, case.conditions
    call = case.call
    script, refused, said, effects = base(
        call, found, exchange, case.profile, case.refusal, inflight_of(visit)
    )
    recorded = said.recorded if said is not None else None
    own_time = recorded is not None and recorded.timing == "recorded"
    if recorded is not None and own_time:
        script = recorded.playable.messages(paced=conditions.paced)
    if case.headers:
        script = tuple(with_headers(e, case.headers) if isinstance(e, Head) else e for e in script)
    if conditions.paced and not own_time and (case.refusal is None or recorded is not None):
        timing = timing_of(case.route, script, inflight_of(visit))
        script = pace(script, timing, exchange.random("pacing"))
    faults = found.route.faults if found.route else ()
    applied = (
        apply(script, faults, occasions(case), exchange)
        if faults
        else Applied(tuple(Step(event) for event in script), ())
    )
    sequence = fitted(applied.sequence, call)
    lowered = lower(sequence, date=exchange.here.date, body_allowed=call.method != "HEAD")
    if recorded is not None and not case.headers and as_it_came(recorded, sequence, call):
        lowered = exactly(recorded.playable, sequence, call, paced=conditions.paced)
    return Answer(
        refused.why if refused else None,
        until_end(sequence),
        applied.reports,
        hastened(lowered, conditions.speed),
        faults,
        tuple(hasten(wire_event(step), conditions.speed) for step in applied.idle),
        frozenset(index for step in applied.idle for index in step.faults),
        applied.next_byte,
        said,
        effects,
    )


def base(
    call: Call,
    found: Found,
    exchange: WireExchange,
    profile: Profile,
    refusal: Refused | None,
    inflight: int,
) -> tuple[tuple[Message, ...], Refused | None, Script | None, tuple[Effect, ...]]:
    """What would be sent without faults (the script's answer, or the wire's refusal), the refusal,
    the script of an answer, and what the call leaves behind."""
    source = (found.route or HEALTHY).script
    claimed = source.claims(call.method, call.path)
    try:
        wire, setting = exchange.wire, exchange.setting
        if refusal is not None and (wire is not None or not claimed):
            raise refusal
        if wire is not None and not claimed:
            if not setting.ready:
                wire.check_ready(call, setting)
            wire.check(call, setting)
        # What only asks is answered at once, as servers tell how they are under any load.
        if call.method == "POST" and found.route is not None and is_full(found.route, inflight):
            raise Refused(ErrorSpec(status=429, message=FULL, error_type="requests"))
        if profile.strict:
            check_strict(call, found, profile)
        made = source.script(call, exchange.random("script"))
        if made.recorded is not None:
            return made.recorded.playable.messages(paced=False), None, made, ()
        assert wire is not None, "a call without a wire is refused, or answered by a recording"
        made = made.limited(wire.token_limit(call))
        return wire.answer(call, made, setting), None, made, wire.effects(call, made, setting)
    except Unanswered as error:
        spec = ErrorSpec(
            status=404,
            message=str(error),
            error_type="invalid_request_error",
            code="not_recorded",
        )
        return exchange.error(spec), Refused(spec), None, ()
    except Refused as error:
        refused = error.alone
        return error.answer or exchange.error(error.spec), refused, None, ()


FULL = "The server is at its limit of requests. Please try again later."


def inflight_of(visit: Visit) -> int:
    """How many requests the route answers at a time, this one included."""
    tally = visit.tallies.get("server")
    return tally.inflight if tally else 1


def is_full(route: Route, inflight: int) -> bool:
    """Whether there is neither a slot nor a place in the queue."""
    return route.pacing.load is not None and route.pacing.load.load.full(inflight)


def timing_of(route: Route, script: tuple[Message, ...], inflight: int) -> Pace:
    """The route's timing, under its load."""
    timing = route.pacing.pace
    if route.pacing.load is None:
        return timing
    pieces = sum(event.tokens for event in script if isinstance(event, Frame))
    return timing.under(route.pacing.load.load, inflight, pieces)


def check_strict(call: Call, found: Found, profile: Profile) -> None:
    """In a strict profile a call needs a route and a known model; raises `Refused`."""
    named = call.model is not None and call.model.startswith(PREFIX)  # it chose the profile
    if call.model is not None and not named and call.model not in profile.models:
        raise Refused(ErrorSpec(status=404, param=None))
    if found.route is None:
        near = found.nearest(call)[:3]
        text = "; ".join(f"{miss.route}: {', '.join(miss.reasons)}" for miss in near)
        raise Refused(
            ErrorSpec(
                status=404,
                message=f"no route of the profile matches ({text or 'it has none'})",
                error_type="invalid_request_error",
                code="no_route",
            )
        )


def occasions(case: Case) -> Callable[[int], Occasion]:
    """Count, time and draw for each fault of the route."""
    visit, speed = case.visit, case.conditions.speed
    faults = case.found.route.faults if case.found.route else ()

    def occasion(index: int) -> Occasion:
        fault = faults[index]
        tally = visit.tallies.get(fault.by, Tally(visit.ordinal))
        return Occasion(
            tally.ordinal,
            visit.elapsed * speed,
            0.0 if fault.chance is None else dice.draw(*case.who, "fault", index),
            hastened_tally(tally, speed),
        )

    return occasion


def hastened_tally(tally: Tally, speed: float) -> Tally:
    """Ages in the script's own time, which goes `speed` times as fast."""
    if speed == 1.0:
        return tally
    return replace(
        tally,
        arrivals=tuple(age * speed for age in tally.arrivals),
        tokens=tuple((age * speed, count) for age, count in tally.tokens),
    )


def fitted(sequence: tuple[Step, ...], call: Call) -> tuple[Step, ...]:
    """A head that fits the client: HTTP/1.0 knows no chunks, and `close` is answered with it."""
    if call.keep_alive and not call.http10:
        return sequence
    drop = {"transfer-encoding"} if call.http10 else set()

    def fit(head: Head) -> Head:
        headers = tuple(pair for pair in head.headers if pair[0].lower() not in drop)
        return replace(head, headers=with_connection(headers, closes=True))

    return tuple(
        replace(step, event=fit(step.event)) if isinstance(step.event, Head) else step
        for step in sequence
    )


def wire_event(step: Step) -> WireEvent:
    """An event of an idle connection: a wait or a close, which are the same on both levels."""
    assert isinstance(step.event, Wait | Close), "only wait and close act on an idle connection"
    return step.event
