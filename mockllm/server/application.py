"""From aiohttp's requests to plans and back: the handler of every connection.

aiohttp parses requests and keeps connections; the player owns the bytes of the answer. The handler
gives aiohttp a response that says it has been sent already.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

import aiohttp
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from mockllm.engine.endpoints import find
from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.garbage import SHOWN, garbage
from mockllm.engine.journal import Entry, Outcome, Record, brief
from mockllm.engine.plan import Plan, Visit
from mockllm.engine.remembered import Remembered
from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.profile.loader import Loaded
from mockllm.server import admin
from mockllm.server.clock import Clock
from mockllm.server.idle import IdlePlayer
from mockllm.server.kernel import Shortcut, shortcut
from mockllm.server.known import Head, Heard, Hearing, Known, split
from mockllm.server.player import Player
from mockllm.timeline.score import score
from mockllm.timeline.valueclass import replace, valueclass

MAX_BODY = 32 << 20
AT_ONCE = 64 << 10
"""Bytes of an answer that are offered to the kernel in one call."""
MAX_DRAINED = 8 * MAX_BODY
"""How much of a body that is too large is read and thrown away, so that the 413 arrives."""

HEALTH = ("/health", "/healthz", "/livez", "/readyz")

log = logging.getLogger("mockllm")


class Played(web.StreamResponse):
    """A response whose bytes the player has sent: the only class that leans on aiohttp's inside."""

    def __init__(self, *, keep_alive: bool) -> None:
        super().__init__()
        self._stays = keep_alive

    @property
    def keep_alive(self) -> bool:
        """Whether aiohttp waits for another request."""
        return self._stays

    async def prepare(self, request: web.BaseRequest) -> None:
        """Nothing is left to send."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to send."""


STAYS, LEAVES = Played(keep_alive=True), Played(keep_alive=False)
"""One of each is enough: a response that was sent says nothing else, and making one takes long."""


@dataclass(slots=True, eq=False)
class Flight:
    """A request from when its head has been read until its handler is done."""

    method: str
    path: str
    transport: asyncio.Transport
    shortcut: Shortcut | None = None
    """The way past the transport, if there is one."""
    since: float | None = None
    """When the last of it came, on the server's clock; None where it is not known, or where more has
    happened since."""
    taken: int = 0
    """Bytes of its answer that the kernel has taken already."""
    record: Record | None = None
    """Its place in the journal, as soon as it has one."""

    def __str__(self) -> str:
        """A line for messages: of the journal if the call is there."""
        if self.record is None:
            return f"  {self.method} {self.path}: its body has not arrived yet"
        return brief((self.record.entry,))


