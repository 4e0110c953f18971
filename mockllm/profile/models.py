"""A profile: routes of match, script, pacing and faults.

The models are put together from the parts that the floors below offer: every verb and named
fault, every matcher and every script that has a file there is a word of the language.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, Union
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    Tag,
    create_model,
    field_validator,
    model_validator,
)

import mockllm.matchers
import mockllm.scripts
import mockllm.wires
from mockllm.faults.apply import AnyFault
from mockllm.faults.close import CloseFault
from mockllm.faults.edit import EditFault
from mockllm.faults.encode import EncodeFault
from mockllm.faults.fault import Fault
from mockllm.faults.named import NAMED as NAMED_FAULTS
from mockllm.faults.often import By
from mockllm.faults.reply import ReplyFault
from mockllm.faults.send import SendFault
from mockllm.faults.values import (
    Duration,
    Share,
    Strict,
    Text,
    chooser,
    expected,
    hint_for,
    one_or_many,
    tag_of,
)
from mockllm.faults.wait import WaitFault
from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher
from mockllm.matchers.wire import Wire as WireMatcher
from mockllm.profile.account import Account
from mockllm.profile.candidates import Candidates
from mockllm.profile.expect import Expect
from mockllm.scripts.canonical import CANONICAL
from mockllm.scripts.named import NAMED as NAMED_SCRIPTS
from mockllm.scripts.script import COMMON, Beside, Source
from mockllm.timeline.pacing import Load, Pace
from mockllm.timeline.registry import refuse_twins, subclasses
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.wire import Wire

VERBS: tuple[type[Fault], ...] = (
    WaitFault,
    ReplyFault,
    SendFault,
    EditFault,
    EncodeFault,
    CloseFault,
)
SOURCES: tuple[type[Source], ...] = refuse_twins(
    subclasses(mockllm.scripts, Source),  # type: ignore[type-abstract]
    tag_of,
)
WIRES: tuple[str, ...] = tuple(wire.name for wire in subclasses(mockllm.wires, Wire))  # type: ignore[type-abstract]
MATCHERS: tuple[type[Matcher], ...] = refuse_twins(
    subclasses(mockllm.matchers, Matcher),  # type: ignore[type-abstract]
    lambda matcher: matcher.key,
)


def one_of(what: str, *models: type[Strict]) -> Any:
    """The type of a value that is one of several classes, told apart by their keys."""
    tagged: Any = tuple(Annotated[model, Tag(tag_of(model))] for model in models)
    return Annotated[(Union[tagged], *chooser(what, *models))]  # noqa: UP007


def parse_script(value: object) -> object:
    """A text names a script; a mapping spells one out, or changes the canonical one."""
    if isinstance(value, dict) and value and COMMON.issuperset(value):
        return {"text": CANONICAL, **value}
    if isinstance(value, dict | Source):
        return value
    names = sorted(NAMED_SCRIPTS)
    if isinstance(value, str) and value in NAMED_SCRIPTS:
        return NAMED_SCRIPTS[value]
    hint = hint_for([value], names) if isinstance(value, str) else ""
    words = ", ".join(tag_of(source)[1:-1] for source in SOURCES)
    raise expected(f"the name of a script ({', '.join(names)}) or a mapping ({words})", value, hint)


if TYPE_CHECKING:
    FaultValue = AnyFault
    ScriptValue = Source
else:
    FaultValue = one_of("a fault", *VERBS, *NAMED_FAULTS.values())
    ScriptMapping = one_of("a script", *SOURCES)
    ScriptValue = Annotated[
        ScriptMapping,
        BeforeValidator(
            parse_script,
            json_schema_input_type=Literal[tuple(sorted(NAMED_SCRIPTS))] | ScriptMapping | Beside,
        ),
    ]
    for source in SOURCES:  # those that hold scripts themselves name the type
        source.model_rebuild(_types_namespace={"ScriptValue": ScriptValue})


class MatchBase(Strict):
    """The conditions of a route; all must hold."""

    @model_validator(mode="after")
    def wire_exists(self) -> Self:
        """Refuse a wire that no API has: such a route would never be taken."""
        wire = getattr(self, "wire", None)
        for test in wire.wanted.tests if isinstance(wire, WireMatcher) else ():
            if not any(map(test.holds, WIRES)):
                hint = hint_for([test], WIRES)
                raise expected(
                    "a wire" if hint else f"a wire ({', '.join(WIRES)})", str(test), hint
                )
        return self

    @cached_property
    def matchers(self) -> tuple[Matcher, ...]:
        """The conditions that were given."""
        return tuple(getattr(self, field_of(one)) for one in MATCHERS if self.given(one))

    def given(self, matcher: type[Matcher]) -> bool:
        """Whether the profile names this condition."""
        return field_of(matcher) in self.model_fields_set

    def holds(self, call: Call) -> bool:
        """Whether the call matches."""
        return not self.matchers or all(matcher.holds(call) for matcher in self.matchers)

    def why_not(self, call: Call) -> tuple[str, ...]:
        """Every reason why the call does not match; none if it does."""
        reasons = (matcher.why_not(call) for matcher in self.matchers)
        return tuple(reason for reason in reasons if reason is not None)


def field_of(matcher: type[Matcher]) -> str:
    """The field of a condition: its word, unless all models have an attribute of that name."""
    return f"{matcher.key}_" if hasattr(BaseModel, matcher.key) else matcher.key


if TYPE_CHECKING:
    Match = MatchBase
else:
    Match = create_model(
        "Match",
        __base__=MatchBase,
        __doc__=MatchBase.__doc__,
        **{field_of(one): (one, Field(None, alias=one.key)) for one in MATCHERS},
    )


class LoadValue(Strict):
    """How a server slows down with the requests that it answers at a time."""

    slots: StrictInt = Field(ge=1, description="How many are answered at a time.")
    slowdown: StrictFloat = Field(
        1.0, ge=1, description="How much longer all takes when every slot is taken."
    )
    queue: StrictInt | None = Field(
        None, ge=0, description="How many may wait; more are refused with 429."
    )

    @cached_property
    def load(self) -> Load:
        """The same as the timeline knows it."""
        return Load(self.slots, self.slowdown, self.queue)


class Pacing(Strict):
    """A healthy server's timing."""

    ttft: Duration = Field(0.2, description="From the request to the first content frame.")
    itl: Duration | None = Field(None, description="Between content frames; 20ms by default.")
    tps: StrictFloat | None = Field(None, gt=0, description="Tokens a second, instead of itl.")
    jitter: Share = Field(0.0, description="Spread around ttft and itl.")
    head: Duration | None = Field(None, description="When the head leaves, if before ttft.")
    distribution: Literal["normal", "lognormal", "uniform"] = Field(
        "normal", description="How the times spread: normal, lognormal, uniform."
    )
    load: LoadValue | None = Field(
        None, description="How more requests at a time slow it down: {slots, slowdown, queue}."
    )
    speed: StrictFloat = Field(1.0, gt=0, description="Divides the times of this pacing.")
    catch_up: Literal["each", "join"] = Field(
        "each",
        description="How frames are written whose times have passed already: each on its own, or adjacent "
        "ones joined in one write of at most 16 KiB. The bytes are the same.",
    )

    @model_validator(mode="after")
    def one_speed(self) -> Pacing:
        """Refuse two speeds."""
        if self.itl is not None and self.tps is not None:
            raise expected("either itl or tps", {"itl": 0, "tps": 0})
        return self

    @cached_property
    def pace(self) -> Pace:
        """The timing in seconds."""
        itl = 1 / self.tps if self.tps is not None else self.itl
        return Pace(
            self.ttft / self.speed,
            (0.02 if itl is None else itl) / self.speed,
            self.jitter,
            None if self.head is None else self.head / self.speed,
            self.distribution,
            self.catch_up == "join",
        )


