"""From requests to plans, and from plans to players: what answers on one port.

aiohttp parses requests and keeps connections; the player owns the bytes of the answer. aiohttp gets
a response that says it has been sent already.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

import aiohttp
from aiohttp import web

from mockllm.engine.answer import Answer
from mockllm.engine.endpoints import find
from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.garbage import garbage
from mockllm.engine.journal import Entry, Outcome, Record
from mockllm.engine.plan import Plan, Visit
from mockllm.engine.remembered import LONG, Remembered, length
from mockllm.matchers.call import Call
from mockllm.profile.loader import Loaded
from mockllm.server import admin
from mockllm.server.clock import Clock
from mockllm.server.flight import Flight, Head, Heard, Read
from mockllm.server.idle import IdlePlayer
from mockllm.server.known import Hearing, Known, is_body_of
from mockllm.server.played import LEAVES, STAYS, Played
from mockllm.server.player import Player
from mockllm.server.times import iso_time, said, unix_time
from mockllm.server.upload import Upload, too_large
from mockllm.timeline.score import Score, score
from mockllm.timeline.valueclass import replace

if TYPE_CHECKING:
    from mockllm.server.handler import Handler

AT_ONCE = 64 << 10
"""Bytes of an answer that are offered to the kernel before the next request is looked at."""
HEALTH = ("/health", "/healthz", "/livez", "/readyz")

log = logging.getLogger("mockllm")


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
        for flight in tuple(self._flights):
            if flight.player is not None:
                flight.player.release()
        for idle in tuple(self._idle.values()):
            idle.release()

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

    def answer_known(self, connection: Handler, begun: Heard, body: bytes) -> bool:
        """Answer a request whose head is known, of which nothing is left to come; False where its
        handler has to.

        What is sent at once is over when this returns; else the connection holds until it is. Where
        something has gone wrong, that is in `connection.failed`.
        """
        self._clock.catch_up()
        transport, way = connection.transport, connection.shortcut
        if transport is None or way is None or transport.is_closing():
            return False
        if transport.get_write_buffer_size():
            return False
        if transport in self._idle:
            self._idle[transport].give_way()
        engine, came = self.engine, unix_time()
        try:
            if engine.heeds_uploads(begun.call, begun.path_name, otherwise=self._profile):
                return False
            heard = self._hearing.hear(begun.head, body)
            here = Here(came, heard.head.url, engine.listeners)
            plan = self.planned(heard.call, heard.path_name, here, None, connection.number)
            score = plan.answer.score
        except Exception as error:
            connection.failed = error
            return False
        taken, outline = 0, plan.answer.outline
        if score.at_once and len(score.data) <= AT_ONCE:
            taken = score.offer(way.send)
        record = engine.begin(plan, said(came), connection.came)
        if taken == len(score.data) and taken and not outline.idle:
            events, after = len(outline.lowered.events), self._clock.now() - connection.came
            self._ended(record, Outcome("done", events, events, taken, after, after))
            self._on_change()
        else:
            head = begun.head
            flight = Flight(head.method, begun.call.path, transport, way, connection.came, taken)
            self._play_on(connection, score, record, flight)
        return True

    def _play_on(self, connection: Handler, score: Score, record: Record, flight: Flight) -> None:
        """Play the score of a plan on a connection that holds meanwhile."""

        def on_end(outcome: Outcome) -> None:
            self._ended(record, outcome)
            stays = self.stays(record, outcome, flight)
            self.end(flight)
            connection.go_on(stays=stays)

        connection.hold()
        self.begin(flight)
        self._start(score, record, flight, on_end)

    def _ended(self, record: Record, outcome: Outcome) -> None:
        """Write down how a call went."""
        entry = record.update(outcome)
        if entry.number:  # else it is only a part of a call
            self.engine.ended(entry)
            self._on_entry(entry)

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
        failed, connection.failed = connection.failed, None
        if failed is not None:
            raise failed
        plan = await self.arrived(request, connection, flight, came)
        return LEAVES if plan is None else await self.carry_out(plan, came, flight)

    async def carry_out(self, plan: Plan, came: float, flight: Flight) -> Played:
        """Write a plan down, and play it."""
        record = self.engine.begin(plan, said(came), flight.since)
        outcome = await self.play(plan, record, flight)
        return STAYS if self.stays(record, outcome, flight) else LEAVES

    def stays(self, record: Record, outcome: Outcome, flight: Flight) -> bool:
        """Whether the connection of an exchange that is over stays; faults may act on it then."""
        if outcome.ending != "done" or flight.transport.is_closing():
            return False
        answer = record.plan.answer.outline
        if answer.idle:
            self.idle(answer, record, outcome, flight.transport)
        return True

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
        chunk, connection.chunk = connection.chunk, None
        if chunk is not None and read.may_be_known and self.may_be_known(chunk, read.heard):
            self.known.learn(chunk, self._hearing.hear(read.heard.head, b""))
        return plan

    def planned_here(self, read: Read) -> Plan:
        """The plan for a request, which this server answers itself."""
        heard, here, number = read.heard, read.here, read.number
        if read.body is None:
            plan = self.engine.refusal(heard.call, too_large(), here, connection=number)
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
        return Read(heard, body, here, number, visit, acted, not expects)

    def planned(
        self,
        call: Call,
        path_name: str | None,
        here: Here,
        visit: Visit | None = None,
        connection: int = 0,
    ) -> Plan:
        """The plan for a call, under the profile of this port where the call chooses none."""
        return self.engine.plan(
            call, path_name, here, otherwise=self._profile, visit=visit, connection=connection
        )

    def may_be_known(self, chunk: bytes, heard: Heard) -> bool:
        """Whether the same head is the same on every connection, under every profile."""
        head, call = heard.head, heard.call
        stays = head.stays and not head.http10
        return stays and call.path not in HEALTH and is_body_of(call.body, chunk)

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
            headers = tuple(request.headers.items())
            return Head(method, target, headers, stays, http10, url, length(headers) >= LONG)

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
        self, answer: Answer, record: Record, outcome: Outcome, transport: asyncio.Transport
    ) -> None:
        """Let happen on the kept connection what the answer wants, unless it is used before."""

        def on_end(end: Outcome) -> None:
            del self._idle[transport]
            if end.ending in ("closed", "reset"):
                record.update(replace(outcome, idle=end.ending))
                self._on_change()

        player = IdlePlayer(
            score(answer.idle),
            transport,
            self._clock,
            on_end,
            next_byte=answer.next_byte,
        )
        self._idle[transport] = player
        player.play()

    async def play(self, plan: Plan, record: Record, flight: Flight) -> Outcome:
        """Play a plan to its end, whichever it is, and write it down."""
        ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def on_end(outcome: Outcome) -> None:
            self._ended(record, outcome)
            self._on_change()
            if not ended.done():  # its handler may be gone
                ended.set_result(outcome)

        self._start(plan.answer.score, record, flight, on_end)
        return await ended

    def _start(
        self, score: Score, record: Record, flight: Flight, on_end: Callable[[Outcome], None]
    ) -> None:
        """Begin to play a score; `on_end` is called at its end, perhaps before this returns."""
        flight.player = player = Player(
            score,
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
        player.play()
        self._on_change()


def path_of(request: web.BaseRequest) -> str:
    """The path of a request; of one whose target is a whole URL, of that."""
    target: str = request.raw_path
    return target.partition("?")[0] if target.startswith("/") else request.path


NONE: frozenset[int] = frozenset()
"""Most calls meet no faults; each empty set is an object of its own."""
