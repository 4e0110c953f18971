"""Match on the results of tools that the client brings."""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, condition_schema, parse_condition, phrase_of
from mockllm.matchers.matcher import Matcher
from mockllm.matchers.message import PHRASES
from mockllm.matchers.said import results_of


class ToolResult(Matcher):
    """Whether results of tools came behind the user's last words, or one that holds such a text."""

    key = "tool_result"
    schema: ClassVar[dict[str, object]] = {
        "anyOf": [{"type": "boolean"}, condition_schema({"type": "string"})]
    }
    wanted: Condition

    @classmethod
    def clean(cls, value: object) -> Condition:
        """true, false, or parts of a result."""
        if isinstance(value, bool):
            return Condition("present" if value else "absent")
        return parse_condition(value, phrase_of, f"true, false, {PHRASES}")

    def why_not(self, call: Call) -> str | None:
        """The results that came, beside what was wanted."""
        return self.wanted.why_not("tool_result", results_of(call.data))
