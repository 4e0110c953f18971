"""How often a fault acts: keys beside the verb, which must all hold.

What counts are the calls that reached the fault's route. Chance and time come in as an
`Occasion`, so the same occasion always gives the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field, StrictInt, WithJsonSchema

from mockllm.faults.values import Duration, Share, Strict, expected, one_or_many


@dataclass(frozen=True, slots=True)
class Occasion:
    """When a call reached a fault's route, and the fault's draw. All of a fault's chance and time."""

    ordinal: int = 1
    """The how manieth call of its session at this route, from 1."""
    elapsed: float = 0.0
    """Seconds on the server's clock since its start or reset, before `speed`."""
    draw: float = 0.0
    """At least 0, less than 1."""


Ordinal = Annotated[StrictInt, Field(ge=1)]


def parse_window(value: object) -> object:
    """`[0s, 20s]`; the rest is checked by the field's type."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise expected("a window of two times such as [0s, 20s]", value)
    return value


class Often(Strict):
    """The frequencies of a fault."""

    first: StrictInt | None = Field(
        None, ge=1, description="Only the first N calls of the session."
    )
    nth: (
        Annotated[
            tuple[Ordinal, ...],
            BeforeValidator(one_or_many, json_schema_input_type=Ordinal | tuple[Ordinal, ...]),
        ]
        | None
    ) = Field(None, description="Only these calls of the session, counted from 1.")
    during: (
        Annotated[
            tuple[Duration, Duration],
            BeforeValidator(parse_window),
            WithJsonSchema(
                {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}
            ),
        ]
        | None
    ) = Field(None, description="Only in this window of the server's clock: [from, until].")
    chance: Share | None = Field(None, description="Only this share of the calls, by the seed.")

    def skipped(self, occasion: Occasion) -> str | None:
        """Why the fault does not act on this call; None if it does."""
        if self.first is not None and occasion.ordinal > self.first:
            return f"call {occasion.ordinal} of the session, first: {self.first}"
        if self.nth is not None and occasion.ordinal not in self.nth:
            return f"call {occasion.ordinal} of the session, nth: {list(self.nth)}"
        if self.during is not None and not self.during[0] <= occasion.elapsed < self.during[1]:
            start, stop = self.during
            return f"{occasion.elapsed:.3f}s on the server's clock, during: [{start:g}s, {stop:g}s]"
        if self.chance is not None and occasion.draw >= self.chance:
            return f"the dice said {occasion.draw:.1%}, chance: {self.chance * 100:g}%"
        return None
