"""Every shipped incident, played over a real socket and compared with `oracle.yaml`.

The oracle was written from the reports; it says, for one call or several in turn, what a raw reader
gets. Keys of the request:

- `stream` (true without it), `method`, `path`, `model`, `send` (headers), `json` (in the place of the
  conversation), `padding` (letters in the
  request), `sent` (only so many bytes of it are sent), `history` (arguments of a second tool call
  in the conversation); `same`: on the connection of the call before; `advance`: so many seconds
  later.

Keys of time, in seconds of the server's clock, which the test moves:

- `silence`: not a byte before; `at`: how many events have come by then, or from how many to how
  many; `newlines_at`: the same of line feeds; `end_at`: the response ends then, and not before;
  `pause`: the journal says that it took at least so long (for what is too short to be watched).

`end` is `clean` without it (a complete response, and the connection stays), `closed` (complete,
then a FIN), `fin` and `rst` (incomplete), `held` (incomplete, open and silent). All other keys are
in `checks.py`, but for those that name a play of their own (`PLAYS`).
"""

from __future__ import annotations

import json
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from mockllm import MockLLM
from mockllm.profile.library import Library
from mockllm.scripts.named import CANONICAL
from tests.incidents.checks import CHECKS
from tests.incidents.reading import Stream
from tests.server.raw import GUARD

ORACLE = yaml.safe_load((Path(__file__).parent / "oracle.yaml").read_text("utf-8"))
ENTRIES: dict[str, Any] = ORACLE["incidents"]
STEP = 0.5
"""The clock moves in steps of so many seconds, unless the oracle says `step`: a wait that begins in
one begins at its end, so the waits in a row should be multiples of it."""
Step = dict[str, Any]


@pytest.fixture(scope="module")
def everywhere() -> Iterator[MockLLM]:
    """One server for all incidents that need no further port."""
    with MockLLM() as server:
        yield server


@pytest.fixture
def server(everywhere: MockLLM) -> Iterator[MockLLM]:
    """The server, fresh."""
    everywhere.clear()
    yield everywhere
    everywhere.clear()


def connect(url: str, *, buffer: int | None = None) -> Stream:
    """A connection to a server; `buffer` is the most that the kernel takes for a reader."""
    parts = urlsplit(url)
    sock = socket.socket()
    if buffer is not None:  # before the connect, else the kernel lets it grow
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    sock.settimeout(GUARD)
    try:
        sock.connect((parts.hostname, parts.port))
    except OSError:
        sock.close()
        raise
    return Stream(sock)


