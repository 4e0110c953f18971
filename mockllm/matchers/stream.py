"""Match on whether a stream was asked for."""

from __future__ import annotations

from typing import ClassVar

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher


class Stream(Matcher):
    """Whether the client asked for a stream."""

    key = "stream"
    of_request = True
    schema: ClassVar[dict[str, object]] = {"type": "boolean"}
    wanted: bool

    @classmethod
    def clean(cls, value: object) -> bool:
        """true or false."""
        if not isinstance(value, bool):
            raise expected("true or false", value)
        return value

    def why_not(self, call: Call) -> str | None:
        """Which of the two it was."""
        if call.stream == self.wanted:
            return None
        return "a stream was asked for" if call.stream else "no stream was asked for"
