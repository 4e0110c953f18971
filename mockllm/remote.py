"""Talking to a running server from the command line; standard library only, because it must be fast.

`health` opens a socket itself: a container calls it every few seconds.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


class RemoteError(Exception):
    """The server does not answer, or refuses."""


def with_scheme(url: str) -> str:
    """A URL, where only host and port may have been written."""
    return url if "://" in url else f"http://{url}"


def health(url: str, timeout: float) -> None:
    """Raise `RemoteError` unless the server says that it is healthy."""
    parts = urlsplit(with_scheme(url))
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    request = f"GET /_mockllm/health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, port), timeout) as sock:
            sock.settimeout(timeout)
            sock.sendall(request.encode("ascii"))
            answer = sock.recv(64)
    except OSError as error:
        raise RemoteError(f"no answer from {url}: {error}") from None
    if not answer.startswith(b"HTTP/1.1 200 "):
        line = answer.partition(b"\r\n")[0].decode("latin-1")
        raise RemoteError(f"{url} is not healthy: expected HTTP/1.1 200, got '{line}'")


def put_profile(url: str, wish: dict[str, Any], token: str | None) -> dict[str, Any]:
    """Switch the profile; raises `RemoteError` with what the server says."""
    body, _ = ask(url, "PUT", "/profile", token, json.dumps(wish).encode())
    return read_json(url, body)


def get_report(
    url: str, token: str | None, *, form: str, session: str | None, ignore: str
) -> tuple[str, bool]:
    """What happened at a server, as text or JSON, and whether something is wrong with it; raises
    `RemoteError` with what the server says."""
    from urllib.parse import urlencode

    query = {"ignore": ignore} | ({} if session is None else {"session": session})
    if form == "json":
        body, _ = ask(url, "GET", f"/report?{urlencode(query)}", token)
        return body.decode(), read_json(url, body)["failed"] is True
    body, headers = ask(url, "GET", f"/report?{urlencode(query | {'format': 'text'})}", token)
    return body.decode(), headers.get("x-mockllm-failed") == "true"


def read_json(url: str, body: bytes) -> dict[str, Any]:
    """A JSON object from a server; raises `RemoteError` for anything else."""
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise RemoteError(f"{url} is no mockllm server: {error}") from None
    return answer


def ask(
    url: str, method: str, path: str, token: str | None, body: bytes | None = None
) -> tuple[bytes, Mapping[str, str]]:
    """The answer of the admin API, body and headers; raises `RemoteError` with what it says."""
    from urllib.error import HTTPError, URLError
    from urllib.request import ProxyHandler, Request, build_opener

    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    request = Request(  # noqa: S310  the user names the server
        f"{with_scheme(url).rstrip('/')}/_mockllm{path}", data=body, headers=headers, method=method
    )
    # No proxy: the server is on this machine or close by, and HTTP_PROXY means the internet.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as response:
            return response.read(), response.headers
    except HTTPError as error:
        raise RemoteError(refusal(url, error.code, error.read())) from None
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise RemoteError(f"no answer from {url}: {reason}; is `mockllm serve` running?") from None


def refusal(url: str, status: int, body: bytes) -> str:
    """What the server says of a request that it refuses."""
    try:
        message = json.loads(body)["error"]
    except (ValueError, KeyError, TypeError):
        message = body[:200].decode("utf-8", "replace")
    return message if isinstance(message, str) else f"{url} answered {status}: {message}"
