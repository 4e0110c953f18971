"""One call with everything that its answer depends on."""

from __future__ import annotations

from functools import lru_cache

from mockllm.engine import dice
from mockllm.engine.account_words import Headers
from mockllm.engine.exchange import Here, WireExchange
from mockllm.engine.plan import HEALTHY, Conditions, Visit
from mockllm.engine.routes import Found
from mockllm.matchers.call import Call
from mockllm.profile.models import Profile, Route
from mockllm.timeline.valueclass import finish, valueclass
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.wire import IDLE, NOTHING, Busy, Refused, Setting, Store, Wire


@valueclass(frozen=True, slots=True)
class Case:
    """Everything that the answer to a call depends on."""

    call: Call
    found: Found
    visit: Visit
    name: str
    """The profile's, as the journal has it."""
    profile: Profile
    wire: Wire | None
    conditions: Conditions
    """Those that fit the profile."""
    here: Here
    refusal: Refused | None = None
    """Why the request cannot be served at all."""
    headers: Headers = ()
    """Those that the account says on every answer."""
    store: Store = NOTHING
    """What earlier calls have left."""
    busy: Busy = IDLE
    """What else is going on."""
    made: WireExchange | None = None
    """The exchange, if it has been made; or one that stands for it."""

    @property
    def route(self) -> Route:
        """The route that the call takes; the healthy default where none matches."""
        return self.found.route or HEALTHY

    @property
    def ready(self) -> bool:
        """Whether the models are loaded."""
        loading = self.profile.loading
        return not loading or self.visit.elapsed * self.conditions.speed >= loading

    @property
    def who(self) -> tuple[object, ...]:
        """What identifies the call, for its dice."""
        call = self.call
        seed, attempt = self.conditions.seed, self.visit.attempt
        return seed, self.name, self.found.name, call.fingerprint, call.session, attempt

    @property
    def key(self) -> str:
        """What the names in its answer are drawn from: the same that its dice derive from."""
        call, name, route, seed = self.call, self.name, self.found.route, self.conditions.seed
        known = call.memo.get(NAMED)
        if (
            known is None
            or known[0] is not route
            or known[1] != name
            or known[2] != seed
            or known[3] != call.session
        ):
            place = place_of(seed, name, self.found.name)
            before = dice.longer(dice.longer(place, call.fingerprint), call.session)
            known = call.memo[NAMED] = (route, name, seed, call.session, before)
        return dice.longer(known[4], self.visit.attempt)

    @property
    def heard(self) -> Setting:
        """What a wire listens in: the setting of the exchange, whose names make no difference."""
        return self._setting(NOBODY) if self.made is None else self.made.setting

    @property
    def exchange(self) -> WireExchange:
        """The call on its wire, as faults and wires see it; made when it is asked for, because what is
        stamped does without."""
        if self.made is None:
            setting = self._setting(Identity(self.key))
            finish(self, made=WireExchange(self.call, self.wire, setting, self.here, self.who))
        assert self.made is not None
        return self.made

    def _setting(self, identity: Identity) -> Setting:
        """What its answer depends on beside the call and the script, under the names of an identity."""
        return setting_of(
            self.call,
            self.profile,
            self.wire,
            identity,
            self.store,
            ready=self.ready,
            busy=self.busy,
        )


@lru_cache(maxsize=64)
def place_of(*parts: object) -> str:
    """The names that all calls of a route have in common: seed, profile and route."""
    return dice.key(*parts)


NOBODY = Identity("")
NAMED = "key of its dice"
"""What is remembered of a request, with what it depends on beside: all of its names but the attempt."""


def setting_of(
    call: Call,
    profile: Profile,
    wire: Wire | None,
    identity: Identity,
    store: Store,
    *,
    ready: bool = True,
    busy: Busy = IDLE,
) -> Setting:
    """What the answer to a call depends on, beside the call and the script."""
    dialect = profile.dialect or (wire.dialect_of(call) if wire else Wire.dialect)
    context = profile.account.context if profile.account is not None else None
    return Setting(
        identity, profile.models, DIALECTS[dialect], store, ready, context=context, busy=busy
    )