class Application:
    """The handler, and what it knows: the engine, the clock, and who is playing.

    `profile` is the one of requests that choose none; without it, the one that is on. `on_change`
    is called when a request begins, when the journal has changed, and when the handler is done.
    """

    unpacks: ClassVar = True
    """Whether packed bodies of requests are unpacked before they come here."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        guard: admin.Guard,
        on_entry: Callable[[Entry], None] = lambda entry: None,
        on_change: Callable[[], None] = lambda: None,
        desk: admin.Desk,
        profile: Loaded | None = None,
    ) -> None:
        self.engine = engine
        self._profile = profile
        self._clock = clock
        self._guard = guard
        self._desk = desk
        self._on_entry = on_entry
        self._on_change = on_change
        self._heads: Remembered[Head] = Remembered()
        self._hearing = Hearing(self.read)
        self.known = Known()
        self._flights: dict[Flight, None] = {}
        self._players: set[Player] = set()
        self._idle: dict[asyncio.Transport, IdlePlayer] = {}

    @property
    def now(self) -> float:
        """The time on the server's clock."""
        return self._clock.now()

    @property
    def in_flight(self) -> tuple[Flight, ...]:
        """The requests that are being read or answered, oldest first; none of the admin API."""
        return tuple(self._flights)

    def discard(self, first: bytes, reason: str) -> None:
        """Write down what is no HTTP: how its connection began, and why it cannot be read."""
        self.engine.garbage.add(garbage(iso_time(), first, reason))
        self._on_change()

    def release(self) -> None:
        """Let go of every stream that is playing or held."""
        for player in tuple(self._players):
            player.release()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        connection = request.protocol
        assert isinstance(connection, Handler)
        try:
            return await self.respond(request, connection)
        finally:
            connection.handled += 1
            connection.came = self._clock.now()

    async def respond(self, request: web.BaseRequest, connection: Handler) -> web.StreamResponse:
        """The response to one request."""
        method, path = request.method, path_of(request)
        if path.startswith(admin.PREFIX):
            return await admin.respond(request, self._desk, self._guard)
        if method in ("GET", "HEAD") and self.is_own_health(method, path):
            return web.json_response({"status": "ok"})
        transport = request.transport
        if transport is None:
            return LEAVES
        self._clock.catch_up()
        flight = Flight(method, path, transport, connection.shortcut, connection.came)
        self.begin(flight)
        try:
            return await self.answer(request, connection, flight)
        finally:
            self.end(flight)

    def answer_at_once(self, connection: Handler, head: Head, body: bytes) -> bool:
        """Answer a request whose head is known, of which nothing is left to come; False where its
        handler has to go on, because the answer takes its time, or its reader does.

        What has been begun for it then is in `connection.early`.
        """
        transport, way = connection.transport, connection.shortcut
        if transport is None or way is None or transport.is_closing():
            return False
        heard = self._hearing.hear(head, body)
        if transport.get_write_buffer_size() or self.engine.heeds_uploads(
            heard.call, heard.path_name, otherwise=self._profile
        ):
            return False
        self._clock.catch_up()
        came = unix_time()
        here = Here(came, heard.head.url, self.engine.listeners)
        plan = self.planned(heard.call, heard.path_name, here, connection=connection.number)
        score = plan.answer.score
        taken = 0
        if score.at_once and not plan.outline.idle and len(score.data) <= AT_ONCE:
            taken = way(score.data)
        if taken < len(score.data) or not taken:
            connection.early = Early(plan, came, taken)
            return False
        record, now = self.engine.begin(plan, said(came), connection.came), self._clock.now()
        events, after = len(plan.outline.lowered.events), now - connection.came
        entry = record.update(Outcome("done", events, events, taken, after, after))
        self.engine.ended(entry)
        self._on_entry(entry)
        self._on_change()
        return True

    def begin(self, flight: Flight) -> None:
        """Count a request among those in flight, until its handler is done."""
        self._flights[flight] = None
        self._on_change()

    def end(self, flight: Flight) -> None:
        """A request's handler is done."""
        del self._flights[flight]
        self._on_change()

    async def answer(self, request: web.BaseRequest, connection: Handler, flight: Flight) -> Played:
        """Answer a request to the provider that is mocked."""
        came = unix_time()
        early, connection.early = connection.early, None
        if early is not None:
            plan, came, flight.taken = early.plan, early.came, early.taken
        else:
            arrived = await self.arrived(request, connection, flight, came)
            if arrived is None:
                return LEAVES
            plan = arrived
        return await self.carry_out(plan, came, flight)

    async def carry_out(self, plan: Plan, came: float, flight: Flight) -> Played:
        """Write a plan down, and play it."""
        record = self.engine.begin(plan, said(came), flight.since)
        return self.keep(plan, record, await self.play(plan, record, flight), flight)

    def keep(self, plan: Plan, record: Record, outcome: Outcome, flight: Flight) -> Played:
        """What aiohttp gets when an exchange is over; on a connection that stays faults may act."""
        kept = outcome.ending == "done" and not flight.transport.is_closing()
        if kept and plan.outline.idle:
            self.idle(plan, record, outcome, flight.transport)
        return STAYS if kept else LEAVES

    async def arrived(
        self, request: web.BaseRequest, connection: Handler, flight: Flight, came: float
    ) -> Plan | None:
        """The plan for a request, when all of it has come; None where the exchange is over before.

        What it takes to read one goes when this returns: an answer may be held for hours.
        """
        read = await self.received(request, connection, flight, came)
        if read is None:
            return None
        plan = self.planned_here(read)
        if connection.chunk is not None and read.body is not None and read.may_be_known:
            self.known.learn(connection.chunk, read.heard.head)
        return plan

    def planned_here(self, read: Read) -> Plan:
        """The plan for a request, which this server answers itself."""
        heard, here, number = read.heard, read.here, read.number
        if read.body is None:
            plan = self.engine.refusal(replace(heard.call, connection=number), too_large(), here)
        else:
            plan = self.planned(heard.call, heard.path_name, here, read.visit, connection=number)
        return replace(plan, before=read.acted) if read.acted else plan

    async def received(
        self, request: web.BaseRequest, connection: Handler, flight: Flight, came: float
    ) -> Read | None:
        """A request, when all of it has come; None where the exchange is over before."""
        transport = flight.transport
        if transport in self._idle:  # a pipelined request: the connection was never idle
            self._idle[transport].give_way()
        expects = request.headers.get("expect", "").lower() == "100-continue"
        if expects:
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        upload = Upload(request.content)
        head = self.head_of(request)
        heard = self._hearing.hear(head, b"")
        here = Here(came, heard.head.url, self.engine.listeners)
        number = connection.number
        try:
            visit, acted, over = await self.arrival(heard, number, upload, here, flight)
            if over:
                return None
            if not upload.has_come:
                flight.since = None
            body = await upload.whole()
        except (ConnectionError, asyncio.IncompleteReadError, web.RequestPayloadError) as error:
            log.info("%s %s: the client left in its body: %s", request.method, request.path, error)
            return None
        heard = self._hearing.hear(head, body) if body else heard
        known = head.stays and not (head.http10 or expects)
        return Read(heard, body, here, number, visit, acted, known)

    def planned(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        visit: Visit | None = None,
        *,
        connection: int | None = None,
    ) -> Plan:
        """The plan for a call, under the profile of this port where the call chooses none."""
        return self.engine.plan(
            call, path_name, here, otherwise=self._profile, visit=visit, connection=connection
        )

    def is_own_health(self, method: str, path: str) -> bool:
        """Whether the health of this server is asked for, and not that of one that it imitates:
        vLLM has `/health` too, and a profile's faults may act there."""
        if path not in HEALTH:
            return False
        profile = self._profile or self.engine.profile
        wire, _ = find(Call(method, path), profile.profile.dialect)
        return wire is None

    def head_of(self, request: web.BaseRequest) -> Head:
        """The head of a request, the same for all with the same words."""
        method, target, raw = request.method, request.raw_path, request.raw_headers
        stays, http10 = request.keep_alive, request.version < aiohttp.HttpVersion11

        def read() -> Head:
            url = f"{request.scheme}://{request.host}"
            return Head(method, target, tuple(request.headers.items()), stays, http10, url)

        return self._heads.get((method, target, raw, stays, http10), read)

    def read(self, head: Head, body: bytes) -> Heard:
        """A request as the engine knows it."""
        call, path_name = self.engine.read(
            head.method,
            head.target,
            head.headers,
            body,
            keep_alive=head.stays,
            http10=head.http10,
        )
        return Heard(head, call, path_name)

    async def arrival(
        self, heard: Heard, connection: int, upload: Upload, here: Here, flight: Flight
    ) -> tuple[Visit | None, frozenset[int], bool]:
        """Let happen what is planned while the body arrives, of a request whose head is read.

        Returns the visit if the call has been counted, the faults that acted, and whether the
        exchange is over.
        """
        transport = flight.transport
        visit, plans = self.engine.uploads(
            heard.call, heard.path_name, here, otherwise=self._profile, connection=connection
        )
        acted: frozenset[int] = NONE
        if plans:
            flight.since = None
        for stage, plan in plans:
            if not await upload.reaches(stage.size):
                break
            acted |= stage.faults
            record = self.engine.begin(plan, iso_time()) if stage.ends else Record.unseen(plan)
            await self.play(plan, record, flight)
            if stage.ends or transport.is_closing():
                if stage.closes and not transport.is_closing():
                    transport.write_eof()
                return visit, acted, True
        return visit, acted, False

    def idle(
        self, plan: Plan, record: Record, outcome: Outcome, transport: asyncio.Transport
    ) -> None:
        """Let happen on the kept connection what the plan wants, unless it is used before."""

        def on_end(end: Outcome) -> None:
            del self._idle[transport]
            self._players.discard(player)
            if end.ending in ("closed", "reset"):
                record.update(replace(outcome, idle=end.ending))
                self._on_change()

        player = IdlePlayer(
            score(plan.outline.idle),
            transport,
            self._clock,
            on_end,
            next_byte=plan.outline.next_byte,
        )
        self._idle[transport] = player
        self._players.add(player)
        player.play()

    async def play(self, plan: Plan, record: Record, flight: Flight) -> Outcome:
        """Play a plan to its end, whichever it is, and write it down."""
        ended: asyncio.Future[Outcome] | None = None
        done: Outcome | None = None

        def on_end(outcome: Outcome) -> None:
            nonlocal done
            done = outcome
            self._players.discard(player)
            entry = record.update(outcome)
            if entry.number:  # else it is only a part of a call
                self.engine.ended(entry)
                self._on_entry(entry)
            self._on_change()
            if ended is not None and not ended.done():
                ended.set_result(outcome)

        player = Player(
            plan.answer.score,
            flight.transport,
            self._clock,
            on_end,
            since=flight.since,
            taken=flight.taken,
            shortcut=flight.shortcut,
            lateness=self.engine.lateness,
        )
        record.follow(player)
        if record.number:
            flight.record = record
        self._players.add(player)
        player.play()
        if done is not None:  # all was sent at once
            return done
        self._on_change()
        ended = asyncio.get_running_loop().create_future()
        return await ended


