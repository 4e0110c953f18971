"""Recordings for tests: what a plan puts on a socket, on a clock that the test moves."""

from __future__ import annotations

from mockllm.cassettes.cassette import (
    Ending,
    Exchange,
    Piece,
    Recording,
    Request,
    merged,
)
from mockllm.cassettes.redacting import head_without_secrets
from mockllm.cassettes.response import ResponseReader
from mockllm.cassettes.text import exchange_text, header_text
from mockllm.engine.plan import Plan
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
    """The recording that a proxy before this server would make."""
    pieces, how, ended = played(plan.lowered.events)
    reader = ResponseReader(plan.call.method)
    kept = []
    for piece in pieces:
        for part in reader.feed(piece.data):
            raw = head_without_secrets(part.raw) if part.kind == "head" else part.raw
            kept.append(Piece(piece.at, raw))
    if reader.rest:
        kept.append(Piece(pieces[-1].at, reader.rest))
    whole = reader.complete or (how == "fin" and reader.head and reader.framing == "close")
    ending: Ending
    if how == "rst":
        ending = "rst"
    elif how == "held":
        ending = "open"
    else:
        ending = "complete" if whole else "fin"
    last = pieces[-1].at if pieces else 0
    return Recording(merged(kept), ending, ended if ended >= 0 else last, plan.call.method)


def exchange(plan: Plan) -> Exchange:
    """The exchange that a plan makes."""
    call = plan.call
    target = call.path + (f"?{call.query}" if call.query else "")
    return Exchange(Request(call.method, target, call.headers, call.body), recorded(plan))


def cassette_text(*exchanges: Exchange) -> str:
    """A cassette with these exchanges."""
    return header_text("http://upstream.test") + "".join(map(exchange_text, exchanges))
