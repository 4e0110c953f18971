"""Answers to requests that come again in the same words: stamped where that gives the same.

What makes two answers alike but for their names is the request itself, the route, which of its
faults are due, and the conditions. A stencil is kept with what is remembered of the request
(`Call.memo`), made when it comes for the second time, and compared once with an answer that was
made the long way: a server never sends what a plan would not say.
"""

from __future__ import annotations

from mockllm.engine.answer import Answer
from mockllm.engine.draft import Case, draft, occasions
from mockllm.engine.stencil import (
    UNREAD,
    Holes,
    HoleyExchange,
    HoleyHere,
    Stamped,
    Stencil,
    Unrepeatable,
)
from mockllm.faults.apply import AnyFault
from mockllm.profile.models import Profile
from mockllm.timeline.valueclass import replace, valueclass

MOST = 256 << 10
"""Bytes of an answer that is worth a stencil; longer ones take their time to send anyway."""


@valueclass(frozen=True, slots=True)
class Lesson:
    """What is known of a kind of answer."""

    profile: Profile
    """The profile, which must not go while its place in memory is a key."""
    stencil: Stencil | None = None
    hopeless: bool = False
    """Whether there will be none."""


def answer(case: Case) -> Answer | Stamped:
    """The answer to a call, whichever way is short."""
    if not is_plain(case):
        return draft(case)
    faults = case.found.route.faults if case.found.route else ()
    skipped: tuple[str | None, ...] = ()
    if faults:
        chances = occasions(case)
        skipped = tuple(fault.skipped(chances(index)) for index, fault in enumerate(faults))
        if any(why is None and depends_on_time(faults[i]) for i, why in enumerate(skipped)):
            return draft(case)
    exchange, memo = case.exchange, case.exchange.call.memo
    due = tuple(why is None for why in skipped)
    key = (id(case.profile), case.found.index, exchange.setting.ready, case.conditions, due)
    lesson = memo.get(key)
    if lesson is None or lesson.profile is not case.profile:
        memo[key] = Lesson(case.profile)
    elif lesson.stencil is not None:
        stamped: Stamped = lesson.stencil.stamp(
            exchange.setting.identity, exchange.here.date, skipped
        )
        return stamped
    elif not lesson.hopeless:
        made = draft(case)
        stencil = learned(case, made, skipped)
        memo[key] = Lesson(case.profile, stencil, hopeless=stencil is None)
        return made
    return draft(case)


def learned(case: Case, made: Answer, skipped: tuple[str | None, ...]) -> Stencil | None:
    """The stencil of an answer; None where another call's might differ in more than names."""
    if made.size > MOST:
        return None
    exchange, holes = case.exchange, Holes()
    here = HoleyHere(exchange.here.now, exchange.here.url, exchange.here.listeners, holes.date)
    setting = replace(exchange.setting, identity=holes, store=UNREAD)
    holey = HoleyExchange(exchange.call, exchange.wire, setting, here, ("holes",))
    try:
        stencil = Stencil(draft(replace(case, exchange=holey)), holes)
        stamped = stencil.stamp(exchange.setting.identity, exchange.here.date, skipped)
        return stencil if stamped.full == made else None
    except (Unrepeatable, ValueError):  # what reads a number out of a name finds none
        return None


def is_plain(case: Case) -> bool:
    """Whether the answer can depend on nothing but the request, the route and its faults."""
    route = case.route
    wire = case.exchange.wire
    return (
        wire is not None
        and not wire.tells_busy
        and case.refusal is None
        and not case.headers
        and route.pacing.load is None
        and not route.script.scopes
    )


def depends_on_time(fault: AnyFault) -> bool:
    """Whether what a fault does depends on when the call came."""
    return any(verb.anchor.point == "server" for verb in fault.verbs)
