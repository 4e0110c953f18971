"""The handler of a proxy: calls go on to the upstream, and its answers through the faults.

Everything else is the server's own: which profile a call means, the faults while a body arrives,
accounts, the journal, the admin API.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

from aiohttp import web

from mockllm.cassettes.playing import PACKED
from mockllm.engine.endpoints import served
from mockllm.engine.journal import Outcome
from mockllm.engine.live import Live
from mockllm.engine.plan import Plan
from mockllm.engine.select import HEADER
from mockllm.proxy.conversation import Conversation
from mockllm.record.upstream import Upstream
from mockllm.server.application import Application
from mockllm.server.flight import Flight, Head, Heard, Read
from mockllm.server.handler import Handler
from mockllm.server.played import LEAVES, STAYS, Played
from mockllm.server.times import said, unix_time
from mockllm.server.upload import MAX_BODY
from mockllm.timeline.valueclass import replace


class LiveApplication(Application):
    """Answers with what an upstream says; packed bodies of requests are passed on packed."""

    unpacks = False

    def __init__(self, upstream: Upstream, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._upstream = upstream
        self._conversations: set[Conversation] = set()

    def is_own_health(self, method: str, path: str) -> bool:
        """No: the upstream's health is asked for. The proxy's own is at `/_mockllm/health`."""
        return False

    def read(self, head: Head, body: bytes) -> Heard:
        """A request as the engine knows it: its body unpacked, if it is packed; on the upstream's
        path, where only that is one of a known API."""
        coding = next((v for k, v in head.headers if k.lower() == "content-encoding"), "")
        heard = super().read(head, unpacked(body, coding))
        if heard.call.wire is None and self._upstream.path:
            _, there = served(replace(heard.call, path=self._upstream.path + heard.call.path), None)
            if there.wire is not None:
                return replace(heard, call=there)
        return heard

    def release(self) -> None:
        """Let go of every stream that is playing or held."""
        super().release()
        for conversation in tuple(self._conversations):
            conversation.release()

    async def answer(self, request: web.BaseRequest, connection: Handler, flight: Flight) -> Played:
        """Answer a request with what the upstream says, and what faults make of it."""
        came = unix_time()
        read = await self.received(request, connection, flight, came)
        if read is None:
            return LEAVES
        live = self._planned_live(read)
        if isinstance(live, Plan):
            return await self.carry_out(live, came, flight)
        record = self.engine.begin(live.plan(), said(came), flight.since)
        conversation = Conversation(
            live,
            self._upstream,
            lambda: self._request(request, read, live),
            flight.transport,
            self._clock,
            shortcut=flight.shortcut,
            lateness=self.engine.lateness,
        )
        record.follow(conversation, live.plan)
        flight.record = record
        self._conversations.add(conversation)
        conversation.begin()
        self._on_change()
        outcome: Outcome = await conversation.over
        self._conversations.discard(conversation)
        entry = record.update(outcome)
        self.engine.journal.grown(record)
        self.engine.ended(entry)
        self._on_entry(entry)
        self._on_change()
        return STAYS if self.stays(record, outcome, flight) else LEAVES

    def _planned_live(self, read: Read) -> Plan | Live:
        """What becomes of a request; a plan where the upstream is not asked."""
        if read.body is None:
            return self.planned_here(read)
        made = self.engine.live(
            read.heard.call,
            read.heard.path_name,
            read.here,
            otherwise=self._profile,
            visit=read.visit,
            before=read.acted,
            connection=read.number,
        )
        return replace(made, before=read.acted) if isinstance(made, Plan) else made

    def _request(self, request: web.BaseRequest, read: Read, live: Live) -> bytes:
        """The request as the upstream gets it: without what chose a profile."""
        body = read.body or b""
        dropped = {HEADER.encode()}
        headers = []
        model = live.call.model
        if model != read.heard.call.model:
            body = json.dumps({**live.call.data, "model": model}).encode()
            dropped.add(b"content-encoding")
        if live.inside:
            dropped.add(b"accept-encoding")
            headers.append((b"Accept-Encoding", b"identity"))
        kept = [pair for pair in request.raw_headers if pair[0].lower() not in dropped]
        target = request.raw_path
        if not target.startswith("/"):  # a client that takes this for an HTTP proxy
            target = "/" + target.partition("://")[2].partition("/")[2]
        if read.heard.path_name is not None:
            target = "/" + target.removeprefix("/p/").partition("/")[2]
        return self._upstream.request(
            request.method, target, [*kept, *headers], body, http10=request.version < (1, 1)
        )


def unpacked(body: bytes, coding: str) -> bytes:
    """A request's body, for those who read it; what is packed in a way that nobody knows, or is
    larger than what may be, stays as it is."""
    bits = PACKED.get(coding.strip().lower())
    if not bits or not body:
        return body
    unpacker = zlib.decompressobj(bits)
    try:
        made = unpacker.decompress(body, MAX_BODY)
    except zlib.error:
        return body
    return body if unpacker.unconsumed_tail else made
