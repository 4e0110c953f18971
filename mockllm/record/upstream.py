"""The server that is recorded: how it is reached, directly, over TLS, and through a proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from mockllm.cassettes.cassette import Ending

CONNECT_LIMIT = 30.0
"""Seconds after which a connection that does not come about is given up."""
MAX_REPLY = 64 << 10
"""Bytes that a proxy may say before the tunnel."""
DROPPED = frozenset(
    {
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"proxy-connection",
        b"proxy-authorization",
        b"keep-alive",
        b"upgrade",
    }
)
"""Headers of a request that belong to the connection it came on (RFC 9110 section 7.6.1), and those
that are made anew. `connection` stays: what it says changes the answer."""

P = TypeVar("P", bound=asyncio.Protocol)


def origin_form(target: str) -> str | None:
    """The path and query of a request's target, as an upstream wants them; None where it has none.

    A client that takes the recorder for its proxy says the whole URL (RFC 9112 section 3.2).
    """
    if target.startswith("/"):
        return target
    if "://" not in target:
        return None
    parts = urlsplit(target)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class Unreachable(Exception):
    """There is no connection; `ending` says why."""

    def __init__(self, ending: Ending, why: str) -> None:
        super().__init__(why)
        self.ending = ending


class Upstream:
    """Where requests go. Raises `ValueError` for a URL that names no server."""

    def __init__(self, url: str, *, trust: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                f"--upstream: expected a URL such as https://api.openai.com, got '{url}'"
            )
        self.url = url.rstrip("/")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.path = parts.path.rstrip("/")
        """What stands before the path of every request."""
        self._named = parts.netloc.rpartition("@")[2].encode()
        secure = parts.scheme == "https"
        self._tls = (trust or ssl.create_default_context()) if secure else None
        self._proxy = self._proxy_for(parts.scheme)

    def _proxy_for(self, scheme: str) -> str | None:
        """The proxy of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`)."""
        if proxy_bypass(f"{self.host}:{self.port}"):
            return None
        proxies = getproxies()
        return proxies.get(scheme) or proxies.get("all")

    def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[bytes, bytes]],
        body: bytes,
        *,
        http10: bool = False,
    ) -> bytes:
        """A request as this server gets it: the client's, with its own host and length."""
        path = self.path.encode() + target.encode("utf-8", "surrogateescape")
        kept = [pair for pair in headers if pair[0].lower() not in DROPPED]
        if self._proxy is not None and self._tls is None:
            path = b"http://" + self._named + path
            kept += proxy_headers(self._proxy)
        lines = [b"%b %b HTTP/%b" % (method.encode(), path, b"1.0" if http10 else b"1.1")]
        lines += [b"Host: " + self._named, *(b"%b: %b" % pair for pair in kept)]
        if body or method not in ("GET", "HEAD", "DELETE", "OPTIONS"):
            lines.append(b"Content-Length: %d" % len(body))
        return b"\r\n".join([*lines, b"", body])

    async def connect(self, protocol: Callable[[], P]) -> P:
        """A connection of its own for one exchange; raises `Unreachable`."""
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                return await self._connect(protocol)
        except TimeoutError:
            raise Unreachable("timeout", f"no connection in {CONNECT_LIMIT:g} seconds") from None
        except socket.gaierror as error:
            raise Unreachable("unresolved", str(error.strerror or error)) from None
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise Unreachable("tls", str(error)) from None
        except ConnectionResetError as error:
            raise Unreachable("rst", str(error)) from None
        except OSError as error:
            raise Unreachable("refused", str(error.strerror or error)) from None

    async def _connect(self, protocol: Callable[[], P]) -> P:
        loop = asyncio.get_running_loop()
        name = self.host if self._tls is not None else None
        if self._proxy is None:
            _, made = await loop.create_connection(
                protocol, self.host, self.port, ssl=self._tls, server_hostname=name
            )
            return made
        proxy = urlsplit(self._proxy if "://" in self._proxy else f"http://{self._proxy}")
        host, port = proxy.hostname or "", proxy.port or 80
        if self._tls is None:
            _, made = await loop.create_connection(protocol, host, port)
            return made
        sock = await opened(host, port)
        try:
            await self._tunnel(sock)
        except BaseException:
            sock.close()
            raise
        _, made = await loop.create_connection(
            protocol, sock=sock, ssl=self._tls, server_hostname=name
        )
        return made

    async def _tunnel(self, sock: socket.socket) -> None:
        """Ask the proxy for a tunnel; raises `OSError` where it does not give one."""
        assert self._proxy is not None
        loop = asyncio.get_running_loop()
        address = f"{self.host}:{self.port}".encode()
        lines = [b"CONNECT %b HTTP/1.1" % address, b"Host: " + address]
        lines += [b"%b: %b" % pair for pair in proxy_headers(self._proxy)]
        await loop.sock_sendall(sock, b"\r\n".join([*lines, b"", b""]))
        reply = b""
        # Byte by byte, because what follows belongs to the tunnel.
        while not reply.endswith(b"\r\n\r\n"):
            byte = await loop.sock_recv(sock, 1)
            reply += byte
            if not byte or len(reply) > MAX_REPLY:
                raise OSError("the proxy gave no tunnel")
        said = reply.split(b"\r\n")[0].decode("latin-1")
        if said.split(" ")[1:2] != ["200"]:
            raise OSError(f"the proxy gave no tunnel: {said}")


async def opened(host: str, port: int) -> socket.socket:
    """A connected socket; raises `OSError`."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failed: OSError = OSError(f"{host} has no address")
    for family, kind, number, _, address in found:
        sock = socket.socket(family, kind, number)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def proxy_headers(proxy: str) -> list[tuple[bytes, bytes]]:
    """What a proxy wants to know of its user, who stands in its URL."""
    parts = urlsplit(proxy)
    if parts.username is None:
        return []
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return [(b"Proxy-Authorization", b"Basic " + b64encode(pair.encode()))]
