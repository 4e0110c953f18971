"""Match on the attempt of a logical call."""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, Exactly, Test, negated, parse_condition
from mockllm.matchers.matcher import Matcher

ONE = {"type": "integer", "minimum": 1}
ANY = {"anyOf": [ONE, {"type": "array", "items": ONE, "minItems": 1}]}


class Attempt(Matcher):
    """Which attempt of the same request it is, counted from 1."""

    key = "attempt"
    schema: ClassVar[dict[str, object]] = {"anyOf": [*ANY["anyOf"], negated(ANY)]}
    wanted: Condition

    @classmethod
    def clean(cls, value: object) -> Condition:
        """A number, or several."""
        what = "the number of an attempt, or a list of numbers"
        return parse_condition(value, number_of, what, presence=False)

    def why_not(self, call: Call) -> str | None:
        """The number that it is, beside what was wanted."""
        return self.wanted.why_not("attempt", (call.attempt,))


def number_of(item: object) -> Test | None:
    """A whole number from 1."""
    if not isinstance(item, int) or isinstance(item, bool) or item < 1:
        return None
    return Exactly(item)
