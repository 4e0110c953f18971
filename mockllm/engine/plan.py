"""The plan of one call: what will be sent, when, and which faults act.

A pure function of the call, the profile and the visit. The server plays what it returns and
`mockllm plan` prints it; they cannot differ.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from random import Random

from mockllm.engine import dice
from mockllm.engine.account_words import Headers, with_headers
from mockllm.engine.exchange import Here, WireExchange
from mockllm.engine.replaying import as_it_came, exactly, numbered
from mockllm.engine.select import PREFIX
from mockllm.engine.upload import Stage, stages
from mockllm.faults.apply import Applied, Report, apply
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.often import By, Occasion, Tally
from mockllm.faults.reply import ReplyFault
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile, Route
from mockllm.scripts.script import Script, Unanswered
from mockllm.timeline.events import Close, End, Frame, Head, Message, Wait, WireEvent
from mockllm.timeline.framing import Lowered, lower
from mockllm.timeline.pacing import Pace, pace
from mockllm.timeline.slots import Step, until_end
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.heads import with_connection
from mockllm.wires.identity import Identity
from mockllm.wires.wire import IDLE, NOTHING, Busy, Effect, Refused, Setting, Store, Wire


@valueclass(frozen=True, slots=True)
class Conditions:
    """How a server plays: the same for all of its calls."""

    seed: int | None = None
    """Where chance begins; None: where the profile says, else at 0."""
    speed: float = 1.0
    """Divides waits, pacing and windows; header values stay. Profiles that are not scalable play
    as if it were 1."""
    paced: bool = True
    """Whether a healthy server takes its time; faults always do."""


@valueclass(frozen=True, slots=True)
class Visit:
    """When a call came: what counters and the clock say of it."""

    ordinal: int = 1
    """The how manieth call of its session at the route."""
    attempt: str = ".1"
    elapsed: float = 0.0
    tallies: Mapping[By, Tally] = field(default_factory=dict, compare=False)
    """What was counted in each scope that the route's faults ask for."""
    ticket: int = field(default=0, compare=False)
    """Under which the counters know the attempt, for its end; 0 where nothing was counted."""
    number: int = field(default=0, compare=False)
    """Which attempt of its logical call it is; 0 where nothing was counted."""
    first: int = field(default=0, compare=False)
    """The journal's number of that call's first attempt; 0 where this is it."""


@valueclass(frozen=True, slots=True)
class Miss:
    """A route that was not taken, and every reason."""

    route: str
    reasons: tuple[str, ...]


UNUSED = Random(0)
"""What times without jitter get: nothing is drawn, and seeding takes as long as ten frames."""
HEALTHY = Route()
"""What a call gets that no route matches."""


@valueclass(frozen=True, slots=True)
class Found:
    """The route of a call; None for the healthy default."""

    route: Route | None
    index: int
    misses: tuple[Miss, ...]

    @property
    def name(self) -> str:
        """The route's name."""
        return (self.route.name or "") if self.route else "no route"

    @property
    def nearest(self) -> list[Miss]:
        """The routes that were not taken, those with the fewest reasons against them first."""
        return sorted(self.misses, key=lambda miss: len(miss.reasons))


@valueclass(frozen=True, slots=True)
class Plan:
    """What will be sent to one call."""

    call: Call
    profile: str
    found: Found
    visit: Visit
    refused: str | None
    """Why the answer is a refusal of the request; None if the request is in order."""
    steps: tuple[Step, ...]
    """What will be played, up to the first end, in the script's own time."""
    reports: tuple[Report, ...]
    lowered: Lowered
    """What the socket does, in the server's time."""
    speed: float
    before: frozenset[int] = frozenset()
    """The faults that acted while the request's body arrived."""
    idle: tuple[WireEvent, ...] = ()
    """What happens on the kept connection after the exchange, in the server's time."""
    idle_faults: frozenset[int] = frozenset()
    """The faults that made it so."""
    next_byte: bool = False
    """Whether that waits for the first byte of the next request."""
    script: Script | None = None
    """What a healthy server would have said; None where the request is refused."""
    wire: Wire | None = None
    effects: tuple[Effect, ...] = ()
    """What the call leaves behind for later ones, if it is carried out."""

    @property
    def head(self) -> Head | None:
        """The response head, if one is sent."""
        return next((s.event for s in self.steps if isinstance(s.event, Head)), None)

    @property
    def carried_out(self) -> bool:
        """Whether a real server would have carried the request out, and billed it: it was in order,
        and no other answer stood in the place of its own. What became of the answer does not count."""
        head = next((step for step in self.steps if isinstance(step.event, Head)), None)
        if self.refused is not None or head is None:
            return self.refused is None
        faults = self.found.route.faults if self.found.route else ()
        verbs = (verb for index in head.faults for verb in faults[index].verbs)
        return not any(isinstance(verb, ReplyFault) for verb in verbs)

    @property
    def whole(self) -> bool:
        """Whether the answer comes to its own end: no fault that did not begin it has cut it."""
        head = next((step for step in self.steps if isinstance(step.event, Head)), None)
        end = self.steps[-1] if self.steps else None
        if head is None or end is None or not isinstance(end.event, End):
            return False
        return set(end.faults) <= set(head.faults)


