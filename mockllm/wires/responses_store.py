"""What is kept of a response, and how one in the background goes on."""

from __future__ import annotations

from typing import Any

from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.responses_reply import Reply
from mockllm.wires.wire import Put, Setting

KIND = "openai.response"
"""Under which kind responses are stored."""


@valueclass(frozen=True)
class Stored:
    """A response as it is kept."""

    reply: Reply
    status: str
    """As it was when it was last told."""

    def put(self) -> Put:
        """Keep it."""
        return Put(KIND, self.reply.id, self)

    @property
    def pending(self) -> bool:
        """Whether it has not ended yet."""
        return self.status in ("queued", "in_progress")

    def advanced(self) -> Stored:
        """The response as it is when it is asked for: from queue to work, from work to its end."""
        match self.status:
            case "queued":
                return replace(self, status="in_progress")
            case "in_progress":
                return self.ended()
            case _:
                return self

    def ended(self) -> Stored:
        """The response at its end."""
        return replace(self, status=self.reply.status) if self.pending else self


def find(id: Any, setting: Setting) -> Stored | None:
    """The response of this id; None where none is stored."""
    found = setting.store.get(KIND, id) if isinstance(id, str) else None
    return found if isinstance(found, Stored) else None
