"""What happens to a connection of a listener before its first request."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from mockllm.engine import dice
from mockllm.engine.exchange import Here, WireExchange
from mockllm.engine.plan import Conditions, hastened
from mockllm.faults.apply import AnyFault
from mockllm.faults.fault import Adding, flow_of
from mockllm.faults.often import Occasion
from mockllm.matchers.call import Call
from mockllm.profile.loader import Loaded
from mockllm.profile.models import Listener, Profile, keeps_out
from mockllm.timeline.events import Close, WireEvent
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step
from mockllm.wires.identity import Identity
from mockllm.wires.wire import Setting

MAX_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class GatePlan:
    """What is done to one connection."""

    events: tuple[WireEvent, ...]
    """Waits, and perhaps a close, in the server's time; without a close it goes on."""
    fired: tuple[str, ...]
    """The faults that act, as a profile would spell them."""
    reads_first: bool
    """Whether the client's first bytes are taken before: the handshake has begun."""

    @property
    def ends(self) -> bool:
        """Whether the connection ends here."""
        return any(isinstance(event, Close) for event in self.events)


def profile_of(loaded: Loaded, listener: Listener) -> Loaded:
    """A listener's own profile, with the seed, the models and the scale of the whole."""
    plain = {key: getattr(loaded.profile, key) for key in ("seed", "models", "strict", "scalable")}
    body = Profile.model_construct(**plain, mockllm=1, routes=listener.all_routes)
    return Loaded(f"{loaded.name}:{listener.name}", body, loaded.text, loaded.file)


def gate_plan(listener: Listener, number: int, elapsed: float, conditions: Conditions) -> GatePlan:
    """What a listener's faults do to its connection of this number, counted from 1."""
    who = (conditions.seed, "listener", listener.name, number)
    exchange = WireExchange(
        Call("", ""), None, Setting(Identity(dice.key(*who)), ("none",)), Here(), who
    )
    steps: list[Step] = []
    fired: list[str] = []
    reads_first = False
    for index, fault in enumerate(listener.gates):
        occasion = Occasion(number, elapsed * conditions.speed, dice.draw(*who, index))
        if fault.skipped(occasion) is not None or any(map(keeps_out, fault.verbs)):
            continue
        for verb in fault.verbs:
            assert isinstance(verb, Adding), "only wait and close act on a connection"
            steps += [Step(event, (index,)) for event in verb.events(exchange)]
        fired.append(flow_of(fault))
        reads_first = reads_first or fault.anchor.point == "tls"
        if isinstance(steps[-1].event, Close):
            break
    events = hastened(lower(tuple(steps), date=""), conditions.speed).events
    ends = any(isinstance(event, Close) for event in events)
    return GatePlan(events, tuple(fired), reads_first and ends)


@dataclass(frozen=True, slots=True)
class Shut:
    """Some time in which a port takes no connections."""

    how: str
    """refuse or never-accept."""
    start: float
    """Seconds since the server's start, in the server's time."""
    end: float


def shut_times(faults: tuple[AnyFault, ...], conditions: Conditions) -> tuple[Shut, ...]:
    """When a port is shut, the earliest first."""
    found = []
    for fault in faults:
        for verb in fault.verbs:
            if keeps_out(verb):
                start, end = fault.during or (0.0, float("inf"))
                found.append(Shut(verb.value(), start / conditions.speed, end / conditions.speed))
    return tuple(sorted(found, key=lambda shut: shut.start))


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection of a listener, as the journal has it."""

    listener: str
    number: int
    time: str
    fired: tuple[str, ...]
    ended: bool
    """Whether a fault ended it before its first request."""


class Connections:
    """The last connections of all listeners, oldest first."""

    def __init__(self) -> None:
        self._kept: deque[Connection] = deque(maxlen=MAX_REMEMBERED)

    def add(self, connection: Connection) -> None:
        """Write one down."""
        self._kept.append(connection)

    def entries(self) -> tuple[Connection, ...]:
        """The connections so far."""
        return tuple(self._kept)

    def clear(self) -> None:
        """Forget them."""
        self._kept.clear()
