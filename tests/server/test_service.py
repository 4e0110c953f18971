"""A running server from inside: down and up, and waiting for its calls without polling."""

from __future__ import annotations

import asyncio
import errno
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvloop

from mockllm.engine.exchange import Here
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.scripts.named import CANONICAL
from mockllm.server.address import Address
from mockllm.server.player import Player
from mockllm.server.service import Service, Settings
from mockllm.server.threaded import Threaded
from mockllm.server.upload import Upload
from tests.server.raw import GUARD, Raw, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"
LIBRARY = Library()
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
STALL = "mockllm: 1\nfaults: [{stall: forever, at: after content 5}]"
SOON = 0.05
"""Seconds after which a wait that must not end is given up."""

Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(params=sorted(LOOPS))
def make_loop(request: pytest.FixtureRequest) -> Loop:
    """Each kind of loop."""
    return LOOPS[request.param]


@contextmanager
def serving(
    profile: str = "mockllm: 1", make_loop: Loop = asyncio.new_event_loop
) -> Iterator[Threaded]:
    """A server with a profile."""
    loaded = load(profile, name="p")
    settings = Settings(conditions=Conditions(paced=False))
    server = Threaded(lambda: Service(LIBRARY, loaded, settings), make_loop)
    try:
        yield server
    finally:
        server.stop()


def endings(server: Threaded) -> list[str]:
    """How the calls so far have ended."""
    return server.call(lambda s: [entry.outcome.ending for entry in s.engine.journal.entries()])


def held(server: Threaded) -> Raw:
    """A client that has read all there is of a stream that has stalled."""
    raw = Raw(server.service.url)
    raw.send(chat())
    raw.read_until(b' answer"')
    return raw


def refused(server: Threaded) -> bool:
    """Whether a new connection is refused."""
    parts = urlsplit(server.service.url)
    with socket.socket() as sock:
        return sock.connect_ex((parts.hostname or "", parts.port or 0)) == errno.ECONNREFUSED


def is_down(server: Threaded) -> bool:
    """What the server says of itself."""
    return server.call(lambda service: service.is_down)


# Down and up


def test_down_closes_everything(make_loop: Loop) -> None:
    """New connections are refused; streams, idle connections and half a request end."""
    with serving(STALL, make_loop) as server, ExitStack() as stack:
        stream, idle, half = (
            stack.enter_context(closing(raw))
            for raw in (held(server), Raw(server.service.url), Raw(server.service.url))
        )
        half.send(chat()[:-10])
        assert server.wait_for(lambda s: len(s.in_flight) == 2, GUARD)
        server.run(Service.down)
        assert is_down(server)
        assert refused(server)
        assert stream.read_all()[1] == "fin"
        assert idle.read_all() == (b"", "fin")
        assert half.read_all()[0] == b""
        server.settle(GUARD)
        assert endings(server) == ["held"]


def test_up_again(make_loop: Loop) -> None:
    """The same port answers again; both are harmless when there is nothing to do."""
    with serving(make_loop=make_loop) as server:
        url = server.service.url
        server.run(Service.up)
        for _ in range(3):
            server.run(Service.down)
            server.run(Service.down)
            assert refused(server)
            server.run(Service.up)
            server.run(Service.up)
            assert not is_down(server)
            assert server.service.url == url
            with connected(url) as raw:
                raw.send(chat(close=True))
                assert text_of(raw.read_all()[0]) == CANONICAL
        assert endings(server) == ["done"] * 3


def test_down_keeps_connections(make_loop: Loop) -> None:
    """A drain: what is open goes on, also for further requests; nobody else gets in."""
    with serving(make_loop=make_loop) as server, connected(server.service.url) as raw:
        raw.send(chat())
        raw.read_until(LAST_CHUNK)
        server.run(lambda service: service.down("keep"))
        assert refused(server)
        raw.send(chat())
        assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        server.run(Service.down)
        assert raw.read_all() == (b"", "fin")


def test_a_connection_in_the_making(make_loop: Loop) -> None:
    """Whoever has just connected when the server goes down gets no answer."""
    with serving(make_loop=make_loop) as server:
        for _ in range(20):
            with connected(server.service.url) as raw:
                server.run(Service.down)
                with suppress(ConnectionResetError, BrokenPipeError):
                    raw.send(chat())
                    assert raw.read_all()[0] == b""
            server.run(Service.up)
        assert endings(server) == []


def take(port: int, reuse: int) -> None:
    """Try to listen there, as another server would."""
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, reuse)
        thief.bind(("127.0.0.1", port))
        thief.listen()


