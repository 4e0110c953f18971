"""`close`: the end of the exchange, before its time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mockllm.faults.fault import Adding, Exchange
from mockllm.timeline.events import Close, End, Message


class CloseFault(Adding):
    """The exchange ends here.

    On the wire: `clean` ends the body as its framing demands (the terminating chunk) and keeps the
    connection, so only a missing finish or done frame tells that something is lost; before the
    head, where no body can end, it closes the connection. `fin` closes the connection without the
    end of the body. `rst` waits until what was written has left the
    machine, then resets the connection: the reader gets all bytes, then ECONNRESET.
    """

    verb: ClassVar = "close"
    points: ClassVar = ("request", "head", "before", "after", "t", "end")
    default_at: ClassVar = "after content 5"

    close: Literal["clean", "fin", "rst"] = Field(description="clean, fin or rst.")

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The ending."""
        return (End(),) if self.close == "clean" else (Close(self.close),)

    def value(self) -> str:
        """The ending's name."""
        return self.close
