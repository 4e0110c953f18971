"""The recording proxy: requests go on to the upstream, what comes back is passed on and written."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import replace

import aiohttp
from aiohttp import web

from mockllm.cassettes.cassette import Ending, Exchange, Request
from mockllm.cassettes.matching import Finder
from mockllm.cassettes.playing import Playable
from mockllm.cassettes.redacting import without_secrets
from mockllm.engine.engine import parse, split_target
from mockllm.engine.journal import Outcome
from mockllm.matchers.call import Call
from mockllm.record.recorder import Recorder
from mockllm.record.relay import ClientSide, Relay
from mockllm.record.upstream import Unreachable, Upstream, origin_form
from mockllm.server.address import Address
from mockllm.server.clock import LoopClock
from mockllm.server.played import Played
from mockllm.server.player import Player
from mockllm.server.service import GOODBYE, url_of
from mockllm.server.times import iso_time
from mockllm.server.upload import Upload
from mockllm.timeline.events import Close, WireEvent
from mockllm.timeline.score import score

log = logging.getLogger("mockllm")
NO_PROXY = (
    "mockllm records one upstream: expected the path of a request, got {} {}. Take this server's URL as "
    "the base URL of your client, not as its proxy.\n"
)


class RecordingProxy:
    """A proxy on the running event loop.

    With `missing` a request that the cassette answers is answered from it, and only others go on
    to the upstream and are recorded; what is recorded meanwhile is not played before the next start.
    """

    def __init__(self, upstream: Upstream, recorder: Recorder, *, missing: bool = False) -> None:
        self.url = ""
        self.recorded = 0
        self._upstream = upstream
        self._recorder = recorder
        self._finder = Finder(recorder.cassette) if missing else None
        self._asked: Counter[str] = Counter()
        self._clock = LoopClock(asyncio.get_running_loop())
        self._playing: set[Player] = set()
        self._relays: set[Relay] = set()
        self._passing: set[asyncio.Future[None]] = set()
        # Bodies stay as they came: a compressed request is passed on compressed.
        self._http = web.Server(
            self._handle, access_log=None, handler_cancellation=False, auto_decompress=False
        )
        self._address: Address | None = None
        self._server: asyncio.Server | None = None

    @property
    def busy(self) -> bool:
        """Whether a stream passes or is played."""
        return bool(self._relays or self._playing)

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; raises `OSError` where the address cannot be had."""
        self._address = Address(host, port)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._http, sock=self._address.listening())
        self.url = url_of(host, self._address.port)

    async def stop(self) -> None:
        """Stop listening; what is in flight is written down as far as it came."""
        if self._server is not None:
            self._server.close()
        for relay in tuple(self._relays):
            relay.leave()
        for player in tuple(self._playing):
            player.release()
        while self._passing:
            await asyncio.wait(self._passing)
        await self._http.shutdown(GOODBYE)
        if self._address is not None:
            self._address.close()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request."""
        transport = request.transport
        if transport is None:
            return Played(keep_alive=False)
        target = origin_form(request.raw_path)
        if target is None:
            return web.Response(status=400, text=NO_PROXY.format(request.method, request.raw_path))
        if request.headers.get("expect", "").lower() == "100-continue":
            transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            body = await Upload(request.content).whole()
        except (ConnectionError, asyncio.IncompleteReadError, web.RequestPayloadError):
            return Played(keep_alive=False)
        if body is None:
            return web.Response(status=413, text="The request body is over mockllm's limit.")
        if transport.is_closing():  # the client has left
            return Played(keep_alive=False)
        found = self._found(request, body)
        if found is not None:
            events = Playable(found.recording).events(paced=True, closing=not request.keep_alive)
            log.info("answered %s %s from line %d", request.method, request.path, found.line)
            ending = await self._play(tuple(event for _, event in events), transport)
            return Played(keep_alive=ending == "done" and not transport.is_closing())
        return Played(keep_alive=await self._pass(request, target, transport, body))

    def _found(self, request: web.BaseRequest, body: bytes) -> Exchange | None:
        """The exchange that answers a request, where the cassette is asked first."""
        if self._finder is None:
            return None
        path, query = split_target(request.raw_path)
        data, problem = parse(body)
        model = data.get("model")
        call = Call(request.method, path, query, body=body, data=data, problem=problem)
        call = replace(call, model=model if isinstance(model, str) else None)
        same = self._finder.equal(call)
        if not same:
            return None
        self._asked[call.fingerprint] += 1
        return same[min(self._asked[call.fingerprint], len(same)) - 1]

    async def _pass(
        self, request: web.BaseRequest, target: str, transport: asyncio.Transport, body: bytes
    ) -> bool:
        """Ask the upstream, pass on what it says, write it down; whether the connection stays."""
        time, relay = iso_time(), Relay(transport, request.method)
        client = ClientSide(transport, relay)
        passing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._relays.add(relay)
        self._passing.add(passing)
        try:
            ending = await self._ask(request, target, relay, body)
        except BaseException:
            self._done(passing)
            raise
        finally:
            self._relays.discard(relay)
            client.give_back()
        writing = asyncio.ensure_future(self._write(request, target, body, time, relay, ending))
        writing.add_done_callback(lambda _: self._done(passing))
        # The end is passed on before the file has the exchange; what comes next on this connection
        # waits until it has.
        stays = await self._end(request, transport, relay, ending)
        await asyncio.shield(writing)
        return stays

    def _done(self, passing: asyncio.Future[None]) -> None:
        """An exchange is over, and written as far as that is possible."""
        self._passing.discard(passing)
        passing.set_result(None)

    async def _end(
        self, request: web.BaseRequest, transport: asyncio.Transport, relay: Relay, ending: Ending
    ) -> bool:
        """Pass the end on; whether the connection stays."""
        if ending == "open":
            transport.close()
            return False
        if ending == "complete" and not relay.closes and request.keep_alive:
            return not transport.is_closing()
        how = Close("fin") if ending in ("complete", "fin") else Close("rst")
        await self._play((how,), transport)
        return False

    async def _ask(
        self, request: web.BaseRequest, target: str, relay: Relay, body: bytes
    ) -> Ending:
        """Send the request, and wait until the exchange is over."""
        connecting = asyncio.ensure_future(self._upstream.connect(lambda: relay))
        relay.over.add_done_callback(lambda _: connecting.cancel())  # the client left meanwhile
        try:
            await connecting
        except Unreachable as error:
            log.warning("%s: %s: %s", self._upstream.url, error.ending, error)
            relay.end(error.ending)
        except asyncio.CancelledError:
            if not relay.over.done():
                raise
        else:
            relay.send(
                self._upstream.request(
                    request.method,
                    target,
                    request.raw_headers,
                    body,
                    http10=request.version < aiohttp.HttpVersion11,
                )
            )
        return await relay.over

    async def _write(
        self,
        request: web.BaseRequest,
        target: str,
        body: bytes,
        time: str,
        relay: Relay,
        ending: Ending,
    ) -> None:
        """Write an exchange down."""
        recording = relay.recording(ending)
        headers = tuple(
            (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
            for name, value in request.raw_headers
        )
        asked = Request(request.method, target, headers, body, time)
        hidden = without_secrets(asked, self._recorder.cassette.redacted)
        written = await self._recorder.write_meanwhile(Exchange(hidden, recording))
        self.recorded += written
        log.info(
            "%s %s %s status=%s bytes=%d ended=%s after=%.3fs",
            "recorded" if written else "NOT RECORDED",
            hidden.method,
            hidden.target,
            relay.status or "-",
            sum(len(piece.data) for piece in recording.pieces),
            recording.ending,
            recording.ended / 1e6,
        )

    async def _play(self, events: tuple[WireEvent, ...], transport: asyncio.Transport) -> str:
        """Play events on a connection; how it ended."""
        over: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def ended(outcome: Outcome) -> None:
            if not over.done():
                over.set_result(outcome)

        player = Player(score(events), transport, self._clock, ended)
        self._playing.add(player)
        player.play()
        outcome = await over
        self._playing.discard(player)
        return outcome.ending