def find_route(call: Call, profile: Profile) -> Found:
    """The first route that matches, and why those before it do not.

    A path that no wire serves reaches only routes that name a path: a client with a wrong base URL
    must see the 404 that tells it so, not the faults of a profile that it never reaches.
    """
    misses: list[Miss] = []
    for index, route in enumerate(profile.all_routes):
        reasons = route.match.why_not(call)
        known = call.wire is not None or "path" in route.match.model_fields_set
        if not known and not route.script.claims(call.method, call.path):
            reasons = ("no API is served on the path", *reasons)
        if not reasons:
            return Found(route, index, tuple(misses))
        misses.append(Miss(route.name or "", reasons))
    return Found(None, -1, tuple(misses))


def make_plan(
    call: Call,
    found: Found,
    visit: Visit,
    *,
    name: str,
    profile: Profile,
    wire: Wire | None,
    refusal: Refused | None,
    conditions: Conditions,
    here: Here,
    store: Store = NOTHING,
    headers: Headers = (),
    busy: Busy = IDLE,
) -> Plan:
    """Script, wire, pacing, faults and framing, in this order.

    `refusal` is why the request cannot be served at all; `store` is what earlier calls have left;
    `headers` are those that the account says on every answer; `busy` is what else is going on.
    """
    conditions = fitting(conditions, profile)
    call = numbered(call, (found.route or HEALTHY).script, visit.tallies, visit.ordinal)
    exchange = exchange_of(call, found, visit, name, profile, wire, conditions, here, store)
    if busy is not IDLE:
        exchange = replace(exchange, setting=replace(exchange.setting, busy=busy))
    who = exchange.who
    script, refused, said, effects = base(
        call, found, exchange, profile, refusal, inflight_of(visit)
    )
    recorded = said.recorded if said is not None else None
    own_time = recorded is not None and recorded.timing == "recorded"
    if recorded is not None and own_time:
        script = recorded.playable.messages(paced=conditions.paced)
    if headers:
        script = tuple(with_headers(e, headers) if isinstance(e, Head) else e for e in script)
    if conditions.paced and not own_time and (refusal is None or recorded is not None):
        timing = timing_of(found.route or HEALTHY, script, inflight_of(visit))
        random = dice.random(*who, "pacing") if timing.jitter else UNUSED
        script = pace(script, timing, random)
    faults = found.route.faults if found.route else ()
    applied = (
        apply(script, faults, occasions(found, visit, conditions, who), exchange)
        if faults
        else Applied(tuple(Step(event) for event in script), ())
    )
    sequence = fitted(applied.sequence, call)
    lowered = lower(sequence, date=here.date, body_allowed=call.method != "HEAD")
    if recorded is not None and not headers and as_it_came(recorded, sequence, call):
        lowered = exactly(recorded.playable, sequence, call, paced=conditions.paced)
    return Plan(
        call,
        name,
        found,
        visit,
        refused.why if refused else None,
        until_end(sequence),
        applied.reports,
        hastened(lowered, conditions.speed),
        conditions.speed,
        frozenset(),
        tuple(hasten(wire_event(step), conditions.speed) for step in applied.idle),
        frozenset(index for step in applied.idle for index in step.faults),
        applied.next_byte,
        said,
        wire,
        effects,
    )