def test_the_port_stays_ours(make_loop: Loop) -> None:
    """Nobody takes the port while the server is down, and it is free after the stop."""
    with serving(make_loop=make_loop) as server:
        server.run(Service.down)
        port = urlsplit(server.service.url).port or 0
        for reuse in (0, 1):
            with pytest.raises(OSError, match="in use"):
                take(port, reuse)
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already"):
            Address("127.0.0.1", port)
    Address("127.0.0.1", port).close()


def test_further_ports_go_on() -> None:
    """Only the server's own port is down."""
    with serving("mockllm: 1\nlisteners: [{name: other}]") as server:
        server.run(Service.down)
        with connected(server.service.listeners["other"]) as raw:
            raw.send(chat(close=True))
            assert text_of(raw.read_all()[0]) == CANONICAL


def test_down_refuses_another_word() -> None:
    """What is to become of connections is one of two words."""
    with serving() as server:
        word: Any = "reset"
        with pytest.raises(ValueError, match="connections: expected close or keep, got 'reset'"):
            server.run(lambda service: service.down(word))
        assert not is_down(server)


def test_up_before_the_start() -> None:
    """A server that was never started has no port to listen on."""

    async def main() -> None:
        service = Service(LIBRARY, load("mockllm: 1", name="p"), Settings())
        assert service.is_down
        await service.stop()
        with pytest.raises(RuntimeError, match="this server has not been started"):
            await service.up()

    asyncio.run(main())


# Waiting


def test_settle_notices_clients_that_left(make_loop: Loop) -> None:
    """Streams that hang are over when their clients have closed."""
    with serving(STALL, make_loop) as server:
        clients = [held(server) for _ in range(5)]
        for client in clients:
            client.close()
        server.settle(GUARD)
        assert endings(server) == ["peer gone"] * 5


def test_settled_counts_what_the_kernel_holds(make_loop: Loop) -> None:
    """Requests that the server has not even accepted are in the journal afterwards, on every port,
    and their clients have left."""
    text = f"{STALL}\nlisteners: [{{name: other, faults: [{{stall: forever}}]}}]"

    async def main() -> None:
        settings = Settings(conditions=Conditions(paced=False))
        service = Service(LIBRARY, load(text, name="p"), settings)
        await service.start()
        for count in range(1, 11):
            for url in (service.url, service.listeners["other"]):
                with connected(url) as raw:  # the loop stands still meanwhile
                    raw.send(chat())
            await service.settled()
            entries = service.engine.journal.entries()
            assert [entry.outcome.ending for entry in entries] == ["peer gone"] * 2 * count
        await service.stop()

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(main())


def test_settle_waits_for_calls_on_further_ports() -> None:
    """A call on a listener counts."""
    text = "mockllm: 1\nlisteners: [{name: other, faults: [{stall: forever}]}]"
    with serving(text) as server, connected(server.service.listeners["other"]) as raw:
        raw.send(chat())
        raw.read_until(b' answer"')
        with pytest.raises(TimeoutError, match="#1 POST"):
            server.settle(SOON)


def test_settle_says_what_is_in_flight() -> None:
    """A stream that hangs, and a request whose body does not come, are named."""
    with serving(STALL) as server, closing(held(server)), connected(server.service.url) as half:
        half.send(chat(path="/v1/chat/completions?key=secret")[:-10])
        assert server.wait_for(lambda s: len(s.in_flight) == 2, GUARD)
        with pytest.raises(TimeoutError) as caught:
            server.settle(SOON)
    assert str(caught.value).splitlines() == [
        "calls are still in flight after 0.05 seconds:",
        "  #1 POST /v1/chat/completions -> 200, playing; fired: stall: forever",
        "  POST /v1/chat/completions: its body has not arrived yet",
    ]


def test_settle_when_nothing_came() -> None:
    """There is nothing to wait for; a request to the admin API is none either."""
    with serving() as server:
        server.settle(GUARD)
        with connected(server.service.url) as raw:
            raw.send(b"GET /_mockllm/journal HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            raw.read_until(b"}")
            server.settle(GUARD)


def test_wait_for_a_call(make_loop: Loop) -> None:
    """A thread that waits is woken when calls begin and when they end; others may call meanwhile."""
    with serving(make_loop=make_loop) as server, ThreadPoolExecutor(2) as pool:
        looked = threading.Event()

        def three(service: Service) -> bool:
            looked.set()
            entries = service.engine.journal.entries()
            return len(entries) == 3 and entries[-1].outcome.ending == "done"

        waiting = pool.submit(server.wait_for, three, GUARD)
        assert looked.wait(GUARD)
        with connected(server.service.url) as raw:
            for count in range(3):
                assert endings(server) == ["done"] * count
                assert not waiting.done()
                raw.send(chat())
                raw.read_until(LAST_CHUNK)
            assert waiting.result(GUARD)


