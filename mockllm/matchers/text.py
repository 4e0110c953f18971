"""The bases of matchers that compare texts of the call."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import ClassVar

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.matchers.condition import (
    Condition,
    Glob,
    Test,
    condition_schema,
    glob_of,
    parse_condition,
)
from mockllm.matchers.matcher import Matcher

TEXT = {"type": "string"}
GLOBS = "a text, or a list of texts (* stands for any text)"


class Globs(Matcher):
    """A text of the call, compared with one glob or a list of globs."""

    schema: ClassVar[dict[str, object]] = condition_schema(TEXT)
    wanted: Condition

    @classmethod
    def clean(cls, value: object) -> Condition:
        """One text or several, or a condition on them."""
        return parse_condition(value, glob_of, GLOBS)

    @abstractmethod
    def text(self, call: Call) -> str | None:
        """The text of the call that is compared."""

    def why_not(self, call: Call) -> str | None:
        """The text that came, beside what was wanted."""
        text = self.text(call)
        return self.wanted.why_not(self.key, () if text is None else (text,), self.shown)

    def holds(self, call: Call) -> bool:
        """Whether the text is as it must be."""
        if not self._plain:
            return super().holds(call)
        text = self.text(call)
        return self.wanted.holds(() if text is None else (text,))

    @property
    def literals(self) -> frozenset[str] | None:
        """The only texts with which it holds; None where there are others."""
        tests = self.wanted.tests
        if self.wanted.sense != "any" or not self._plain:
            return None
        texts = [test.text for test in tests if isinstance(test, Glob) and test.literal]
        return frozenset(texts) if len(texts) == len(tests) else None

    @property
    def _plain(self) -> bool:
        """Whether the condition on the text is all that there is: a kind of another distribution
        may say more."""
        return type(self).why_not is Globs.why_not

    def shown(self, text: str) -> str:
        """A text as a reason shows it."""
        return text


class Several(Matcher):
    """Several texts of the call: whether there are any, or one of such a form."""

    schema: ClassVar[dict[str, object]] = {"anyOf": [{"type": "boolean"}, condition_schema(TEXT)]}
    wanted: Condition
    what: ClassVar[str]
    """What is expected of its value."""

    @classmethod
    def clean(cls, value: object) -> Condition:
        """true, false, or forms of a text."""
        if isinstance(value, bool):
            return Condition("present" if value else "absent")
        return parse_condition(value, cls.test, cls.what)

    @classmethod
    @abstractmethod
    def test(cls, item: object) -> Test | None:
        """One form of a text."""

    @abstractmethod
    def texts(self, call: Call) -> tuple[str, ...]:
        """The texts that the call has."""

    def why_not(self, call: Call) -> str | None:
        """The texts that came, beside what was wanted."""
        return self.wanted.why_not(self.key, self.texts(call))


class Named(Matcher):
    """Several texts of the call by name, each with a condition; all must hold."""

    schema: ClassVar[dict[str, object]] = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": condition_schema(TEXT),
    }
    wanted: tuple[tuple[str, Condition], ...]

    @classmethod
    def clean(cls, value: object) -> tuple[tuple[str, Condition], ...]:
        """A mapping of names to conditions."""
        if not isinstance(value, dict) or not value:
            raise expected(f"a mapping of {cls.key} to value", value)
        return tuple((str(name), cls.condition(str(name), part)) for name, part in value.items())

    @classmethod
    def condition(cls, name: str, value: object) -> Condition:
        """The condition of one name."""
        return parse_condition(value, glob_of, GLOBS, name)

    @abstractmethod
    def values(self, call: Call, name: str) -> tuple[object, ...]:
        """What the call has of this name."""

    def why_not(self, call: Call) -> str | None:
        """What does not hold: what came, beside what was wanted."""
        reasons = (
            condition.why_not(
                f"{self.key} {name}", self.values(call, name), partial(self.shown, name)
            )
            for name, condition in self.wanted
        )
        return ", ".join(reason for reason in reasons if reason is not None) or None

    def shown(self, name: str, text: str) -> str:
        """A text of this name as a reason shows it."""
        return text

    def __repr__(self) -> str:
        return f"{self.key}: {', '.join(f'{name} {part}' for name, part in self.wanted)}"
