"""`expect`: what a good client does with a profile, as a closed table.

A profile only says it; test kit and drills judge it. What they cannot observe is *not judged*, and
never passed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, StrictBool, StrictInt, model_validator

from mockllm.faults.values import (
    Duration,
    Size,
    Strict,
    Text,
    expected,
    flow,
    format_seconds,
    one_or_many,
)

ERROR_DETAILS = ("status", "code", "contains")
"""The keys that say more of an error."""


class Limits(Strict):
    """A lowest and a highest value, either of them optional; both belong to the range."""

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The lowest and the highest value."""
        return getattr(self, "min", None), getattr(self, "max", None)

    @model_validator(mode="after")
    def in_order(self) -> Self:
        """Refuse a range that says nothing, or that nothing is in."""
        low, high = self.bounds
        if low is None and high is None:
            raise expected("min, max, or both", {})
        if low is not None and high is not None and low > high:
            raise expected(f"a max of at least the min ({self.spelled(low)})", self.spelled(high))
        return self

    def holds(self, value: float) -> bool:
        """Whether a value is in the range."""
        low, high = self.bounds
        return (low is None or value >= low) and (high is None or value <= high)

    def words(self) -> str:
        """The range, for people: `at least 2, at most 3`."""
        low, high = self.bounds
        if low is not None and low == high:
            return self.spelled(low)
        named = (("at least", low), ("at most", high))
        return ", ".join(
            f"{word} {self.spelled(bound)}" for word, bound in named if bound is not None
        )

    def spelled(self, value: float) -> str:
        """A value, as a profile would have it."""
        return str(value)


class Count(Limits):
    """How many: a number, or `{min, max}`."""

    min: StrictInt | None = Field(None, ge=0, description="At least so many.")
    max: StrictInt | None = Field(None, ge=0, description="At most so many.")


class Span(Limits):
    """How long: `{min, max}`."""

    min: Duration | None = Field(None, description="At least so long.")
    max: Duration | None = Field(None, description="At most so long.")

    def spelled(self, value: float) -> str:
        """A duration."""
        return format_seconds(value)


class Bytes(Limits):
    """How much: `{min, max}`."""

    min: Size | None = Field(None, description="At least so much.")
    max: Size | None = Field(None, description="At most so much.")


def parse_count(value: object) -> object:
    """A number is a range of its own."""
    if isinstance(value, dict | Count):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return {"min": value, "max": value}
    raise expected("a number such as 2, or {min, max}", value)


class Burst(Strict):
    """The requests of a call's beginning: `{within: 1500ms, max: 2}`."""

    within: Duration = Field(description="In so long, from the first request.")
    max: StrictInt = Field(ge=1, description="At most so many.")

    def words(self) -> str:
        """The limit, for people."""
        return f"at most {self.max} in {format_seconds(self.within)}"


class Return(Strict):
    """When a client asks again that has turned away: `{after: 60s, within: 30s}`."""

    after: Duration = Field(description="Since the first request; the server is well from here on.")
    within: Duration = Field(description="A request comes in so long from then.")

    def words(self) -> str:
        """The time, for people."""
        return f"within {format_seconds(self.within)}, {format_seconds(self.after)} after the first"


Natural = Annotated[StrictInt, Field(ge=0)]
Status = Annotated[StrictInt, Field(ge=100, le=999)]
HowMany = Annotated[Count, BeforeValidator(parse_count, json_schema_input_type=Natural | Count)]


def parse_usage(value: object) -> object:
    """`whole`, or a number of tokens."""
    number = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if number or value == "whole":
        return value
    raise expected("whole, or a number of completion tokens", value)


def parse_codes(value: object) -> object:
    """One code or several; 500 and "500" differ."""
    codes = one_or_many(value)
    for code in codes:
        if isinstance(code, bool) or not isinstance(code, int | str):
            raise expected("a number, a text, or a list of them", code)
    return tuple(codes)


class ExpectClient(Strict):
    """What the client tells its caller.

    `text`, `tool_calls` and `finish` are of an answer that it gives out as whole, `error` of a call that
    it gives up. With one of the two kinds the call must end so; with both, either will do.
    """

    text: Literal["whole", "prefix", "empty"] | None = Field(
        None, description="Which part of the script's text the answer is."
    )
    error: Literal["typed", "timeout", "any"] | None = Field(
        None,
        description="The error: `typed` is one of the client's own kinds, `timeout` its own kind for "
        "time limits, `any` any at all.",
    )
    status: Annotated[
        tuple[Status, ...] | None,
        BeforeValidator(one_or_many, json_schema_input_type=Status | tuple[Status, ...]),
    ] = Field(None, description="The HTTP status that the error has; of a list, one.")
    code: Annotated[
        tuple[int | str, ...] | None,
        BeforeValidator(parse_codes, json_schema_input_type=int | str | tuple[int | str, ...]),
    ] = Field(
        None, description='The `code` that the error has; of a list, one. 500 and "500" differ.'
    )
    contains: Annotated[
        tuple[Text, ...] | None,
        BeforeValidator(one_or_many, json_schema_input_type=Text | tuple[Text, ...]),
    ] = Field(None, description="A text that the error's message holds; of a list, one.")
    status_not: Annotated[
        tuple[Status, ...] | None,
        BeforeValidator(one_or_many, json_schema_input_type=Status | tuple[Status, ...]),
    ] = Field(None, description="The HTTP status that an error must not have; of a list, none.")
    tool_calls: Literal["whole", "none"] | None = Field(
        None, description="The tool calls that the caller gets: those of the script, or none."
    )
    finish: Text | None = Field(None, description="The finish reason that the caller gets.")
    model: Text | None = Field(
        None, description="The model that the answer names; `*` stands for any letters."
    )
    usage: Annotated[
        int | Literal["whole"] | None,
        BeforeValidator(parse_usage, json_schema_input_type=Natural | Literal["whole"]),
    ] = Field(
        None,
        description="The completion tokens that it reports: `whole` (the script's), or a number.",
    )
    within: Duration | None = Field(None, description="The call is over after so long.")
    no_partial_success: StrictBool = Field(
        False, description="A part of the text never passes for a whole answer."
    )
    records: StrictInt | None = Field(
        None, ge=0, description="How many records of the call it writes (bills, traces, log lines)."
    )

    @model_validator(mode="after")
    def details_have_an_error(self) -> Self:
        """Refuse details of an error where none is expected."""
        given = [key for key in ERROR_DETAILS if getattr(self, key) is not None]
        if given and self.error is None:
            raise expected(f"`error` beside {' and '.join(given)}", dict.fromkeys(given))
        return self


