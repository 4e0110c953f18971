"""How often a fault acts: keys beside the verb, which must all hold.

What counts are the calls that reached the fault's route. Chance and time come in as an
`Occasion`, so the same occasion always gives the same answer.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictInt,
    WithJsonSchema,
    model_validator,
)

from mockllm.faults.values import (
    DURATION,
    Duration,
    Share,
    Strict,
    expected,
    format_seconds,
    one_or_many,
)
from mockllm.timeline.valueclass import valueclass

By = Literal["session", "request body", "connection", "key", "model", "server"]
"""Whose calls are counted together."""


@valueclass(frozen=True, slots=True)
class Tally:
    """What has been counted in one scope, this call included. Times are ages in seconds."""

    ordinal: int = 1
    """The how manieth call it is at this route, from 1."""
    arrivals: tuple[float, ...] = (0.0,)
    """How long ago the last calls came, this one last."""
    inflight: int = 1
    """How many are being answered."""
    tokens: tuple[tuple[float, int], ...] = ()
    """How long ago calls ended, and the tokens of each."""

    def calls_within(self, seconds: float) -> int:
        """Calls that came in the last so many seconds, this one included."""
        return sum(age < seconds for age in self.arrivals)

    def tokens_within(self, seconds: float) -> int:
        """Tokens of the calls that ended in the last so many seconds."""
        return sum(count for age, count in self.tokens if age < seconds)


ALONE = Tally()
"""The first call of its scope, with no other."""


@valueclass(frozen=True, slots=True)
class Occasion:
    """When a call reached a fault's route, and the fault's draw. All of a fault's chance and time."""

    ordinal: int = 1
    """The how manieth call of its scope at this route, from 1."""
    elapsed: float = 0.0
    """Seconds on the server's clock since its start or reset, before `speed`."""
    draw: float = 0.0
    """At least 0, less than 1."""
    tally: Tally = ALONE
    """What else has been counted in the scope."""


Ordinal = Annotated[StrictInt, Field(ge=1)]


def parse_window(value: object) -> object:
    """`[0s, 20s]`; the rest is checked by the field's type."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise expected("a window of two times such as [0s, 20s]", value)
    return value


def check_window(window: tuple[float, float]) -> tuple[float, float]:
    """Refuse a window that is over before it begins."""
    if window[0] >= window[1]:
        shown = [format_seconds(time) for time in window]
        raise expected("a window that begins before it ends", f"[{shown[0]}, {shown[1]}]")
    return window


class Over(Strict):
    """More than a limit: of calls, of tokens, or of calls at a time."""

    limit: StrictInt | None = Field(None, ge=0, description="Calls within `per`; more are hit.")
    tokens: StrictInt | None = Field(
        None, ge=0, description="Tokens of earlier calls within `per`; from then on calls are hit."
    )
    inflight: StrictInt | None = Field(None, ge=0, description="Calls at a time; more are hit.")
    per: Duration | None = Field(None, gt=0, description="The window of limit or tokens.")

    @model_validator(mode="after")
    def one_limit(self) -> Self:
        """Refuse none or several limits, and a window that is missing or too many."""
        given = self.model_fields_set - {"per"}
        if len(given) != 1:
            raise expected("one of limit, tokens and inflight", dict.fromkeys(sorted(given)))
        if (self.inflight is None) != (self.per is not None):
            raise expected("`per` beside limit or tokens, and none beside inflight", dict(self))
        return self

    def skipped(self, tally: Tally) -> str | None:
        """Why the limit is not passed; None if it is."""
        if self.inflight is not None:
            if tally.inflight > self.inflight:
                return None
            return f"{tally.inflight} in flight, over: {{inflight: {self.inflight}}}"
        assert self.per is not None
        span = format_seconds(self.per)
        if self.limit is not None:
            calls = tally.calls_within(self.per)
            if calls > self.limit:
                return None
            return f"{calls} calls within {span}, over: {{limit: {self.limit}, per: {span}}}"
        tokens = tally.tokens_within(self.per)
        if self.tokens is not None and tokens >= self.tokens:
            return None
        return f"{tokens} tokens within {span}, over: {{tokens: {self.tokens}, per: {span}}}"


class Often(Strict):
    """How often a fault acts; without any of the keys, always."""

    first: StrictInt | None = Field(None, ge=1, description="Only the first N calls of the scope.")
    nth: (
        Annotated[
            tuple[Ordinal, ...],
            BeforeValidator(one_or_many, json_schema_input_type=Ordinal | tuple[Ordinal, ...]),
        ]
        | None
    ) = Field(None, description="Only these calls of the scope, counted from 1.")
    during: (
        Annotated[
            tuple[Duration, Duration],
            BeforeValidator(parse_window),
            AfterValidator(check_window),
            WithJsonSchema(
                {
                    "type": "array",
                    "prefixItems": [{"type": "string", "pattern": DURATION}] * 2,
                    "minItems": 2,
                    "maxItems": 2,
                }
            ),
        ]
        | None
    ) = Field(None, description="Only in this window of the server's clock: [from, until].")
    chance: Share | None = Field(None, description="Only this share of the calls, by the seed.")
    every: StrictInt | None = Field(None, ge=1, description="Only every Nth call of the scope.")
    skip: StrictInt | None = Field(None, ge=1, description="Not the first N calls of the scope.")
    over: Over | None = Field(
        None, description="Only over a limit: {limit, per}, {tokens, per} or {inflight}."
    )
    by: By = Field(
        "session",
        description="Whose calls count together: session, request body, connection, key, model or "
        "server.",
    )

    def skipped(self, occasion: Occasion) -> str | None:
        """Why the fault does not act on this call; None if it does."""
        number, which = occasion.ordinal, f"call {occasion.ordinal} of the {self.by}"
        if self.first is not None and number > self.first:
            return f"{which}, first: {self.first}"
        if self.nth is not None and number not in self.nth:
            return f"{which}, nth: {list(self.nth)}"
        if self.every is not None and number % self.every:
            return f"{which}, every: {self.every}"
        if self.skip is not None and number <= self.skip:
            return f"{which}, skip: {self.skip}"
        if self.during is not None and not self.during[0] <= occasion.elapsed < self.during[1]:
            start, stop = self.during
            return f"{occasion.elapsed:.3f}s on the server's clock, during: [{start:g}s, {stop:g}s]"
        if self.over is not None and (why := self.over.skipped(occasion.tally)) is not None:
            return why
        if self.chance is not None and occasion.draw >= self.chance:
            return f"the dice said {occasion.draw:.1%}, chance: {self.chance * 100:g}%"
        return None
