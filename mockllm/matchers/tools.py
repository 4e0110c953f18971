"""Match on the tools that are offered."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.condition import Test, glob_of
from mockllm.matchers.text import Several


class Tools(Several):
    """Whether the client offers tools, or one of such a name."""

    key = "tools"
    of_request = True
    what = "true, false, the name of a tool, or a list of names (* stands for any text)"

    @classmethod
    def test(cls, item: object) -> Test | None:
        """A name."""
        return glob_of(item)

    def texts(self, call: Call) -> tuple[str, ...]:
        """The names, in order."""
        return tuple(call.conversation.tools)
