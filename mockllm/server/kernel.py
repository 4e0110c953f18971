"""What only the operating system knows of a socket."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from typing import Any

LINGER_ZERO = struct.pack("ii", 1, 0)
SIOCOUTQNSD = 0x894B
"""Bytes in the send queue that have not been sent yet; see tcp(7) and linux/sockios.h."""


class Shortcut:
    """The way to one open file, past what else stands before it."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number
        """That of the file."""

    def send(self, data: bytes) -> int:
        """Hand bytes to the kernel at once; how many it took, 0 where it took none."""
        try:
            return os.write(self.number, data)
        except OSError:  # full, or broken, which the transport finds out too
            return 0


def shortcut(transport: asyncio.BaseTransport) -> Shortcut | None:
    """The way past a transport to its socket; None where there is none, as with TLS.

    A transport of uvloop sends at the end of the loop's turn, when all that is due has been
    written: the first of a thousand frames would wait for the last. Only for a transport that is
    open and has nothing to send: what the kernel does not take, and an error, are the transport's.
    """
    sock = transport.get_extra_info("socket")
    tls = transport.get_extra_info("ssl_object") is not None
    if sock is None or tls or sys.platform == "win32":
        return None
    return Shortcut(sock.fileno())


def unsent(sock: Any) -> int:
    """Bytes that the kernel has not put on the wire yet; 0 where it does not tell."""
    if sys.platform != "linux":
        return 0
    from fcntl import ioctl

    try:
        raw = ioctl(sock.fileno(), SIOCOUTQNSD, b"\0\0\0\0")
    except OSError:
        return 0
    return int(struct.unpack("i", raw)[0])


def cannot_listen(host: str, port: int, error: OSError) -> OSError:
    """The same error, with the address, and with what to do."""
    text = f"cannot listen on {host}:{port}: {error.strerror or error}; choose another, or port 0"
    return OSError(error.errno, text)


def reset_on_close(sock: Any) -> None:
    """Make the next close an RST: SO_LINGER with a time of zero."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
