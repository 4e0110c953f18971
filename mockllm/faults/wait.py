"""`wait`: silence."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from mockllm.faults.fault import Adding, Exchange
from mockllm.faults.values import DurationOrForever, format_seconds
from mockllm.timeline.events import Message, Wait


class WaitFault(Adding):
    """Silence: no byte is sent and the connection stays open.

    On the wire: nothing, for the given time counted from the moment the wait begins. What was
    planned before has been handed to the kernel; what comes after is as late as the wait was long.
    `forever` ends when the peer leaves or the server stops. Any wait ends early if the peer leaves.
    """

    verb: ClassVar = "wait"
    points: ClassVar = ("request", "head", "before", "after", "t", "end")
    default_at: ClassVar = "request"

    wait: DurationOrForever = Field(description="How long: 300ms, 2s, 1m30s, or forever.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """One wait that is not part of the pacing."""
        return (Wait(self.wait),)

    def value(self) -> str:
        """The duration as a profile spells it."""
        return format_seconds(self.wait)
