"""The admin API under `/_mockllm/`: health, journal, profiles, reset, plan, and the test kit.

It is open on loopback to programs and to pages of the same origin: Host and Origin are checked, so
a page elsewhere cannot reach it through the browser. On any other address it needs a token, sent
as `Authorization: Bearer`, and without a configured token it is off.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Protocol

from aiohttp import web

from mockllm import __version__
from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.plan import Visit
from mockllm.engine.report import as_json, as_text
from mockllm.faults.values import parse_duration
from mockllm.profile.library import UnknownProfile, is_path
from mockllm.profile.loader import Loaded
from mockllm.profile.problems import ProfileError
from mockllm.server.metrics import InFlight, exposition
from mockllm.server.tls import TlsMissing, authority_pem

PREFIX = "/_mockllm"
log = logging.getLogger("mockllm")


@dataclass(frozen=True, slots=True)
class Guard:
    """Who may use the admin API."""

    loopback: bool
    token: str | None = None

    @property
    def off(self) -> str | None:
        """Why nobody may; None if there is a way."""
        if self.loopback or self.token is not None:
            return None
        return (
            "the admin API is off, because the server does not listen on loopback; set "
            "MOCKLLM_ADMIN_TOKEN to open it"
        )

    def why_not(self, request: web.BaseRequest) -> str | None:
        """Why the request may not; None if it may."""
        if self.token is not None:
            sent = request.headers.get("authorization", "").removeprefix("Bearer ")
            if hmac.compare_digest(sent.encode(), self.token.encode()):
                return None
            if not self.loopback:
                return "expected the token as `Authorization: Bearer …`"
        if not self.loopback:
            return self.off
        host = host_of(request.headers.get("host", ""))
        if not is_loopback(host):
            return f"expected a Host that is loopback, got '{host}'"
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return f"expected a request of the same origin, got one of '{origin}'"
        return None


def host_of(host: str) -> str:
    """The host of a Host header, without port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Clock(Protocol):
    """A clock that can be moved."""

    def advance(self, seconds: float) -> None:
        """Move it on."""


class Kit(Protocol):
    """What the test kit works on."""

    @property
    def engine(self) -> Engine:
        """The engine."""

    @property
    def clock(self) -> Clock:
        """The server's clock."""

    async def settle(self, limit: float) -> None:
        """Wait until no call is in flight; raises `TimeoutError`."""


class Desk(Kit, Protocol):
    """What the admin API works on."""

    @property
    def in_flight(self) -> Iterable[InFlight]:
        """The requests that are being read or answered."""

    def release(self) -> None:
        """Let go of every stream that is playing or held."""


Endpoint = Callable[[web.BaseRequest, Desk], Awaitable[web.Response]]


async def respond(request: web.BaseRequest, desk: Desk, guard: Guard) -> web.Response:
    """Answer a request to the admin API."""
    path = request.path.removeprefix(PREFIX).rstrip("/") or "/"
    if path == "/health" and request.method in ("GET", "HEAD"):
        return await health(request, desk)
    why = guard.why_not(request)
    if why is not None:
        return problem(403, why)
    known = endpoints()
    endpoint = known.get((request.method, path))
    if endpoint is None:
        names = ", ".join(f"{method} {PREFIX}{there}" for method, there in known)
        return problem(404, f"there is no {request.method} {request.path}; known: {names}")
    try:
        return await endpoint(request, desk)
    except (UnknownProfile, ProfileError, ValueError) as error:
        return problem(404 if isinstance(error, UnknownProfile) else 400, str(error))


def problem(status: int, message: str) -> web.Response:
    """A refusal of the admin API."""
    return web.json_response({"error": message}, status=status)


async def health(request: web.BaseRequest, desk: Desk) -> web.Response:
    """Whether the server runs, and with what."""
    return web.json_response(
        {"status": "ok", "version": __version__, "profile": desk.engine.profile.name}
    )


async def journal(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The calls, oldest first; `?last=N` for the newest, `?session=NAME` for one session's."""
    entries = desk.engine.journal.entries()
    session = request.query.get("session")
    if session is not None:
        entries = tuple(entry for entry in entries if entry.plan.call.session == session)
    last = whole_number(request, "last")
    if last is not None:
        entries = entries[-last:] if last else ()
    return web.json_response(
        {
            "forgotten": desk.engine.journal.forgotten,
            "calls": [entry.as_json() for entry in entries],
        }
    )


def whole_number(request: web.BaseRequest, name: str) -> int | None:
    """A number of the query; raises `ValueError` where it is none."""
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"{name}: expected a whole number, got '{text}'")
    return int(text)


