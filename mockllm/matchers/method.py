"""Match on the method of the request."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.text import Globs


class Method(Globs):
    """The HTTP method, such as POST."""

    key = "method"
    of_request = True

    def text(self, call: Call) -> str | None:
        """The method, in capitals."""
        return call.method