def test_wait_for_what_does_not_happen() -> None:
    """False after the time; the condition is not asked again."""
    asked: list[Service] = []

    def never(service: Service) -> bool:
        asked.append(service)
        return False

    with serving() as server, connected(server.service.url) as raw:
        assert not server.wait_for(never, SOON)
        before = len(asked)
        raw.send(chat())
        raw.read_until(LAST_CHUNK)
        server.settle(GUARD)
        assert len(asked) == before == 1


def test_wait_for_an_idle_connection_and_garbage() -> None:
    """The journal changes after the call as well, and what is no HTTP wakes too."""
    text = "mockllm: 1\nfaults: [{close: rst, at: idle next-byte}]"
    with serving(text) as server, connected(server.service.url) as raw:
        raw.send(chat())
        raw.read_until(LAST_CHUNK)
        raw.send(b"P")
        assert server.wait_for(
            lambda s: s.engine.journal.entries()[0].outcome.idle == "reset", GUARD
        )
        with connected(server.service.url) as other:
            other.send(b"\x16\x03\x01?secret\r\n\r\n")
            assert server.wait_for(lambda s: bool(s.engine.garbage.entries()), GUARD)


@pytest.mark.parametrize("error", [LookupError("on purpose"), TimeoutError("of its own")])
def test_a_condition_that_fails(error: Exception) -> None:
    """What a condition raises, the thread gets, at once or later; the server goes on."""
    with serving() as server, ThreadPoolExecutor(1) as pool:
        looked = threading.Event()

        def fail(service: Service) -> bool:
            looked.set()
            if service.engine.journal.entries():
                raise error
            return False

        waiting = pool.submit(server.wait_for, fail, GUARD)
        assert looked.wait(GUARD)
        with connected(server.service.url) as raw:
            raw.send(chat())
            assert text_of(raw.read_until(LAST_CHUNK)) == CANONICAL
        with pytest.raises(type(error), match=str(error)):
            waiting.result(GUARD)
        with pytest.raises(type(error), match=str(error)):
            server.wait_for(fail, GUARD)


def test_the_stop_wakes_who_waits(make_loop: Loop) -> None:
    """A thread does not wait for a server that is gone."""
    with serving(STALL, make_loop) as server, ThreadPoolExecutor(1) as pool:
        looked = threading.Event()

        def never(service: Service) -> bool:
            looked.set()
            return False

        waiting = pool.submit(server.wait_for, never, GUARD)
        assert looked.wait(GUARD)
        server.stop()
        with pytest.raises(RuntimeError, match="this server stopped meanwhile"):
            waiting.result(GUARD)
        for ask in (server.settle, lambda: server.wait_for(lambda service: True)):
            with pytest.raises(RuntimeError, match="this server is not running"):
                ask()


def test_stop_when_down(make_loop: Loop) -> None:
    """A server that is down stops as any other."""
    with serving(STALL, make_loop) as server, closing(held(server)) as raw:
        server.run(lambda service: service.down("keep"))
        server.stop()
        assert raw.read_all()[1] == "fin"
        assert refused(server)


# Garbage


@pytest.mark.parametrize(
    ("sent", "began", "reason"),
    [
        (
            b"\x16\x03\x01 hello, this is TLS\r\n\r\n",
            "\\x16\\x03\\x01 hello, this ",
            "Received HTTPS",
        ),
        (b"GET /?key=sk-secret HTTP/9.9\r\n\r\n", "GET /", ""),
        (b"GET / HTTP/1.1\r\nAuthorization Bearer sk-secret\r\n\r\n", "GET / HTTP/1.1\\r\\n", ""),
    ],
)
def test_garbage(sent: bytes, began: str, reason: str) -> None:
    """What is no HTTP is remembered: how it began and why it could not be read, without secrets."""
    with serving() as server:
        with connected(server.service.url) as raw:
            raw.send(sent)
            assert raw.read_all()[0].startswith(b"HTTP/1.0 400 ")
        (one,) = server.call(lambda service: service.engine.garbage.entries())
        assert one.began == began
        assert one.reason.startswith(reason)
        assert one.reason
        assert "secret" not in repr(one)
        assert endings(server) == []
        server.call(lambda service: service.engine.reset())
        assert server.call(lambda service: service.engine.garbage.entries()) == ()


def test_a_held_stream_keeps_nothing_that_read_its_request() -> None:
    """There may be thousands of them: the parts of their bodies are gone, and so is their place."""

    def alive(server: Threaded, *kinds: type) -> int:
        return server.call(lambda _: sum(type(one) in kinds for one in gc.get_objects()))

    with serving(STALL) as server:
        players, others = alive(server, Player), alive(server, Upload, Here)
        with closing(held(server)):
            assert alive(server, Player) == players + 1
            assert alive(server, Upload, Here) == others
