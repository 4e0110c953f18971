"""`close`: the end of the exchange, before its time."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, StrictBool

from mockllm.faults.anchors import Anchor
from mockllm.faults.fault import MOMENTS, Adding, Exchange
from mockllm.timeline.events import Close, End, Head, Message


class CloseFault(Adding):
    """The exchange ends here.

    On the wire: `clean` ends the body as its framing demands (the terminating chunk) and keeps the
    connection, so only a missing finish or done frame tells that something is lost; before the
    head, where no body can end, it closes the connection. `fin` closes the connection without the
    end of the body. `rst` waits until what was written has left the
    machine, then resets the connection: the reader gets all bytes, then ECONNRESET. `half` closes
    the server's side alone: the reader sees the end of the stream, and the socket stays until the
    reader closes it. `announce` puts `connection: close` into the head, if that is still to come.

    Under TLS `fin` says goodbye first (close_notify, then the FIN), `rst` does not, and `half` is
    refused, because TLS has none.

    At `connect`, on a listener: `refuse` closes the port (ECONNREFUSED), `never-accept` fills the
    queue of the port, so that a connect hangs; `fin` and `rst` end the accepted connection before
    a byte. At `tls` the handshake ends. At `idle` the kept connection ends after the exchange;
    `idle next-byte` waits for the first byte of the next request, as a server whose keep-alive
    time has just run out.
    """

    verb: ClassVar = "close"
    points: ClassVar = (*MOMENTS, "upload", "idle", "connect", "tls")
    default_at: ClassVar = "after content 5"

    close: Literal["clean", "fin", "rst", "half", "refuse", "never-accept"] = Field(
        description="clean, fin, rst, half; at connect also refuse and never-accept."
    )
    announce: StrictBool = Field(
        False, description="Whether the head says `connection: close` before."
    )

    def value_why_not(self, anchor: Anchor) -> str | None:
        """Some endings belong to some moments."""
        if self.close in ("refuse", "never-accept") and anchor.point != "connect":
            return f"{self.close} keeps a connection from being made; say connect"
        if anchor.point in ("connect", "tls", "upload", "idle") and self.close == "clean":
            return "there is no body to end; say fin or rst"
        if anchor.point == "tls" and self.close == "half":
            return "TLS has no half close; say fin or rst"
        if self.announce and (self.close not in ("clean", "fin") or anchor.point not in MOMENTS):
            return "only an orderly end of an exchange is announced"
        return None

    def head(self, head: Head) -> Head:
        """The head with the announcement."""
        return head.closing() if self.announce else head

    def events(self, exchange: Exchange) -> tuple[Message, ...]:
        """The ending."""
        match self.close:
            case "clean":
                return (End(),)
            case "fin" | "rst" | "half" as how:
                return (Close(how),)
            case _:
                return ()

    def value(self) -> str:
        """The ending's name."""
        return f"{self.close}, announce: true" if self.announce else self.close