async def get_profile(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The profile that is on, its text, and for how long."""
    engine = desk.engine
    profile = engine.profile
    return web.json_response(
        {"name": profile.name, "remaining": engine.remaining, "yaml": profile.text}
    )


async def put_profile(request: web.BaseRequest, desk: Desk) -> web.Response:
    """Switch the profile.

    The body is JSON `{"name": …}` (a known name) or `{"yaml": …}` (a profile's text), either with
    `"for": "3m"` for a time to live; or the profile's YAML itself, with the time as `?for=3m`.
    """
    engine = desk.engine
    text = await request.text()
    # By the body, not by its type: curl sends JSON as a form unless it is told.
    if not text.lstrip().startswith(('{"name"', '{"yaml"', '{"for"')) and (
        request.content_type != "application/json"
    ):
        profile, span = engine.library.load_text(text, "inline"), request.query.get("for")
    else:
        wish = read_wish(text)
        profile = wished(wish, desk)
        span = wish.get("for")
    engine.use(profile, None if span is None else seconds(span))
    log.info("profile=%s from now on%s", profile.name, "" if span is None else f" for {span}")
    return web.json_response({"name": profile.name, "remaining": engine.remaining})


def read_wish(text: str) -> dict[str, Any]:
    """The JSON of a switch."""
    wish = json.loads(text)
    known = {"name", "yaml", "for"}
    if not isinstance(wish, dict) or set(wish) - known or ("name" in wish) == ("yaml" in wish):
        raise ValueError('expected {"name": …} or {"yaml": …}, and perhaps "for": "3m"')
    return wish


def wished(wish: dict[str, Any], desk: Desk) -> Loaded:
    """The profile that a switch means; names only, because a path would read any file."""
    if "yaml" in wish:
        return desk.engine.library.load_text(str(wish["yaml"]), "inline")
    name = str(wish["name"])
    if is_path(name):
        raise ValueError(f"expected the name of a profile, got the path '{name}'; send its yaml")
    return desk.engine.find(name)


def seconds(span: object) -> float:
    """A time to live."""
    try:
        return parse_duration(span)
    except ValueError as error:
        raise ValueError(f"for: {error}") from None


async def list_profiles(request: web.BaseRequest, desk: Desk) -> web.Response:
    """Every name that a request can choose, with what each imitates."""
    engine = desk.engine
    names = sorted(engine.names())
    return web.json_response(
        {"profiles": [{"name": name, "about": about(name, desk)} for name in names]}
    )


def about(name: str, desk: Desk) -> str:
    """What a profile imitates, or what is wrong with it."""
    try:
        return desk.engine.find(name).profile.about
    except ProfileError as error:
        return f"cannot be used: {error}"


async def reset(request: web.BaseRequest, desk: Desk) -> web.Response:
    """Let go of held streams; forget calls, counts and what was said."""
    desk.release()
    desk.engine.reset()
    log.info("reset: calls, counts and what was said are forgotten, held streams let go")
    return web.json_response({"status": "reset"})


async def plan(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The plan that a request would get; nothing is counted.

    The body is the request's own. `?path=/v1/chat/completions`, `?method=POST`, `?call=1`,
    `?profile=NAME`, `?format=text` say the rest.
    """
    engine = desk.engine
    target = request.query.get("path", "/v1/chat/completions")
    name = request.query.get("profile")
    headers = tuple((key, value) for key, value in request.headers.items())
    call, path_name = engine.read(
        request.query.get("method", "POST"), target, headers, await request.read()
    )
    visit = Visit(ordinal=whole_number(request, "call") or 1)
    made = engine.preview(call, name or path_name, Here(), visit)
    if request.query.get("format") == "text":
        return web.Response(text=as_text(made))
    return web.json_response(as_json(made))


async def metrics(request: web.BaseRequest, desk: Desk) -> web.Response:
    """What this server has done, for Prometheus; not the `/metrics` of a server that it imitates."""
    text, kind = exposition(desk.engine, desk.in_flight, request.headers.get("accept", ""))
    return web.Response(body=text, headers={"content-type": kind})


async def connections(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The connections of listeners, oldest first, and which faults met them."""
    entries = desk.engine.connections.entries()
    return web.json_response({"connections": [asdict(entry) for entry in entries]})


async def listeners(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The URLs of the further ports, by name."""
    return web.json_response({"listeners": dict(desk.engine.listeners)})


async def authority(request: web.BaseRequest, desk: Desk) -> web.Response:
    """The certificate of the authority behind listeners with TLS, as PEM."""
    try:
        return web.Response(text=authority_pem(), content_type="application/x-pem-file")
    except TlsMissing as error:
        raise ValueError(str(error)) from None


ENDPOINTS: dict[tuple[str, str], Endpoint] = {
    ("GET", "/health"): health,
    ("GET", "/journal"): journal,
    ("GET", "/profile"): get_profile,
    ("PUT", "/profile"): put_profile,
    ("GET", "/profiles"): list_profiles,
    ("GET", "/listeners"): listeners,
    ("GET", "/connections"): connections,
    ("GET", "/ca.pem"): authority,
    ("GET", "/metrics"): metrics,
    ("POST", "/reset"): reset,
    ("POST", "/plan"): plan,
}


@cache
def endpoints() -> dict[tuple[str, str], Endpoint]:
    """All endpoints. Those of the test kit judge, which most servers never do: they are imported
    when the API is first used, not when the server starts."""
    from mockllm.server import admin_kit

    return {**ENDPOINTS, **admin_kit.ENDPOINTS}
