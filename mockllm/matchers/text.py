"""The base of matchers that compare one text of the call with globs."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from mockllm.faults.values import expected, one_or_many
from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher, glob


class Globs(Matcher):
    """A text of the call, compared with one glob or a list of globs."""

    schema: ClassVar[dict[str, object]] = {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]
    }
    wanted: tuple[str, ...]

    @classmethod
    def clean(cls, value: object) -> tuple[str, ...]:
        """One text or several."""
        items = one_or_many(value)
        if not items or not all(isinstance(item, str) for item in items):
            raise expected("a text, or a list of texts (* stands for any text)", value)
        return tuple(items)

    @abstractmethod
    def text(self, call: Call) -> str | None:
        """The text of the call that is compared."""

    def why_not(self, call: Call) -> str | None:
        """The text that came, beside what was wanted."""
        text = self.text(call)
        if text is not None and any(glob(item).fullmatch(text) for item in self.wanted):
            return None
        got = "nothing" if text is None else repr(text)
        return f"{self.key} is {got}, wanted {' or '.join(self.wanted)}"
