"""What only the operating system knows of a socket."""

from __future__ import annotations

import socket
import struct
import sys
from typing import Any

LINGER_ZERO = struct.pack("ii", 1, 0)
SIOCOUTQNSD = 0x894B
"""Bytes in the send queue that have not been sent yet; see tcp(7) and linux/sockios.h."""


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