@dataclass(frozen=True, slots=True)
class Early:
    """What was begun for a request before its handler was woken."""

    plan: Plan
    came: float
    """When, in Unix time."""
    taken: int
    """Bytes of the answer that the kernel has taken."""


@valueclass(frozen=True, slots=True)
class Read:
    """A request of which all has come."""

    heard: Heard
    body: bytes | None
    """None where it is over the limit."""
    here: Here
    number: int
    """Its connection's."""
    visit: Visit | None
    """Where it was counted while its body arrived."""
    acted: frozenset[int]
    """The faults that acted meanwhile."""
    may_be_known: bool
    """Whether such a head may be answered without being read again."""


def path_of(request: web.BaseRequest) -> str:
    """The path of a request; of one whose target is a whole URL, of that."""
    target: str = request.raw_path
    return target.partition("?")[0] if target.startswith("/") else request.path


NONE: frozenset[int] = frozenset()
"""Most calls meet no faults; each empty set is an object of its own."""


class Upload:
    """A request's body as it arrives."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content
        self._parts: list[bytes] = []
        self._size = 0

    async def reaches(self, size: int) -> bool:
        """Read on until so many bytes have come; False where the body is shorter."""
        while self._size < size:
            part = await self._content.readany()
            if not part:
                return False
            self._keep(part)
        return True

    @property
    def has_come(self) -> bool:
        """Whether nothing is left to wait for."""
        return self._content.is_eof()

    async def whole(self) -> bytes | None:
        """The whole body; None where it is over the limit (it has been read all the same)."""
        if self.has_come and not self._parts:
            body: bytes = self._content.read_nowait()
            return body if len(body) <= MAX_BODY else None
        async for part in self._content.iter_any():
            self._keep(part)
            if self._size > MAX_DRAINED:
                break
        return b"".join(self._parts) if self._size <= MAX_BODY else None

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= MAX_BODY:
            self._parts.append(part)
        else:
            self._parts.clear()


def too_large() -> ErrorSpec:
    """The refusal of a body over the limit."""
    return ErrorSpec(
        status=413,
        message=f"The request body is larger than {MAX_BODY >> 20} MiB.",
        error_type="invalid_request_error",
        code="request_too_large",
    )


def unix_time() -> float:
    """Now, in seconds."""
    return time.time()  # noqa: TID251  for the date of an answer, and the times in the journal


def iso_time() -> str:
    """Now, as the journal says it."""
    return said(unix_time())


def said(moment: float) -> str:
    """A Unix time, as the journal says it."""
    second = int(moment)
    return f"{said_second(second)}.{int((moment - second) * 1000):03d}+00:00"


@lru_cache(maxsize=2)  # it is the same for all calls of a second
def said_second(second: int) -> str:
    """The first part of it."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


