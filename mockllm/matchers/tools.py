"""Match on the tools that are offered."""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, condition_schema, glob_of, parse_condition
from mockllm.matchers.matcher import Matcher


class Tools(Matcher):
    """Whether the client offers tools, or one of such a name."""

    key = "tools"
    of_request = True
    schema: ClassVar[dict[str, object]] = {
        "anyOf": [{"type": "boolean"}, condition_schema({"type": "string"})]
    }
    wanted: Condition

    @classmethod
    def clean(cls, value: object) -> Condition:
        """true, false, or names."""
        if isinstance(value, bool):
            return Condition("present" if value else "absent")
        what = "true, false, the name of a tool, or a list of names (* stands for any text)"
        return parse_condition(value, glob_of, what)

    def why_not(self, call: Call) -> str | None:
        """The tools that were offered, beside what was wanted."""
        return self.wanted.why_not("tools", tuple(call.conversation.tools))
