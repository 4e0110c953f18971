"""Recordings for tests: what a plan puts on a socket, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import cast

from mockllm.cassettes.cassette import Exchange, Piece, Recording, Request, merged
from mockllm.cassettes.text import exchange_text, header_text
from mockllm.engine.plan import Plan
from mockllm.record.relay import Relay
from mockllm.server.player import Player
from mockllm.timeline.events import WireEvent
from mockllm.timeline.score import score
from tests.server.fakes import FakeClock, FakeTransport

LONG = 2e4
"""Seconds after which nothing more comes, but for what never ends."""


def played(events: tuple[WireEvent, ...]) -> tuple[tuple[Piece, ...], str, int]:
    """What a socket does: bytes with their times, the ending, and when it came."""
    clock = FakeClock()
    transport = FakeTransport(clock)
    ended: list[float] = []
    Player(score(events), transport, clock, lambda outcome: ended.append(clock.time)).play()
    clock.advance(LONG)
    pieces = merged(Piece(round(at * 1e6), data) for at, data in transport.writes)
    ending = "half" if transport.half else transport.ending or ("done" if ended else "held")
    return pieces, ending, round(ended[0] * 1e6) if ended else -1


def recorded(plan: Plan) -> Recording:
    """The recording that the proxy makes of what a plan does on its socket."""
    return asyncio.run(relayed(*played(plan.lowered.events), plan.call.method))


async def relayed(pieces: Iterable[Piece], how: str, ended: int, method: str = "POST") -> Recording:
    """What the proxy's relay has of bytes that come at their times, and of how that ends."""
    now = [0.0]
    client = FakeTransport(FakeClock())
    relay = Relay(cast(asyncio.Transport, client), method, lambda: now[0])
    for piece in pieces:
        now[0] = piece.at / 1e6
        relay.data_received(piece.data)
    now[0] = max(now[0], ended / 1e6)
    match how:
        case "rst":
            relay.connection_lost(ConnectionResetError())
        case "fin" | "half" | "complete":  # a proxy sees the end of what is sent, and closes
            relay.connection_lost(None)
        case _:
            relay.leave()
    return relay.recording(await relay.over)


def exchange(plan: Plan) -> Exchange:
    """The exchange that a plan makes."""
    call = plan.call
    target = call.path + (f"?{call.query}" if call.query else "")
    return Exchange(Request(call.method, target, call.headers, call.body), recorded(plan))


def cassette_text(*exchanges: Exchange) -> str:
    """A cassette with these exchanges."""
    return header_text("http://upstream.test") + "".join(map(exchange_text, exchanges))
