"""One server's state: its profiles, counters and journal, and the way from a request to a plan."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Mapping, Set
from functools import lru_cache
from json import JSONDecodeError
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote

from mockllm.engine.account import OPEN, Admission, Arrival, Ledger
from mockllm.engine.account_words import Headers
from mockllm.engine.case import Case, setting_of
from mockllm.engine.counters import Begun, Counters, asked_of
from mockllm.engine.demands import Demands, Unmet
from mockllm.engine.endpoints import refuse, served
from mockllm.engine.exchange import Here
from mockllm.engine.garbage import GarbageBin
from mockllm.engine.gate import Connections
from mockllm.engine.inflight import busy
from mockllm.engine.journal import Entry, Journal, Record
from mockllm.engine.lateness import Lateness
from mockllm.engine.making import make_plan, upload_plans
from mockllm.engine.plan import (
    HEALTHY,
    Conditions,
    Plan,
    Visit,
    fitting,
)
from mockllm.engine.repeat import Repeats
from mockllm.engine.routes import Found, find_route
from mockllm.engine.select import chooses_nothing, select, split_path
from mockllm.engine.spoken import Spoken
from mockllm.engine.store import Documents
from mockllm.engine.tallies import Count, Tallies, end
from mockllm.engine.totals import Totals
from mockllm.engine.upload import Stage, acts_on_upload
from mockllm.engine.way import NOWHERE, way_of
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.profile.account import Account
from mockllm.profile.adding import Said
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Profile
from mockllm.timeline.events import Frame
from mockllm.timeline.valueclass import replace
from mockllm.wires.identity import Identity
from mockllm.wires.json_errors import TOO_DEEP, as_captured
from mockllm.wires.wire import IDLE, Refused, Wire

if TYPE_CHECKING:
    from mockllm.engine.live import Live


class Engine:
    """Everything a server knows. Not safe for threads: its server's loop is the only caller.

    `now` gives seconds on the server's clock, which never goes back; a test may set it forward.
    """

    def __init__(
        self,
        library: Library,
        profile: Loaded,
        *,
        conditions: Conditions,
        now: Callable[[], float],
    ) -> None:
        self.library = library
        self.conditions = conditions
        self.journal = Journal()
        self._now = now
        self.connections = Connections()
        self.garbage = GarbageBin()
        self.listeners: dict[str, str] = {}
        self._counters = Counters()
        self._tallies = Tallies()
        self._store = Documents()
        self._ledger = Ledger()
        self._spoken = Spoken()
        self._playing: dict[int, Plan] = {}
        """The plans that are being played, by ticket, the oldest first."""
        self.lateness = Lateness()
        self.repeats: Repeats | None = Repeats()
        """What shortens the way to an answer; without it each is made anew, and is the same."""
        self._fits = (profile.profile, conditions, fitting(conditions, profile.profile))
        self.totals = Totals()
        self.demands = Demands()
        self._counted: dict[int, tuple[tuple[Count, ...], bool]] = {}
        self._loaded: dict[str, Loaded] = {profile.name: profile}
        self._lasting = profile
        self._borrowed: tuple[Loaded, float] | None = None
        self._start = self._zero = now()
        self._starts: dict[str, float] = {}
        self._ready: set[str] = set()

    # Which profile is on

    @property
    def profile(self) -> Loaded:
        """The profile of requests that choose none."""
        if self._borrowed is not None:
            profile, until = self._borrowed
            if self._now() < until:
                return profile
            self._borrowed = None
        return self._lasting

    @property
    def remaining(self) -> float | None:
        """Seconds until the profile before comes back; None where none waits."""
        self.profile  # noqa: B018  a borrowed profile whose time is over goes
        return self._borrowed[1] - self._now() if self._borrowed else None

    def names(self) -> Set[str]:
        """Every name that a request can choose: a view, because every request asks it."""
        both: ChainMap[str, object] = ChainMap(
            cast(Any, self._loaded), cast(Any, self.library.paths)
        )
        return both.keys()

    def find(self, name: str) -> Loaded:
        """A profile by name, read once; raises as `Library.find` does."""
        found = self._loaded.get(name)
        if found is None:
            found = self.library.find(name)
            self._loaded[found.name] = found
        return found

    def add(self, profile: Loaded) -> None:
        """Make a profile known, or replace the one of its name, also where it is on."""
        self._loaded[profile.name] = profile
        if self._lasting.name == profile.name:
            self._lasting = profile
        if self._borrowed is not None and self._borrowed[0].name == profile.name:
            self._borrowed = (profile, self._borrowed[1])
        self._tallies.forget(profile.name)
        self._ledger.forget(profile.name)

    def anew(self, profile: Loaded) -> None:
        """Make a profile known; its counts begin anew, and its windows with its next call. Those of
        others go on."""
        self.add(profile)
        self._starts.pop(profile.name, None)
        self._ready.add(profile.name)

    def _since(self, profile: Loaded, now: float) -> float:
        """Seconds since a profile's windows began."""
        if profile.name in self._ready:
            self._ready.discard(profile.name)
            self._starts[profile.name] = now
        return now - (self._starts.get(profile.name, self._start) if self._starts else self._start)

    def use(self, profile: Loaded, seconds: float | None = None) -> None:
        """Switch to a profile, for good or for some time; its counts and windows begin anew."""
        self._loaded[profile.name] = profile
        self._tallies.forget(profile.name)
        self._ledger.forget(profile.name)
        self._start_all()
        if seconds is None:
            self._lasting, self._borrowed = profile, None
        else:
            self._borrowed = (profile, self._now() + seconds)

    def say(self, said: tuple[Said, ...]) -> None:
        """What was said to the server holds from now on; counts and windows begin anew.

        It is added to every profile that a call meets, whichever way the call chose it.
        """
        self._spoken.say(said)
        self._tallies.clear()
        self._ledger.clear()
        self._start_all()

    def _start_all(self) -> None:
        """The windows of all profiles begin now."""
        self._start = self._now()
        self._starts.clear()
        self._ready.clear()

    @property
    def zero(self) -> float:
        """When the journal's clock began, on the server's."""
        return self._zero

    def amend(self, nothing: Said, change: Callable[[Said], Said]) -> None:
        """Change what was said about the calls of a name, which is then the newest; `nothing` has
        the name, and is what was said if nothing was."""
        known = {one.name: one for one in self.said}
        known[nothing.name] = change(known.pop(nothing.name, nothing))
        self.say(tuple(known.values()))

    @property
    def said(self) -> tuple[Said, ...]:
        """What was said, and holds."""
        return self._spoken.said

    @property
    def unmet(self) -> tuple[Unmet, ...]:
        """The faults that were asked for by name and have not acted."""
        return self.demands.unmet(self.journal.entries(), self.connections.entries())

    @property
    def unused(self) -> tuple[str, ...]:
        """The answers that were said and that no call has got, in words."""
        return self._spoken.unused(self.journal.entries())

    def reset(self) -> None:
        """Forget calls, counts and what was said; windows begin anew. The profile stays."""
        self._counters.reset()
        self._tallies.clear()
        self._ledger.clear()
        self._counted.clear()
        self._store.clear()
        self._spoken.say(())
        self.demands.clear()
        self.journal.clear()
        self.connections.clear()
        self.garbage.clear()
        self.lateness.clear()
        self.totals.clear()
        self._start_all()
        self._zero = self._start

    def restart(self, profile: Loaded) -> None:
        """Begin anew with a profile; those that were switched on before are forgotten."""
        self._loaded.clear()
        self.use(profile)
        self.reset()

    # From a request to a plan

    def read(
        self,
        method: str,
        target: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        *,
        keep_alive: bool = True,
        http10: bool = False,
    ) -> tuple[Call, str | None]:
        """A request as a call, and the profile name in its path, if there is one."""
        path, query = split_target(target)
        path_name, path = split_path(path)
        data, problem = parse(body)
        call = Call(
            method,
            path,
            query,
            headers,
            body,
            data=data,
            problem=problem,
            keep_alive=keep_alive,
            http10=http10,
        )
        return served(call, None, fresh=True)[1], path_name

    def plan(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        *,
        otherwise: Loaded | None = None,
        visit: Visit | None = None,
        connection: int = 0,
    ) -> Plan:
        """The plan for a call, which is counted by this, unless its upload was (`visit`).

        `otherwise` is the profile of a call that chooses none; without it, the one that is on.
        `connection` is the number of the call's connection.
        """
        case = self._meet(call, path_name, here, None, visit, otherwise, None, connection)
        made = self._made(case)
        effects = made.answer.effects
        if effects and made.carried_out:
            self._store.apply(effects)
        if made.visit.ticket:
            self._playing[made.visit.ticket] = made
        return made

    def live(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        *,
        otherwise: Loaded | None = None,
        visit: Visit | None = None,
        before: frozenset[int] = frozenset(),
        connection: int = 0,
    ) -> Plan | Live:
        """What becomes of a call that an upstream answers, which is counted by this as by `plan`.

        A plan where the upstream is not asked: the call is refused by its account, say. `before`
        are the faults that acted while the body arrived.
        """
        from mockllm.engine.live import Live  # only a proxy needs it, and what it reads with

        case = self._meet(call, path_name, here, None, visit, otherwise, None, connection)
        if case.refusal is not None:
            return make_plan(case, self.repeats)
        return Live(case, before=before)

    def uploads(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        *,
        otherwise: Loaded | None = None,
        connection: int = 0,
    ) -> tuple[Visit | None, tuple[tuple[Stage, Plan], ...]]:
        """What happens while the body of a call arrives, of which only the head has been read.

        The call is counted by this if anything happens; the visit is then `plan`'s.
        """
        try:
            call, profile = self._selected(call, path_name, otherwise)
        except Refused:
            return None, ()
        if not profile.profile.has_uploads:
            return None, ()
        found = find_route(call, profile.profile)
        if found.route is None or not any(map(acts_on_upload, found.route.faults)):
            return None, ()
        now = self._now()
        begun = self._counters.begin(asked_of(call), now)
        _, attempt, _, _ = begun
        if call.attempt != attempt:
            call = replace(call, attempt=attempt)
        conditions = self._fitted(profile.profile)
        visit = self._visit(call, profile, found, begun, conditions, now, connection)
        wire, _ = served(call, profile.profile.dialect, profile.profile.sinks)
        case = self._case(call, profile, wire, found, visit, conditions, here)
        return visit, upload_plans(case)

    def heeds_uploads(
        self, call: Call, path_name: str | None, *, otherwise: Loaded | None = None
    ) -> bool:
        """Whether anything may happen while the body of a call arrives, of which only the head has
        been read."""
        try:
            return self._selected(call, path_name, otherwise)[1].profile.has_uploads
        except Refused:
            return False

    def refusal(self, call: Call, spec: ErrorSpec, here: Here, *, connection: int = 0) -> Plan:
        """The plan for a request that is refused before any route sees it; nothing is counted."""
        visit = Visit(connection=connection)
        return self._made(self._meet(call, None, here, Refused(spec), visit, None, None, 0))

    def preview(self, call: Call, path_name: str | None, here: Here, visit: Visit) -> Plan:
        """The plan that a call would get; nothing is counted.

        To an account the calls before it, of the ordinal in `visit`, are equal to it: they come at
        the same moment, one when the one before is over.
        """
        ledger = Ledger()

        def next_one() -> Plan:
            """The plan for the next of these calls."""
            return self._made(self._meet(call, path_name, here, None, visit, None, ledger, 0))

        made = next_one()
        for _ in range(visit.ordinal - 1 if ledger.used else 0):
            frames = (step.event for step in made.steps if isinstance(step.event, Frame))
            ledger.leave(visit.ticket, sum(frame.tokens for frame in frames))
            made = next_one()
        return made

    def begin(self, plan: Plan, time: str, came: float | None = None) -> Record:
        """Write down a call that has been read; `time` is when, in UTC, and `came` on the server's
        clock, where that is not now."""
        at = self._now() if came is None else came
        return self.journal.begin(plan, time, at=max(0.0, at - self._zero))

    def ended(self, entry: Entry) -> None:
        """A call is over: the next request like it is another attempt, or another call."""
        plan, sent = entry.plan, entry.delivered
        if plan.answer.outline.faults or plan.before:
            self.demands.note(entry)
        self.totals.note(entry, sent)
        ticket = plan.visit.ticket
        if sent.succeeded:
            self._counters.succeeded(ticket)
        else:
            self._counters.failed(ticket, self._now(), entry.logical)
        self._playing.pop(ticket, None)
        self._ledger.leave(ticket, sent.tokens)
        if ticket in self._counted:
            counts, limited = self._counted.pop(ticket)
            # Long prompts take long to count, and most profiles do not ask.
            end(counts, self._now(), self._tokens(entry) if limited else 0)

    def _tokens(self, entry: Entry) -> int:
        """The tokens of a call: of its prompt, and of what was sent."""
        wire = entry.plan.wire
        prompt = wire.prompt_tokens(entry.plan.call) if wire else 0
        return prompt + entry.tokens_sent

    def _selected(
        self, call: Call, path_name: str | None, otherwise: Loaded | None
    ) -> tuple[Call, Loaded]:
        """The profile that a call means, and the call without what chose it; raises `Refused`."""
        name = None
        if path_name is not None or not chooses_nothing(call):
            selection = select(call, path_name, self.names)
            call, name = selection.call, selection.name
        profile = (otherwise or self.profile) if name is None else self.find(name)
        return call, self._spoken.heard(profile) if self._spoken.said else profile

    def _fitted(self, profile: Profile) -> Conditions:
        """The conditions under which a profile plays; the last are kept, since most servers have one."""
        for_whom, under, conditions = self._fits
        if for_whom is not profile or under is not self.conditions:
            conditions = fitting(self.conditions, profile)
            self._fits = (profile, self.conditions, conditions)
        return conditions

    def _visit(
        self,
        call: Call,
        profile: Loaded,
        found: Found,
        begun: Begun,
        conditions: Conditions,
        now: float,
        connection: int,
    ) -> Visit:
        """Count a call at its route, in every scope that the route's faults ask for."""
        route, speed = found.route or HEALTHY, conditions.speed
        scopes = route.scopes
        if speed != 1.0:
            scopes = {by: window and window / speed for by, window in scopes.items()}
        tallies, counts = self._tallies.visit(
            profile.name, found.index, call, connection, scopes, now, ends=route.counts_ends
        )
        ticket, attempt, first, name = begun
        if route.counts_ends:
            self._counted[ticket] = (counts, route.counts_tokens)
        elapsed = self._since(profile, now)
        return Visit(counts[0].calls, name, elapsed, tallies, ticket, attempt, first, connection)

    def _made(self, case: Case) -> Plan:
        """The plan of a call that has met its route."""
        if case.wire is None and case.refusal is None:
            case = replace(case, refusal=refuse(case.call, case.profile.dialect))
        return make_plan(case, self.repeats)

    def _case(
        self,
        call: Call,
        profile: Loaded,
        wire: Wire | None,
        found: Found,
        visit: Visit,
        conditions: Conditions,
        here: Here,
        refusal: Refused | None = None,
        headers: Headers = (),
    ) -> Case:
        """A call that has met its route, with what else is known."""
        return Case(
            call,
            found,
            visit,
            profile.name,
            profile.profile,
            wire,
            conditions,
            here,
            refusal,
            headers,
            self._store,
            busy(self._playing.values(), profile.name) if wire and wire.tells_busy else IDLE,
        )

    def _meet(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        refusal: Refused | None,
        visit: Visit | None,
        otherwise: Loaded | None,
        ledger: Ledger | None,
        connection: int,
    ) -> Case:
        """The profile, account and route of a call, which is counted unless it was (`visit`)."""
        try:
            if refusal is not None:
                raise refusal
            call, profile = self._selected(call, path_name, otherwise)
            chosen = False
        except Refused as error:
            refusal, chosen = error.alone, True
            profile = otherwise or self.profile
        way = way_of(call, profile.profile)
        wire, call, now = way.wire, way.served or call, self._now()
        if visit is None:
            begun = self._counters.begin(way.asked, now)
        else:
            number = visit.number or way.asked.attempt or call.attempt
            begun = visit.ticket, number, visit.first, visit.attempt
        ticket, attempt, _, _ = begun
        if call.attempt != attempt:  # most are the first, and need no copy
            call = replace(call, attempt=attempt)
        conditions = self._fitted(profile.profile)
        admission, account = OPEN, profile.profile.account
        if refusal is None and wire is not None and account is not None:
            admission = self._admission(account, call, profile, wire, ticket, here, ledger)
            refusal, chosen = admission.refusal, admission.refusal is not None
        # A request that names no profile, or that its account refuses, is on nobody's route: it
        # meets no faults, and no count of a route has it.
        found = NOWHERE if chosen else way.found or find_route(call, profile.profile)
        if visit is None:
            visit = self._visit(call, profile, found, begun, conditions, now, connection)
        headers = admission.headers
        return self._case(call, profile, wire, found, visit, conditions, here, refusal, headers)

    def _admission(
        self,
        account: Account,
        call: Call,
        profile: Loaded,
        wire: Wire,
        ticket: int,
        here: Here,
        ledger: Ledger | None,
    ) -> Admission:
        """What the profile's account says to a call, which is counted in the ledger."""
        now, speed = self._now(), self._fitted(profile.profile).speed
        setting = setting_of(call, profile.profile, wire, Identity("account"), self._store)
        elapsed = self._since(profile, now) * speed
        arrival = Arrival(profile.name, call, wire, setting, ticket, now * speed, elapsed, here.now)
        return (self._ledger if ledger is None else ledger).admit(account, arrival)


@lru_cache(maxsize=256)  # a client asks for the same ones again and again
def split_target(target: str) -> tuple[str, str]:
    """Path and query of a request line; a proxy's absolute form loses its scheme and host."""
    path, _, query = target.partition("?")
    if not path.startswith("/"):
        path = "/" + path.partition("://")[2].partition("/")[2]
    return unquote(path), query


DECODER = json.JSONDecoder()


def decoded(text: str) -> Any:
    """The JSON of a text; most end where it does."""
    data, end = DECODER.raw_decode(text)
    return data if end == len(text) else DECODER.decode(text)


def parse(body: bytes) -> tuple[Mapping[str, Any], str | None]:
    """A JSON object, or an empty one and why it is none."""
    if not body:
        return {}, "the body is empty"
    try:
        # Whose encoding is plain need not be found out.
        plain = body[:1] == b"{" and body[1:2] != b"\0"
        data = decoded(body.decode("utf-8", "surrogatepass")) if plain else json.loads(body)
    except JSONDecodeError as error:
        return {}, str(as_captured(error))
    except RecursionError:
        return {}, TOO_DEEP
    except ValueError as error:
        return {}, str(error)
    if not isinstance(data, dict):
        return {}, f"expected an object, got {type(data).__name__}"
    return data, None
