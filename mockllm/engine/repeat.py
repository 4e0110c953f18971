"""Answers to requests that are alike: stamped where that gives the same as making them.

What makes two answers alike but for their names is the request, as far as its wire and its script
listen to it (`gist_of`), the route, which of its faults are due, and the conditions. A stencil is
made when such a request comes for the second time, and is compared once with an answer that was made
the long way: a server never sends what a plan would not say.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from hashlib import blake2b
from itertools import chain

from mockllm.engine.answer import Answer
from mockllm.engine.case import Case
from mockllm.engine.draft import draft, occasions
from mockllm.engine.plan import Conditions
from mockllm.engine.remembered import LONG
from mockllm.engine.stencil import (
    HOLES,
    Holes,
    HoleyExchange,
    HoleyHere,
    Stamped,
    Stencil,
    Watched,
)
from mockllm.faults.apply import AnyFault
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.wire import Effect, Refused, Wire

MOST = 256
"""Kinds of answers that are remembered; the one that was asked for longest ago is forgotten first."""
MOST_BYTES = 16 << 20
"""What their stencils may take in all, roughly."""
LONGEST = 256 << 10
"""Bytes of an answer that is worth a stencil; longer ones take their time to send anyway."""
OBJECT = 250
"""What a step or an event takes beside its bytes, roughly."""
GIST = "gist"
"""Under which a request remembers its gist."""


@valueclass(frozen=True, slots=True)
class Lesson:
    """What is known of a kind of answer."""

    profile: Profile
    """The profile, which must not go while its place in memory is a key."""
    conditions: Conditions
    stencil: Stencil | None = None
    hopeless: bool = False
    """Whether there will be none."""

    def holds(self, case: Case) -> bool:
        """Whether it is of this profile, under these conditions; both seldom change, so that telling
        them apart by their names in the key would cost each call more."""
        known = self.conditions is case.conditions or self.conditions == case.conditions
        return known and self.profile is case.profile

    @property
    def size(self) -> int:
        """The bytes that it takes, roughly."""
        return size_of(self.stencil.answer) if self.stencil is not None else 0


def size_of(answer: Answer) -> int:
    """The bytes that an answer takes, roughly: its own twice, in its steps and its events."""
    return 2 * answer.size + OBJECT * (len(answer.steps) + len(answer.lowered.events))


class Repeats:
    """The stencils of a server."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._lessons: OrderedDict[Hashable, Lesson] = OrderedDict()
        self._most_bytes = most_bytes
        self.size = 0
        """The bytes that they take, roughly."""

    def __len__(self) -> int:
        """How many kinds of answers are known."""
        return len(self._lessons)

    def answer(self, case: Case) -> Answer | Stamped:
        """The answer to a call, whichever way is short."""
        wire, route = case.wire, case.route
        if wire is None or case.refusal is not None or case.headers:
            return draft(case)
        gist = gist_of(case, wire)
        if gist is None:
            return draft(case)
        faults = route.faults
        skipped: tuple[str | None, ...] = ()
        due: tuple[bool, ...] = ()
        if faults:
            chances = occasions(case)
            skipped = tuple(fault.skipped(chances(index)) for index, fault in enumerate(faults))
            due = tuple(why is None for why in skipped)
            if any(acts and depends_on_time(faults[i]) for i, acts in enumerate(due)):
                return draft(case)
        attempt = case.call.attempt
        if attempt > 1 and not route.script.listens:
            attempt = 1
        key = (gist, attempt, id(case.profile), case.found.index, case.ready, due)
        lesson = self._lessons.get(key)
        if lesson is None or not lesson.holds(case):
            self._learn(key, Lesson(case.profile, case.conditions))
            return draft(case)
        self._lessons.move_to_end(key)
        if lesson.stencil is not None and lesson.stencil.holds(case.store):
            return stamped(case, lesson.stencil, skipped)
        made = draft(case)
        if not lesson.hopeless:
            fits = made.size <= LONGEST and size_of(made) <= self._most_bytes // 4
            stencil = learned(case, made, skipped) if fits else None
            hopeless = stencil is None
            self._learn(key, Lesson(case.profile, case.conditions, stencil, hopeless=hopeless))
        return made

    def _learn(self, key: Hashable, lesson: Lesson) -> None:
        """Remember what is known."""
        known = self._lessons.pop(key, None)
        self._lessons[key] = lesson
        self.size += lesson.size - (known.size if known is not None else 0)
        while len(self._lessons) > MOST or self.size > self._most_bytes:
            self.size -= self._lessons.popitem(last=False)[1].size


