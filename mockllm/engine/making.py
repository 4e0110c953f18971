"""The plan of one call, from all that it depends on.

A pure function of the call, the profile and the visit. The server plays what it returns and
`mockllm plan` prints it; they cannot differ.
"""

from __future__ import annotations

from functools import lru_cache

from mockllm.engine import dice
from mockllm.engine.account_words import Headers
from mockllm.engine.answer import Answer
from mockllm.engine.draft import Case, draft, occasions
from mockllm.engine.exchange import Here, WireExchange
from mockllm.engine.plan import HEALTHY, Conditions, Plan, Visit, fitting, hastened
from mockllm.engine.repeat import Repeats
from mockllm.engine.replaying import numbered
from mockllm.engine.routes import Found
from mockllm.engine.upload import Stage, stages
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile
from mockllm.timeline.events import Close
from mockllm.timeline.framing import Lowered, lower
from mockllm.timeline.valueclass import replace
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.wire import IDLE, NOTHING, Busy, Refused, Setting, Store, Wire


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
    repeats: Repeats | None = None,
) -> Plan:
    """Script, wire, pacing, faults and framing, in this order.

    `conditions` are those that fit the profile; `refusal` is why the request cannot be served at all;
    `store` is what earlier calls have left;
    `headers` are those that the account says on every answer; `busy` is what else is going on;
    `repeats` shortens the way where requests are alike, and changes nothing.
    """
    call = numbered(call, (found.route or HEALTHY).script, visit.tallies, visit.ordinal)
    exchange = exchange_of(call, found, visit, name, profile, wire, conditions, here, store)
    if busy is not IDLE:
        exchange = replace(exchange, setting=replace(exchange.setting, busy=busy))
    case = Case(exchange, found, visit, profile, conditions, exchange.who, refusal, headers)
    answer = draft(case) if repeats is None else repeats.answer(case)
    return Plan(call, name, found, visit, answer, conditions.speed, wire)


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
    same = (conditions.seed, name, found.name, call.fingerprint, call.session)
    known, before = call.memo.get(NAMED, (None, ""))
    if known != same:
        before = f"{place_of(*same[:3])}/{dice.key(*same[3:])}"
        call.memo[NAMED] = (same, before)
    ready = visit.elapsed * conditions.speed >= profile.loading
    identity = Identity(f"{before}/{dice.key(visit.attempt)}")
    setting = setting_of(call, profile, wire, identity, store, ready=ready)
    return WireExchange(call, wire, setting, here, (*same, visit.attempt))


@lru_cache(maxsize=64)
def place_of(seed: int | None, profile: str, route: str) -> str:
    """The names that all calls of a route have in common."""
    return dice.key(seed, profile, route)


NAMED = "key of its dice"
"""What is remembered of a request: all of its names but the attempt."""


def setting_of(
    call: Call,
    profile: Profile,
    wire: Wire | None,
    identity: Identity,
    store: Store,
    *,
    ready: bool = True,
) -> Setting:
    """What the answer to a call depends on."""
    dialect = profile.dialect or (wire.dialect_of(call) if wire else Wire.dialect)
    context = profile.account.context if profile.account is not None else None
    return Setting(identity, profile.models, DIALECTS[dialect], store, ready, context=context)


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
    chances = occasions(Case(exchange, found, visit, profile, conditions, exchange.who))
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
                    Answer(None, stage.steps, stage.reports, lowered, faults),
                    conditions.speed,
                ),
            )
        )
    return tuple(made)