class Route(Strict):
    """Who is meant, what a healthy server would say and how fast, and what goes wrong."""

    name: Text | None = Field(None, description="The route's name in the journal.")
    match: Match = Field(default_factory=Match, description="For whom; without it, for all.")
    script: ScriptValue = Field(
        default_factory=lambda: NAMED_SCRIPTS["canonical"],
        description="What a healthy server would say.",
    )
    pacing: Pacing = Field(default_factory=Pacing, description="A healthy server's timing.")
    faults: tuple[FaultValue, ...] = Field((), description="What goes wrong, in order of time.")

    @field_validator("faults")
    @classmethod
    def no_gates(cls, faults: tuple[AnyFault, ...]) -> tuple[AnyFault, ...]:
        """Refuse faults of a connection, which comes before any route is known."""
        refuse_gates(faults)
        return faults

    @model_validator(mode="after")
    def upload_fits(self) -> Self:
        """Refuse faults of the upload behind conditions on the body."""
        refuse_late_match(self.match, self.faults)
        return self

    @cached_property
    def scopes(self) -> Mapping[By, float | None]:
        """In which scopes its calls are counted, first in the one of their session; with the seconds of
        the longest window in each, None where neither faults, load nor script ask."""
        asked: dict[By, float] = dict.fromkeys(self.script.scopes, 0.0)
        for fault in self.faults:
            window = (fault.over.per or 0.0) if fault.over is not None else 0.0
            asked[fault.by] = max(window, asked.get(fault.by, 0.0))
        if self.pacing.load is not None:
            asked.setdefault("server", 0.0)
        return {"session": None, **asked}

    @cached_property
    def counts_ends(self) -> bool:
        """Whether load or a fault asks which of the earlier calls are over."""
        asks = any(
            fault.over is not None and fault.over.inflight is not None for fault in self.faults
        )
        return asks or self.counts_tokens or self.pacing.load is not None

    @cached_property
    def counts_tokens(self) -> bool:
        """Whether a fault asks for the tokens of earlier calls."""
        return any(
            fault.over is not None and fault.over.tokens is not None for fault in self.faults
        )


