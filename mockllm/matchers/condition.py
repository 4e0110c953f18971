"""What a profile says of a value: one test or a list of them, `not`, `present` or `absent`."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mockllm.faults.values import expected, flow, one_or_many
from mockllm.matchers.matcher import glob

Show = Callable[[str], str]
SHOWN = 60
"""The characters of a value that a reason shows."""


class Test(ABC):
    """Something that a value may be."""

    __test__ = False

    @abstractmethod
    def holds(self, value: object) -> bool:
        """Whether the value is it."""

    @abstractmethod
    def __str__(self) -> str:
        """The test, as a profile spells it."""


@dataclass(frozen=True, slots=True)
class Glob(Test):
    """A text that is matched whole; `*` is any text, `?` one character."""

    text: str

    @property
    def literal(self) -> bool:
        """Whether it is one text, and no form of several."""
        return "*" not in self.text and "?" not in self.text

    def holds(self, value: object) -> bool:
        """Whether the value is a text of this form."""
        if self.literal:
            return value == self.text
        return isinstance(value, str) and glob(self.text).fullmatch(value) is not None

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Contains(Test):
    """A part of a text."""

    text: str

    def holds(self, value: object) -> bool:
        """Whether the value is a text that holds the part."""
        return isinstance(value, str) and self.text in value

    def __str__(self) -> str:
        return repr(self.text)


@dataclass(frozen=True, slots=True)
class Regex(Test):
    """A regular expression that is found somewhere in a text."""

    pattern: re.Pattern[str]

    def holds(self, value: object) -> bool:
        """Whether the value is a text in which it is found."""
        return isinstance(value, str) and self.pattern.search(value) is not None

    def __str__(self) -> str:
        return f"/{self.pattern.pattern}/"


@dataclass(frozen=True, slots=True)
class Exactly(Test):
    """A number, true, false or null."""

    value: float | bool | None

    def holds(self, value: object) -> bool:
        """Whether the value is it: 1 is 1.0 but not true."""
        same_kind = isinstance(value, bool) == isinstance(self.value, bool)
        return same_kind and value == self.value

    def __str__(self) -> str:
        return flow(self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """What the values of a call must be; there may be several of one name, or none."""

    sense: Literal["any", "not", "present", "absent"]
    tests: tuple[Test, ...] = ()

    def holds(self, values: Sequence[object]) -> bool:
        """Whether the values are as they must be."""
        found = any(test.holds(value) for test in self.tests for value in values)
        match self.sense:
            case "any":
                return found
            case "not":
                return not found
            case "present":
                return bool(values)
            case "absent":
                return not values

    def why_not(self, name: str, values: Sequence[object], show: Show = str) -> str | None:
        """What came, beside what was wanted; None if it holds. `show` hides what is secret."""
        if self.holds(values):
            return None
        got = ", ".join(shown(value, show) for value in values) if values else "nothing"
        return f"{name} is {got}, wanted {self.words(show)}"

    def words(self, show: Show = str) -> str:
        """The condition, as a reason says it."""
        words = " or ".join(show(str(test)) for test in self.tests)
        others = {"not": f"anything but {words}", "present": "any", "absent": "none"}
        return others.get(self.sense, words)

    def __str__(self) -> str:
        return self.words()


def shown(value: object, show: Show) -> str:
    """A value, not too long."""
    text = repr(show(value)) if isinstance(value, str) else flow(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def parse_condition(
    value: object,
    read: Callable[[object], Test | None],
    what: str,
    name: str = "",
    *,
    presence: bool = True,
) -> Condition:
    """Read the condition of a profile; `read` reads one test, and gives None where it is none.

    `what` says what is expected, `name` where; without `presence` there is always a value.
    """
    before = f"{name}: " if name else ""
    if isinstance(value, dict):
        match value:
            case {"not": inner} if len(value) == 1 and not isinstance(inner, dict):
                return Condition("not", parse_condition(inner, read, what, name).tests)
            case {"present": True} if len(value) == 1 and presence:
                return Condition("present")
            case {"absent": True} if len(value) == 1 and presence:
                return Condition("absent")
        others = ", {present: true} or {absent: true}" if presence else ""
        raise expected(f"{before}{{not: …}}{others}", value)
    tests = [read(item) for item in one_or_many(value)]
    if not tests or None in tests:
        raise expected(f"{before}{what}", value)
    return Condition("any", tuple(test for test in tests if test is not None))


def condition_schema(*kinds: dict[str, Any]) -> dict[str, object]:
    """The JSON Schema of a condition whose single tests look so."""
    one = kinds[0] if len(kinds) == 1 else {"anyOf": list(kinds)}
    many: dict[str, Any] = {"type": "array", "items": one, "minItems": 1}
    return {"anyOf": [*kinds, many, negated({"anyOf": [*kinds, many]}), *PRESENCE]}


def negated(inner: dict[str, Any]) -> dict[str, Any]:
    """`{not: …}`"""
    return mapping("not", inner)


def mapping(key: str, value: dict[str, Any]) -> dict[str, Any]:
    """A mapping of one key."""
    return {
        "type": "object",
        "properties": {key: value},
        "required": [key],
        "additionalProperties": False,
    }


PRESENCE = (mapping("present", {"const": True}), mapping("absent", {"const": True}))


def glob_of(item: object) -> Test | None:
    """A glob."""
    if not isinstance(item, str):
        return None
    return Glob(item)


def phrase_of(item: object) -> Test | None:
    """A part of a text, or a regular expression between slashes."""
    if not isinstance(item, str):
        return None
    if len(item) < 3 or not item.startswith("/") or not item.endswith("/"):
        return Contains(item)
    try:
        return Regex(re.compile(item[1:-1]))
    except re.error as error:
        raise expected("a regular expression", item, f"{error}") from None


def scalar_of(item: object) -> Test | None:
    """A glob for a text, or the number, true, false or null itself."""
    if isinstance(item, str):
        return Glob(item)
    if item is not None and not isinstance(item, int | float):
        return None
    return Exactly(item)