NUMBERS = itertools.count(1)
"""The numbers of connections, never twice in a process."""


class Handler(RequestHandler):
    """aiohttp's connection, which has a number and says what it could not read."""

    __slots__ = (
        "_clean",
        "_fed",
        "_first",
        "_server",
        "came",
        "chunk",
        "early",
        "handled",
        "number",
        "shortcut",
    )

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self.number = next(NUMBERS)
        self._server = server
        self._first = b""
        self.shortcut: Shortcut | None = None
        self.came = 0.0
        """When the last bytes came, or an answer was over, on the server's clock."""
        self._clean = True
        """Whether all that came were whole requests, one at a time."""
        self._fed = self.handled = 0
        """Requests that aiohttp was given while that held, and those that are over."""
        self.chunk: bytes | None = None
        """The bytes of the last request, if they came alone."""
        self.early: Early | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection, which is closed if the server went down while it was being made."""
        super().connection_made(transport)
        self.shortcut = shortcut(transport)
        if self._server.down:
            self.force_close()

    def data_received(self, data: bytes) -> None:
        """Bytes for aiohttp, if they are not known; the first are remembered, in case that they are
        no HTTP."""
        if not data:  # aiohttp itself, which looks at what it has kept
            super().data_received(data)
            return
        self._first = self._first or data[:SHOWN]
        application = self._server.application
        self.came = application.now
        if self._clean:
            if self._fed == self.handled:
                known = application.known.find(data)
                if known is not None and application.answer_at_once(self, *known):
                    return
            self._clean = split(data) is not None
            self.chunk = data if self._clean else None
            self._fed += 1
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is no HTTP, or one that made the server fail."""
        if status < 500:
            log.warning("a client sent no valid HTTP: %s", message or exc)
            self._server.application.discard(self._first, message or str(exc))
            text = f"Bad Request: {(message or str(exc)).strip()}"
            response = web.Response(status=status, text=text)
            response.force_close()
            return response
        log.error("the server failed on %s %s", request.method, request.path, exc_info=exc)
        return web.Response(status=status, text=f"mockllm failed: {type(exc).__name__}: {exc}")


class Server(web.Server):
    """aiohttp's server of connections, with ours. Its access log is off: it counts no bytes that it
    has not sent itself, and the journal is ours."""

    def __init__(self, application: Application) -> None:
        super().__init__(
            application.handle,
            access_log=None,
            handler_cancellation=False,
            auto_decompress=application.unpacks,
        )
        self.application = application
        self.down = False
        """Whether new connections are closed; those that are open stay."""

    def __call__(self) -> RequestHandler:
        """One more connection."""
        return Handler(self, loop=self._loop, **self._kwargs)

    async def close(self) -> None:
        """Let go of every stream, and close every connection, also those in the making."""
        self.down = True
        self.application.release()
        await asyncio.sleep(0)  # the handlers see that their players are over
        for connection in tuple(self.connections):
            connection.force_close()
