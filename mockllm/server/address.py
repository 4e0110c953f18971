"""An address that stays ours, whether anybody listens on it or not.

One socket, the keeper, is bound and never listens: the kernel answers a SYN with an RST while no
other socket listens, and gives the port to nobody else. Whoever is to listen gets a second socket
on the same address, and closes it to be deaf again. Observed on Linux 6.18; a program of the same
user that asks for SO_REUSEPORT could share the port.
"""

from __future__ import annotations

import socket

from mockllm.server.kernel import cannot_listen

BACKLOG = 4096
"""Connections that wait to be accepted; the kernel may allow fewer (net.core.somaxconn)."""


class Address:
    """A host and a port of it, from the start of a server to its stop."""

    def __init__(self, host: str, port: int) -> None:
        """Take a port; 0 takes a free one. Raises `OSError`, with the address, where it cannot be
        had."""
        if not 0 <= port <= 65535:  # getaddrinfo would take it modulo 65536
            raise OSError(
                f"cannot listen on {host}:{port}: expected a port from 0 to 65535, got {port}"
            )
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        self._family = family
        self._keeper = socket.socket(self._family)
        try:
            # Bound as every server binds; only then shared with sockets of ours, and no longer
            # with servers that would take the port while nobody listens.
            self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._keeper.bind(address)
            self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        except OSError as error:
            self._keeper.close()
            raise cannot_listen(host, port, error) from None
        self._name = self._keeper.getsockname()

    @property
    def port(self) -> int:
        """The number of the port."""
        port: int = self._name[1]
        return port

    def listening(self, backlog: int = BACKLOG) -> socket.socket:
        """A socket on which connections wait to be accepted, until it is closed."""
        sock = socket.socket(self._family)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind(self._name)
            sock.listen(backlog)
        except OSError:
            sock.close()
            raise
        sock.setblocking(False)
        return sock

    def connecting(self) -> socket.socket:
        """A socket that has begun to connect to this address."""
        sock = socket.socket(self._family)
        sock.setblocking(False)
        sock.connect_ex(self._name)
        return sock

    def close(self) -> None:
        """Give the port up."""
        self._keeper.close()