class ExpectServer(Strict):
    """What the journal shows of the client."""

    attempts: HowMany | None = Field(None, description="The requests of one logical call.")
    gap: Span | None = Field(None, description="The time between two attempts.")
    first_gap: Span | None = Field(
        None,
        description="The time between the first two attempts; without a second it does not hold.",
    )
    burst: Burst | None = Field(None, description="The most requests of the call's beginning.")
    repeats: HowMany | None = Field(
        None, description="The requests that are not strictly smaller than the one before."
    )
    returns: Return | None = Field(
        None, description="A client that has turned away asks again when the server is well."
    )
    executions: HowMany | None = Field(
        None, description="The requests that a real server would have carried out and billed."
    )
    closed_within: Duration | None = Field(
        None, description="The client closes the connection so soon after the fault."
    )
    accepted_bytes: Bytes | None = Field(
        None, description="How much of the answer the client takes in."
    )
    headers_absent: Annotated[
        tuple[Text, ...] | None,
        BeforeValidator(one_or_many, json_schema_input_type=Text | tuple[Text, ...]),
    ] = Field(None, description="Headers that no attempt may carry.")


class ExpectPolicy(Strict):
    """Which of two customs the client may follow where both are in use."""

    terminal: Literal["finish", "done", "either"] | None = Field(
        None, description="What ends a stream: a finish reason, the final marker, or either."
    )


class ExpectPart(Strict):
    """Statements of both sides."""

    client: ExpectClient | None = Field(None, description="What the client tells its caller.")
    server: ExpectServer | None = Field(None, description="What the journal shows of the client.")


class ExpectFallback(ExpectPart):
    """What holds for a system that has another model to fall back to, beside the rest."""

    advice: ExpectPart | None = Field(
        None, description="The same, where it is no more than advice."
    )


class ExpectCaller(Strict):
    """What the caller does, where that is more than to ask once and to read all: drills do it, in
    tests the test does."""

    calls: StrictInt = Field(1, ge=1, description="So many logical calls; each is judged.")
    every: Duration = Field(0.0, description="One in so long; one that is late begins at once.")
    leaves_after: StrictInt | None = Field(
        None, ge=1, description="It leaves after so many chunks or events of the stream."
    )
    pause: Duration = Field(0.0, description="Before it leaves it reads nothing for so long.")

    @model_validator(mode="after")
    def pauses_before_it_leaves(self) -> Self:
        """Refuse a pause without an end."""
        if self.pause and self.leaves_after is None:
            raise expected("`leaves_after` beside pause", {"pause": self.pause})
        return self


class Expect(ExpectPart):
    """What a good client does with this profile."""

    advice: ExpectPart | None = Field(
        None, description="What a better client does too; where it does not hold, nothing is wrong."
    )
    fallback: ExpectFallback | None = Field(
        None, description="What holds for a system with another model to fall back to."
    )
    caller: ExpectCaller | None = Field(
        None, description="What the caller does, where it is more than to ask once and to read all."
    )
    after: Literal["alive"] | None = Field(
        None, description="`alive`: the next, healthy call through the same client succeeds."
    )
    policy: ExpectPolicy | None = Field(
        None, description="Which of two customs the client may follow."
    )
    probes: dict[str, Any] = Field(
        {}, description="Anything else, for a judge that knows it; not judged otherwise."
    )

    def lines(self) -> tuple[str, ...]:
        """The table, one line each: `client.text: whole`."""
        return tuple(said("", self))


def said(path: str, part: Strict) -> Iterator[str]:
    """What was given in a part of the table, in the table's order."""
    for name in type(part).model_fields:
        if name in part.model_fields_set:
            yield from said_value(f"{path}{name}", getattr(part, name))


def said_value(path: str, value: object) -> Iterator[str]:
    """One value, or the lines of a part."""
    match value:
        case None:
            return
        case Limits() | Burst() | Return():
            yield f"{path}: {value.words()}"
        case Strict():
            yield from said(f"{path}.", value)
        case dict():
            yield from (f"{path}.{key}: {flow(inner)}" for key, inner in value.items())
        case tuple():
            yield f"{path}: {' or '.join(map(str, value))}"
        case float():
            yield f"{path}: {format_seconds(value)}"
        case _:
            yield f"{path}: {flow(value)}"