def request(name: str, step: Step) -> bytes:
    """The bytes of a call that chooses its incident by the model, or by the path it names."""
    method, path = step.get("method", "POST"), step.get("path", "/v1/chat/completions")
    headers = {"host": "mock.test", "content-type": "application/json", **step.get("send", {})}
    body = b""
    if method == "POST":
        document = {
            "model": f"mock-{name}" + (f".{step['model']}" if "model" in step else ""),
            "stream": step.get("stream", True),
            **step.get("json", {"messages": messages(step)}),
            **({"user": "x" * step["padding"]} if "padding" in step else {}),
        }
        if path.startswith("/p/") and "json" in step:
            document = step["json"]  # the path says which profile and which model
        body = json.dumps(document).encode()
        headers["content-length"] = str(len(body))
    elif not path.startswith("/p/"):
        headers["x-mockllm-profile"] = name
    lines = [f"{method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def messages(step: Step) -> list[dict[str, Any]]:
    """The conversation."""
    user = {"role": "user", "content": "Hi"}
    if "history" not in step:
        return [user]
    calls = [
        {"id": id, "type": "function", "function": {"name": id, "arguments": arguments}}
        for id, arguments in (("a", "{}"), ("b", step["history"]))
    ]
    results = [{"role": "tool", "tool_call_id": id, "content": "done"} for id in "ab"]
    return [user, {"role": "assistant", "tool_calls": calls}, *results]


class Journey:
    """The server's clock, from the moment a call was made."""

    def __init__(self, server: MockLLM, step: Step | None = None) -> None:
        self.step = (step or {}).get("step", STEP)
        self.clock = server.server.clock
        self.start = self.clock.now()

    def to(self, seconds: float) -> None:
        """Move the clock on, in steps."""
        while (left := self.start + seconds - self.clock.now()) > 0:
            self.clock.advance(min(left, self.step))


def play(server: MockLLM, name: str, step: Step, stream: Stream) -> None:
    """One call, and all that the oracle says of it."""
    came = len(server.calls)
    stream.used = len(stream.data)
    journey = Journey(server, step)
    stream.send(request(name, step)[: step.get("sent")])
    timed = {"silence", "at", "newlines_at", "end_at", "ignored"} & set(step)
    if timed and "ignored" not in step:
        server.wait_for_calls(came + 1)
    if "ignored" in step:
        assert stream.ending == "fin", "the server's half of the connection is closed"
        assert len(server.calls) == came
        return
    if "silence" in step:
        nothing_before(journey, step["silence"], stream)
    for seconds, wanted in step.get("at", {}).items():
        check_at(journey, seconds, wanted, stream, lambda: len(stream.response.events))
    for seconds, wanted in step.get("newlines_at", {}).items():
        check_at(journey, seconds, wanted, stream, lambda: stream.response.after_head.count(b"\n"))
    end = step.get("end", "clean")
    if end == "held":
        stream.read()
        assert not stream.ending
        assert not stream.response.complete
    else:
        finish(journey, step, stream, end)
    if "pause" in step:
        server.settle()
        outcome = server.calls[-1].outcome
        assert outcome.ended is not None
        assert outcome.ended >= step["pause"]
    for key in step.keys() & CHECKS.keys():
        given = step[key]
        if key == "headers":
            given = {k: v and v.replace("{self}", self_url(name, server)) for k, v in given.items()}
        CHECKS[key](stream.response, given)


def self_url(name: str, server: MockLLM) -> str:
    """How the server calls itself to the client of `request`."""
    return "http://mock.test"


def nothing_before(journey: Journey, seconds: float, stream: Stream) -> None:
    """Not a byte until shortly before; then the clock is put behind it."""
    journey.to(seconds * 0.5)
    journey.to(seconds - max(1.0, seconds * 0.02))
    stream.read()
    assert len(stream.data) == stream.used
    assert not stream.ending
    journey.to(seconds)


def check_at(
    journey: Journey, seconds: float, wanted: Any, stream: Stream, count: Callable[[], int]
) -> None:
    """So many of something at a time, and none more."""
    low, high = wanted if isinstance(wanted, list) else (wanted, wanted)
    journey.to(seconds)
    while count() < low and not stream.ending:
        stream.read(wait=True)
    stream.read()
    assert low <= count() <= high


def finish(journey: Journey, step: Step, stream: Stream, end: str) -> None:
    """Read the rest, and see how it ends."""
    at = step.get("end_at")
    if at is not None:
        journey.to(at - max(1.0, at * 0.02))
        stream.read()
        assert not stream.ending
        assert not stream.response.complete or at < 1
        journey.to(at)
    last = max([0, *step.get("at", {}), *step.get("newlines_at", {})])
    if last and at is None and not stream.response.complete:
        journey.to(last + 60)
    stream.read_to_end(complete=end in ("clean", "closed"))
    if end == "closed":
        stream.read_to_end(complete=False)
    if end != "fin" or stream.response.data:
        assert stream.response.complete is (end in ("clean", "closed"))
    assert stream.ending == {"clean": "", "closed": "fin"}.get(end, end)


# Plays of their own


def storm(server: MockLLM, name: str, entry: Step) -> None:
    """So many calls on connections of their own, all answered alike; then the rest of the entry."""
    for _ in range(entry["storm"]):
        with closing(connect(server.url).sock) as sock:
            play(server, name, entry, Stream(sock))


def inflight(server: MockLLM, name: str, entry: Step) -> None:
    """So many calls are under way; one more is refused, and when they are over it is not."""
    streams = [connect(server.url) for _ in range(entry["inflight"] + 2)]
    for number, stream in enumerate(streams[:-2]):
        stream.send(request(name, entry))
        server.wait_for_calls(number + 1)
    play(server, name, entry, streams[-2])
    journey = Journey(server, entry)
    journey.to(10)
    for stream in streams[:-2]:
        stream.read_to_end(complete=True)
        CHECKS["text"](stream.response, "whole")
    server.settle()
    streams[-1].send(request(name, entry))
    server.wait_for_calls(len(streams))
    Journey(server, entry).to(10)
    streams[-1].read_to_end(complete=True)
    CHECKS["text"](streams[-1].response, "whole")
    for stream in streams:
        stream.sock.close()


def trickle(server: MockLLM, name: str, entry: Step) -> None:
    """One byte of the head after so many seconds each, and then the body at once."""
    stream = connect(server.url)
    journey = Journey(server)
    stream.send(request(name, entry))
    server.wait_for_calls(1)
    gap = entry["trickle"]
    for seconds in (10, 50):
        journey.to(seconds * gap)
        stream.read(wait=not stream.data)
        assert seconds - 3 <= len(stream.data) <= seconds + 3
    journey.to(1000 * gap)
    stream.read_to_end(complete=True)
    CHECKS["text"](stream.response, "whole")
    stream.sock.close()


def unread(server: MockLLM, name: str, entry: Step) -> None:
    """A reader that stands still holds the server back: it sends no more than buffers take."""
    stream = connect(server.url, buffer=1 << 16)
    stream.send(request(name, entry))
    server.wait_for_calls(1)
    assert stream.sock.recv(1)  # and no more: all the rest stands in buffers
    sent = -1
    while server.calls[0].outcome.bytes_sent != sent:
        sent = server.calls[0].outcome.bytes_sent
        assert sent < entry["unread"]
    assert server.calls[0].outcome.ending == "playing"
    while len(stream.data) < 2 * entry["unread"]:
        stream.read(wait=True)
    assert not stream.ending
    stream.sock.close()


def listener(server: MockLLM, name: str, entry: Step) -> None:
    """A further port, which only a server of this profile opens."""
    with MockLLM(name) as own:
        special = CONNECTS[entry.get("connect", "redirect")]
        special(own, own.listeners[entry["listener"]], name, entry)


def refused(server: MockLLM, url: str, name: str, entry: Step) -> None:
    """Nobody listens, and the first port has no answer; after some seconds all is well."""
    stream = connect(server.url)
    play(server, name, {"status": 0, "body": "", "end": "fin"}, stream)
    stream.sock.close()
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    Journey(server).to(entry["then"])
    stream = connect(url)
    stream.send(request(name, {}))
    stream.read_to_end(complete=True)
    CHECKS["text"](stream.response, "whole")
    stream.sock.close()


def silent(server: MockLLM, url: str, name: str, entry: Step) -> None:
    """A connect that neither succeeds nor fails."""
    parts = urlsplit(url)
    with closing(socket.socket()) as sock:
        sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            sock.connect((parts.hostname, parts.port))


def tls_eof(server: MockLLM, url: str, name: str, entry: Step) -> None:
    """The end of the connection in the middle of the handshake."""
    context = ssl.create_default_context(cadata=server.ca_pem)
    with closing(connect(url).sock) as sock, pytest.raises(ssl.SSLEOFError):
        context.wrap_socket(sock, server_hostname="localhost")


def rollout(server: MockLLM, url: str, name: str, entry: Step) -> None:
    """All streams are reset at once, nobody listens for three seconds, then all is well."""
    journey = Journey(server, entry)
    streams = [connect(url), connect(url), connect(server.url)]
    for number, stream in enumerate(streams):
        stream.send(request(name, {}))
        server.wait_for_calls(number + 1)
    journey.to(3)
    for stream in streams:
        stream.read(wait=True)
        assert not stream.ending
        assert 10 <= len(stream.response.events) <= 16
    journey.to(5.5)
    for stream in streams:
        stream.read_to_end(complete=False)
        assert stream.ending == "rst"
        assert CANONICAL.startswith(stream.response.text)
    with pytest.raises(ConnectionRefusedError):
        connect(url)
    journey.to(8.5)
    stream = connect(url)
    stream.send(request(name, {}))
    server.wait_for_calls(4)
    journey.to(60)
    stream.read_to_end(complete=True)
    CHECKS["text"](stream.response, "whole")
    for one in (*streams, stream):
        one.sock.close()


def redirect(server: MockLLM, url: str, name: str, entry: Step) -> None:
    """The way leads to another origin, where a call without its key gets 401."""
    stream = connect(server.url)
    play(server, name, {"status": 307, "body": "", "send": {"authorization": "Bearer k"}}, stream)
    assert stream.response.headers("location") == [f"{url}/v1/chat/completions"]
    for headers, status in (({}, 401), ({"authorization": "Bearer k"}, 200)):
        there = connect(url)
        there.send(request(name, {"send": headers}))
        there.read_to_end(complete=True)
        assert there.response.status == status
        there.sock.close()
    stream.sock.close()


CONNECTS = {"refused": refused, "silent": silent, "tls-eof": tls_eof, "rollout": rollout,
            "redirect": redirect}  # fmt: skip
PLAYS = {"storm": storm, "inflight": inflight, "trickle": trickle, "unread": unread,
         "listener": listener}  # fmt: skip
REQUEST = {"json", "stream", "method", "path", "model", "send", "padding", "sent", "history", "same",
           "advance", "ignored", "step"}  # fmt: skip
TIMES = {"silence", "at", "newlines_at", "end_at", "end", "pause"}


@pytest.mark.parametrize("name", ENTRIES)
def test_incident(name: str, server: MockLLM) -> None:
    """A raw reader gets what the report tells."""
    entry = ENTRIES[name]
    for key, special in PLAYS.items():
        if key in entry:
            return special(server, name, entry)
    stream = None
    for step in [entry] if isinstance(entry, dict) else entry:
        if "advance" in step:
            Journey(server).to(step["advance"])
        if stream is None or "same" not in step:
            if stream is not None:
                stream.sock.close()
            stream = connect(server.url)
        play(server, name, step, stream)
    assert stream is not None
    stream.sock.close()
    return None


def test_the_oracle_knows_all_that_ship() -> None:
    """No incident without a word on what it is on the wire, and none that is not shipped."""
    assert sorted(ENTRIES) == sorted(one.name for one in Library().incidents())


def test_the_oracle_says_nothing_that_is_not_looked_at() -> None:
    """Every key means something, and every call says more than how it was made."""
    plays = {*PLAYS, "connect", "then", "redirect"}
    for name, entry in ENTRIES.items():
        for step in [entry] if isinstance(entry, dict) else entry:
            assert step.keys() <= CHECKS.keys() | REQUEST | TIMES | plays, name
            assert step.keys() & (CHECKS.keys() | TIMES | plays | {"ignored"}), name


def test_the_whole_text() -> None:
    """The canonical text is the one that the oracle has."""
    assert ORACLE["canonical"] == CANONICAL


def test_the_patterns() -> None:
    """Every pattern can be read."""
    for entry in ENTRIES.values():
        for step in [entry] if isinstance(entry, dict) else entry:
            for pattern in step.get("matches", {}).values():
                re.compile(pattern)
