"""Match on the results of tools that the client brings."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Test, phrase_of
from mockllm.matchers.said import results_of
from mockllm.matchers.text import Several


class ToolResult(Several):
    """Whether results of tools came behind the user's last words, or one that holds such a text."""

    key = "tool_result"
    of_request = True
    what = "true, false, a text, a list of texts, or /a regex/"

    @classmethod
    def test(cls, item: object) -> Test | None:
        """A part of a result."""
        return phrase_of(item)

    def texts(self, call: Call) -> tuple[str, ...]:
        """The results."""
        return results_of(call.data)