def exchange_of(
    call: Call,
    found: Found,
    visit: Visit,
    name: str,
    profile: Profile,
    wire: Wire | None,
    conditions: Conditions,
    here: Here,
    store: Store = NOTHING,
) -> WireExchange:
    """The exchange of a call; `who` in it is what all of its draws derive from."""
    who = (conditions.seed, name, found.name, call.fingerprint, call.session, visit.attempt)
    ready = visit.elapsed * conditions.speed >= profile.loading
    setting = setting_of(call, profile, wire, Identity(dice.key(*who)), store)
    return WireExchange(call, wire, replace(setting, ready=ready), here, who)


def setting_of(
    call: Call, profile: Profile, wire: Wire | None, identity: Identity, store: Store
) -> Setting:
    """What the answer to a call depends on, with a server that is ready."""
    dialect = profile.dialect or (wire.dialect_of(call) if wire else Wire.dialect)
    context = profile.account.context if profile.account is not None else None
    return Setting(identity, profile.models, DIALECTS[dialect], store, context=context)


def fitting(conditions: Conditions, profile: Profile) -> Conditions:
    """The conditions under which a profile plays.

    The seed is what the server was told, else the profile's, else 0; a profile that is not scalable
    takes its own time.
    """
    seeds = (conditions.seed, profile.seed, 0)
    seed = next(seed for seed in seeds if seed is not None)
    return replace(conditions, seed=seed, speed=conditions.speed if profile.scalable else 1.0)


def upload_plans(
    call: Call,
    found: Found,
    visit: Visit,
    *,
    name: str,
    profile: Profile,
    wire: Wire | None,
    conditions: Conditions,
    here: Here,
) -> tuple[tuple[Stage, Plan], ...]:
    """What happens while the body of a request arrives, of which only the head is known."""
    conditions = fitting(conditions, profile)
    exchange = exchange_of(call, found, visit, name, profile, wire, conditions, here)
    chances = occasions(found, visit, conditions, exchange.who)
    faults = found.route.faults if found.route else ()
    made = []
    for stage in stages(faults, chances, exchange):
        lowered = hastened(lower(stage.steps, date=here.date), conditions.speed)
        match lowered.events:
            # With unread input a close would be a reset; the handler closes when it has read on.
            case (*_, Close(how="fin")):
                lowered = Lowered(lowered.events[:-1], lowered.origin[:-1])
        made.append(
            (
                stage,
                Plan(
                    call,
                    name,
                    found,
                    visit,
                    None,
                    stage.steps,
                    stage.reports,
                    lowered,
                    conditions.speed,
                ),
            )
        )
    return tuple(made)


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
        made = source.script(call, dice.random(*exchange.who, "script"))
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
        refused = error.with_traceback(None)  # whose frames hold it
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
        near = found.nearest[:3]
        text = "; ".join(f"{miss.route}: {', '.join(miss.reasons)}" for miss in near)
        raise Refused(
            ErrorSpec(
                status=404,
                message=f"no route of the profile matches ({text or 'it has none'})",
                error_type="invalid_request_error",
                code="no_route",
            )
        )


def occasions(
    found: Found, visit: Visit, conditions: Conditions, who: tuple[object, ...]
) -> Callable[[int], Occasion]:
    """Count, time and draw for each fault of the route."""

    faults = found.route.faults if found.route else ()

    def occasion(index: int) -> Occasion:
        tally = visit.tallies.get(faults[index].by, Tally(visit.ordinal))
        return Occasion(
            tally.ordinal,
            visit.elapsed * conditions.speed,
            dice.draw(*who, "fault", index),
            hastened_tally(tally, conditions.speed),
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


def hastened(lowered: Lowered, speed: float) -> Lowered:
    """The same timeline with its waits divided."""
    if speed == 1.0:
        return lowered
    return Lowered(tuple(hasten(event, speed) for event in lowered.events), lowered.origin)


def wire_event(step: Step) -> WireEvent:
    """An event of an idle connection: a wait or a close, which are the same on both levels."""
    assert isinstance(step.event, Wait | Close), "only wait and close act on an idle connection"
    return step.event


def hasten(event: WireEvent, speed: float) -> WireEvent:
    """A wait, and its heartbeat, divided."""
    if not isinstance(event, Wait):
        return event
    beat = replace(event.beat, every=event.beat.every / speed) if event.beat else None
    return replace(event, seconds=event.seconds / speed, beat=beat)
