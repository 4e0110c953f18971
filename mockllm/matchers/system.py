"""Match on what the system prompt says."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, parse_condition, phrase_of
from mockllm.matchers.message import PHRASES
from mockllm.matchers.said import system_of
from mockllm.matchers.text import Globs


class System(Globs):
    """The system's texts: a part of them, or a regular expression between slashes."""

    key = "system"

    @classmethod
    def clean(cls, value: object) -> Condition:
        """One part or several, or a condition on them."""
        return parse_condition(value, phrase_of, PHRASES)

    def text(self, call: Call) -> str | None:
        """All texts of the system and of the developer, one a line."""
        return system_of(call.data)
