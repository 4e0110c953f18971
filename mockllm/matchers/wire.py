"""Match on the provider API that is spoken."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.text import Globs


class Wire(Globs):
    """The wire, such as openai.chat."""

    key = "wire"
    of_request = True

    def text(self, call: Call) -> str | None:
        """The wire that serves the path."""
        return call.wire