def is_plain(case: Case, wire: Wire) -> bool:
    """Whether the answer to such a call can depend on nothing but its words, the route and its faults,
    unless it is refused or has an account's headers."""
    route, profile = case.route, case.profile
    unserved = profile.strict and case.found.route is None  # the answer tells why
    return (
        not wire.tells_busy
        and not (unserved and not profile.routes_by_request)
        and route.pacing.load is None
        and not route.script.scopes
    )


def depends_on_time(fault: AnyFault) -> bool:
    """Whether what a fault does depends on when the call came."""
    return any(verb.anchor.point == "server" for verb in fault.verbs)


def gist_of(case: Case, wire: Wire) -> Hashable | None:
    """What of a request its answer depends on; None where there is more, or where that is too long to
    be remembered."""
    call, profile, index = case.call, case.profile, case.found.index
    known = call.memo.get(GIST)
    if known is None or known[0] is not profile or known[1] != index or known[2] != call.model:
        made = heard_gist(case, wire) if is_plain(case, wire) else None
        known = call.memo[GIST] = (profile, index, call.model, made)
    gist: Hashable | None = known[3]
    return gist


def heard_gist(case: Case, wire: Wire) -> Hashable | None:
    """The same, worked out: all of its words, where not both its wire and its script say less."""
    call, setting = case.call, case.heard
    way = (call.method, call.path, call.keep_alive, call.http10, call.model, call.stream)
    unserved = case.profile.strict and case.found.route is None  # the answer tells why
    listens = case.route.script.listens or unserved
    said: Hashable | None = None
    if not listens:
        try:
            said = wire.gist(call, setting)
            if said is not None:
                wire.check(call, setting)
        except (Refused, RecursionError):  # or what can be read, and is too deep to be written
            said = None
    if said is None:
        words = (*way, call.query, call.headers, call.body)
        return words if words_of(call) < LONG else None
    if len(call.body) >= LONG:  # what it says may be as long
        said = blake2b(repr(said).encode("utf-8", "surrogatepass"), digest_size=32).digest()
    return (*way, wire.name, setting.dialect.name, said)


def words_of(call: Call) -> int:
    """How long its words are."""
    return len(call.body) + len(call.query) + sum(map(len, chain.from_iterable(call.headers)))


def stamped(case: Case, stencil: Stencil, skipped: tuple[str | None, ...]) -> Stamped:
    """The answer of a call, with what the call leaves behind."""
    outline, wire, effects = stencil.answer, case.wire, NO_EFFECTS
    if outline.effects and outline.script is not None and wire is not None:
        effects = wire.effects(case.call, outline.script, case.exchange.setting)
    who = case.who if stencil.jitter is not None else ()
    return Stamped(stencil, case.key, case.here.date, skipped, effects, who)


NO_EFFECTS: tuple[Effect, ...] = ()


def learned(case: Case, made: Answer, skipped: tuple[str | None, ...]) -> Stencil | None:
    """The stencil of an answer; None where another call's might differ in more than names."""
    exchange, holes = case.exchange, Holes()
    here = HoleyHere(exchange.here.now, exchange.here.url, exchange.here.listeners, holes.date)
    store = Watched(exchange.setting.store)
    setting = replace(exchange.setting, identity=holes, store=store)
    # A fault that acts may do so at a time, so that other waits make another answer.
    timing = case.route.pacing.pace if all(skipped) else None
    jitters = timing is not None and timing.jitter > 0 and case.conditions.paced
    holey = HoleyExchange(exchange.call, exchange.wire, setting, here, HOLES, jitters)
    try:
        drawn = draft(replace(case, made=holey))
        stencil = Stencil(drawn, holes, store.absent, timing if jitters else None)
        return stencil if stamped(case, stencil, skipped).full == made else None
    except Exception:  # `Unrepeatable`, or whatever else a mark in the place of a name leads to
        return None
