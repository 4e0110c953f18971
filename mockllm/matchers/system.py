"""Match on what the system prompt says."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.message import Message
from mockllm.matchers.said import system_of


class System(Message):
    """The system's texts: a part of them, or a regular expression between slashes."""

    key = "system"
    of_request = True

    def text(self, call: Call) -> str | None:
        """All texts of the system and of the developer, one a line."""
        return system_of(call.data)