HEAD_ONLY = frozenset({"wire", "method", "path", "header", "key"})
"""Conditions that the head of a request decides."""


def refuse_late_match(match: MatchBase | None, faults: tuple[AnyFault, ...] | None) -> None:
    """Refuse a fault that acts while the body arrives if the route is only known afterwards."""
    late = sorted((match.model_fields_set if match else set()) - HEAD_ONLY)
    for fault in faults or ():
        if fault.anchor.point == "upload" and late:
            raise expected(
                f"a match on the head of the request ({', '.join(sorted(HEAD_ONLY))})",
                ", ".join(late),
                f"{fault.anchor.text} comes before the body has been read",
            )


GATES = ("connect", "tls")
"""The points of a connection before its first request."""


def is_gate(fault: AnyFault) -> bool:
    """Whether a fault acts on a connection before its first request."""
    return fault.anchor.point in GATES


def refuse_gates(faults: tuple[AnyFault, ...]) -> None:
    """Refuse faults of a connection where none is known."""
    for fault in filter(is_gate, faults):
        raise expected(
            "an anchor behind the request",
            fault.anchor.text,
            "no route is known when a connection is made: write the fault under `listeners:`",
        )


SHORTHAND = ("match", "script", "pacing", "faults")
MODELS = ("gpt-4o-mini", "gpt-4o", "llama-3-8b")


class Routed(Strict):
    """Routes, or one route at the top level."""

    routes: tuple[Route, ...] | None = Field(None, description="The first that matches is taken.")
    match: Match | None = Field(None, description="The only route's match.")
    script: ScriptValue | None = Field(None, description="The only route's script.")
    pacing: Pacing | None = Field(None, description="The only route's pacing.")
    faults: tuple[FaultValue, ...] | None = Field(None, description="The only route's faults.")

    @field_validator("faults")
    @classmethod
    def no_gates(cls, faults: tuple[AnyFault, ...] | None) -> tuple[AnyFault, ...] | None:
        """Refuse faults of a connection, but on a listener."""
        refuse_gates(faults or ())
        return faults

    @model_validator(mode="after")
    def one_form(self) -> Self:
        """Refuse a top-level route beside `routes`."""
        given = [key for key in SHORTHAND if key in self.model_fields_set]
        if self.routes is not None and given:
            names = " and ".join(given)
            raise expected(
                "either routes, or one route at the top level",
                dict.fromkeys(["routes", *given]),
                f"move {names} into a route",
            )
        refuse_late_match(self.match, self.faults)
        return self

    @cached_property
    def all_routes(self) -> tuple[Route, ...]:
        """The routes, whichever way they were written."""
        if self.routes is not None:
            return tuple(
                route if route.name else route.model_copy(update={"name": f"route {number}"})
                for number, route in enumerate(self.routes, 1)
            )
        given = {key: getattr(self, key) for key in SHORTHAND if getattr(self, key) is not None}
        if "faults" in given:
            given["faults"] = tuple(f for f in given["faults"] if not is_gate(f))
        return (Route.model_construct(**{"name": "only route", **given}),)

    @cached_property
    def candidates(self) -> Candidates:
        """What finds the routes that may match a call."""
        return Candidates([route.match.matchers for route in self.all_routes])

    @cached_property
    def routes_by_request(self) -> bool:
        """Whether a request in the same words takes the same route each time."""
        matchers = (one for route in self.all_routes for one in route.match.matchers)
        return all(matcher.of_request for matcher in matchers)

    @cached_property
    def has_uploads(self) -> bool:
        """Whether any fault acts while a request's body arrives; most profiles have none."""
        faults = (fault for route in self.all_routes for fault in route.faults)
        return any(fault.anchor.point == "upload" for fault in faults)


