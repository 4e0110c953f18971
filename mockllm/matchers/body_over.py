"""Match on the size of the request's body."""

from __future__ import annotations

from typing import ClassVar

from mockllm.faults.values import SIZE, parse_size
from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher


class BodyOver(Matcher):
    """Only requests whose body is larger than this, such as 100KiB."""

    key = "body_over"
    of_request = True
    schema: ClassVar[dict[str, object]] = {"type": "string", "pattern": SIZE}
    wanted: int

    @classmethod
    def clean(cls, value: object) -> int:
        """The size in bytes."""
        return parse_size(value)

    def why_not(self, call: Call) -> str | None:
        """The size that came, beside what was wanted."""
        if len(call.body) > self.wanted:
            return None
        return f"the body has {len(call.body)} bytes, wanted over {self.wanted}"
