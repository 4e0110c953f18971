"""Match on the path of the request."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.text import Globs


class Path(Globs):
    """The path, without the prefix that chose a profile."""

    key = "path"
    of_request = True

    def text(self, call: Call) -> str | None:
        """The path, without the query."""
        return call.path