class Listener(Routed):
    """A further port with a profile of its own, and with faults of the connection itself.

    `connect` and `tls` faults stand among the listener's own `faults`; `first`, `nth` and `chance`
    count its connections there. Listeners are opened when the server starts with the profile.
    """

    name: Text = Field(description="What {{listener NAME}} and the log call it.")
    port: StrictInt = Field(0, ge=0, le=65535, description="0 takes a free one.")
    tls: StrictBool = Field(
        False, description="TLS with a certificate of a made-up authority (extra `tls`)."
    )

    @field_validator("faults")
    @classmethod
    def no_gates(cls, faults: tuple[AnyFault, ...] | None) -> tuple[AnyFault, ...] | None:
        """Here connections are known; a port can only be closed for some time."""
        for fault in faults or ():
            counted = fault.model_fields_set & {"first", "nth", "chance"}
            if counted and any(keeps_out(verb) for verb in fault.verbs):
                raise expected(
                    "`during`, or no frequency",
                    " and ".join(sorted(counted)),
                    "a port that is closed sees no connections to count",
                )
        return faults

    @model_validator(mode="after")
    def tls_fits(self) -> Self:
        """Refuse what only a listener with TLS, or only one without, can do."""
        faults = [fault for route in self.all_routes for fault in route.faults]
        for fault in [*faults, *self.gates]:
            if fault.anchor.point == "tls" and not self.tls:
                raise expected("`tls: true` beside a fault at tls", "false")
            half = any(isinstance(v, CloseFault) and v.close == "half" for v in fault.verbs)
            if half and self.tls:
                raise expected("another ending", "half", "TLS has no half close; say fin or rst")
        return self

    @property
    def gates(self) -> tuple[AnyFault, ...]:
        """The faults of the connection."""
        return tuple(filter(is_gate, self.faults or ()))


def keeps_out(verb: Fault) -> bool:
    """Whether a verb keeps connections from being made."""
    return isinstance(verb, CloseFault) and verb.close in ("refuse", "never-accept")


def check_url(text: str) -> str:
    """Refuse what is no address on the web."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or text.split() != [text]:
        raise expected("a URL such as https://github.com/OWNER/REPO/issues/1", text)
    return text


Url = Annotated[Text, AfterValidator(check_url)]
"""The address of a page."""


def check_path(path: str) -> str:
    """Refuse what no request's path is equal to."""
    if not path.startswith("/") or "?" in path:
        raise expected("a path that begins with / and has no query", path)
    return path


class Profile(Routed):
    """A whole profile, as a file holds it."""

    mockllm: Literal[1] = Field(description="The version of the language.")
    about: Text = Field("", description="What it imitates, in a sentence.")
    story: Text = Field("", description="What happened: to whom, in which version, with what loss.")
    cite: Annotated[
        tuple[Url, ...],
        BeforeValidator(one_or_many, json_schema_input_type=Text | tuple[Text, ...]),
    ] = Field((), description="The public reports of the failure that it reproduces, as URLs.")
    bundles: tuple[Text, ...] = Field(
        (), description="The dated collections that it belongs to, such as core-2026.11."
    )
    seed: StrictInt | None = Field(
        None, description="Where chance begins, unless --seed says; without both at 0."
    )
    models: tuple[Text, ...] = Field(MODELS, min_length=1, description="What /v1/models lists.")
    dialect: Literal[tuple(DIALECTS)] | None = Field(  # type: ignore[valid-type]
        None,
        description="Whose way of speaking the APIs is imitated (headers, fields, errors); without "
        "it the one that the path belongs to.",
    )
    loading: Duration = Field(
        0.0, description="So long after the start or a reset the models are not loaded yet."
    )
    account: Account | None = Field(
        None,
        description="How a real account refuses calls: keys, limits, quota, context; without it no "
        "call is refused so.",
    )
    sinks: tuple[Annotated[Text, AfterValidator(check_path)], ...] = Field(
        (),
        description="Further paths that take what clients report about calls, by POST: answered with "
        "200 and `{}`, and in the journal as `wire: sink`.",
    )
    strict: StrictBool = Field(
        False, description="No healthy default route, and unknown models are refused."
    )
    scalable: StrictBool = Field(
        True, description="false: `speed` would change what it shows, so it plays unscaled."
    )
    expect: Expect | None = Field(None, description="What a good client does; judged elsewhere.")
    extends: Text | None = Field(
        None,
        description="A profile whose keys it has where it does not say its own; routes and "
        "listeners by name.",
    )
    listeners: tuple[Listener, ...] = Field((), description="Further ports.")

    @field_validator("listeners")
    @classmethod
    def names_differ(cls, listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
        """Refuse two listeners of one name."""
        ports = [listener.port for listener in listeners if listener.port]
        for port in ports:
            if ports.count(port) > 1:
                raise expected("listeners on different ports", port)
        names = [listener.name for listener in listeners]
        for name in names:
            if names.count(name) > 1:
                raise expected("listeners with different names", name)
        return listeners
