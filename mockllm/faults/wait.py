"""`wait`: silence, or another pace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Discriminator, Field, StrictFloat, Tag

from mockllm.faults.anchors import Anchor
from mockllm.faults.fault import MOMENTS, Adding, Exchange
from mockllm.faults.values import (
    Duration,
    DurationOrForever,
    Rate,
    Strict,
    chooser,
    expected,
    flow,
    format_seconds,
)
from mockllm.timeline.events import FOREVER, Beat, Extra, Message, Onward, Wait


class Pattern(Strict, ABC):
    """Something else than plain silence."""

    @abstractmethod
    def events(self, exchange: Exchange, /) -> tuple[Message, ...]:
        """What it adds."""


class Ping(Pattern):
    """Comments flow and no tokens: a limit on silence never strikes."""

    ping: Duration = Field(gt=0, description="The time between two comments.")
    for_: DurationOrForever = Field(FOREVER, alias="for", description="How long.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """A wait with a comment as heartbeat."""
        return (Wait(self.for_, beat=Beat(self.ping, Extra(b": ping\n\n"))),)


class Drip(Pattern):
    """One frame after so long, from here to the end, instead of the script's own pace."""

    drip: Duration = Field(description="The time before each further frame.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """A change of pace."""
        return (Onward(drip=self.drip),)


class Bandwidth(Pattern):
    """So many bytes a second, from here to the end."""

    bandwidth: Rate = Field(description="Bytes a second: 1KiB/s.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """A change of pace."""
        return (Onward(bandwidth=self.bandwidth),)


def check_order(times: tuple[float, float]) -> tuple[float, float]:
    """Refuse a shortest time that is longer than the longest."""
    if times[0] > times[1]:
        raise expected(
            "the shortest time before the longest", ", ".join(map(format_seconds, times))
        )
    return times


class Uniform(Pattern):
    """A time drawn evenly between two."""

    uniform: Annotated[
        tuple[Duration, Duration],
        AfterValidator(check_order),
        Field(description="The shortest and the longest."),
    ]

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """One draw."""
        return (Wait(exchange.random("wait").uniform(*self.uniform)),)


class Spread(Strict):
    """The middle and the spread of a normal distribution."""

    mean: Duration = Field(description="The middle.")
    deviation: Duration = Field(description="The standard deviation.")


class Normal(Pattern):
    """A time drawn around a mean, never below zero."""

    normal: Spread = Field(description="The normal distribution.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """One draw."""
        drawn = exchange.random("wait").gauss(self.normal.mean, self.normal.deviation)
        return (Wait(max(0.0, drawn)),)


class LogSpread(Strict):
    """The median and the spread of a lognormal distribution."""

    median: Duration = Field(gt=0, description="The middle: half of the draws are shorter.")
    sigma: StrictFloat = Field(gt=0, le=10, description="The deviation of the logarithm.")


class Lognormal(Pattern):
    """A time drawn with a long tail, as real latencies have it."""

    lognormal: LogSpread = Field(description="The lognormal distribution.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """One draw."""
        factor = exchange.random("wait").lognormvariate(0.0, self.lognormal.sigma)
        return (Wait(self.lognormal.median * factor),)


OtherPace = Annotated[
    Annotated[Ping, Tag("<ping>")]
    | Annotated[Drip, Tag("<drip>")]
    | Annotated[Bandwidth, Tag("<bandwidth>")]
    | Annotated[Uniform, Tag("<uniform>")]
    | Annotated[Normal, Tag("<normal>")]
    | Annotated[Lognormal, Tag("<lognormal>")],
    *chooser("another pace", Ping, Drip, Bandwidth, Uniform, Normal, Lognormal),
]


class WaitFault(Adding):
    """Silence, or another pace, from a point on.

    On the wire: no byte of the answer, for the given time counted from the moment the wait begins;
    the connection stays open. `forever` ends when the peer leaves or the server stops, and any wait
    ends early if the peer leaves. `ping` sends the comment `: ping` again and again meanwhile;
    `drip` and `bandwidth` slow down what follows. Content-Length, chunks and keep-alive are as the
    script has them. At `connect` the accepted connection is not read; at `tls` the handshake is not
    answered; at `upload` the body is not read on; at `idle` the kept connection waits.
    """

    verb: ClassVar = "wait"
    points: ClassVar = (*MOMENTS, "upload", "idle", "connect", "tls")
    default_at: ClassVar = "request"

    wait: Annotated[
        Annotated[DurationOrForever, Tag("<silence>")] | Annotated[OtherPace, Tag("<pace>")],
        Discriminator(lambda value: "<pace>" if isinstance(value, dict | Pattern) else "<silence>"),
    ] = Field(
        description="How long: 300ms, 2s, forever; or ping, drip, bandwidth, uniform, normal, "
        "lognormal."
    )

    @property
    def needs_head(self) -> bool:
        """Comments are part of a body."""
        return isinstance(self.wait, Ping)

    @property
    def anchor(self) -> Anchor:
        """Comments come behind the head unless told otherwise."""
        if self.at is None and isinstance(self.wait, Ping):
            return Anchor("head", "head")
        return super().anchor

    def value_why_not(self, anchor: Anchor) -> str | None:
        """Comments and slow bytes need a body."""
        if isinstance(self.wait, Ping | Drip | Bandwidth) and anchor.point not in MOMENTS:
            return "there is no body yet"
        if self.needs_head and anchor.point == "request":
            return "a comment needs the head before it; say head"
        return None

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """One wait that is not part of the pacing, or a change of pace."""
        return self.wait.events(exchange) if isinstance(self.wait, Pattern) else (Wait(self.wait),)

    def value(self) -> str:
        """The value as a profile spells it."""
        if isinstance(self.wait, Pattern):
            return flow(self.wait.model_dump(exclude_unset=True, by_alias=True))
        return format_seconds(self.wait)
