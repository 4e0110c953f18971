"""`class MockLLM` as its users have it: from Python, in a test, over a real socket."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
import trio

import mockllm
from mockllm import MockLLM
from mockllm.engine.engine import Engine
from mockllm.engine.plan import Conditions
from mockllm.profile.library import Library, UnknownProfile
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError
from tests.server.raw import GUARD, Raw, chat, connected, text_of

STALL = "mockllm: 1\nfaults: [{stall: forever}]"
FAIL = "{mockllm: 1, faults: [{fail: 503}]}"


@pytest.fixture
def server() -> Iterator[MockLLM]:
    """A server of the test's own."""
    with MockLLM() as server:
        yield server


def status(server: MockLLM, *, path: str = "/v1/chat/completions", **options: Any) -> int:
    """The status that a chat gets."""
    with connected(server.url) as raw:
        raw.send(chat(close=True, path=path, **options))
        return int(raw.read_all()[0].split()[1])


@contextmanager
def held(server: MockLLM) -> Iterator[Raw]:
    """A client that has read all there is of a stream that has stalled."""
    with connected(server.url) as raw:
        raw.send(chat())
        for _ in range(6):  # the role and five pieces of text
            raw.read_until(b"\n\n\r\n")
        yield raw


def stop_promptly(server: MockLLM) -> None:
    """Stop it; fail if that hangs."""
    stopping = threading.Thread(target=server.stop, daemon=True)
    stopping.start()
    stopping.join(10)
    assert not stopping.is_alive()


def profile_that_is_on(server: MockLLM) -> Any:
    """What the admin API says of the profile."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=GUARD)
    try:
        connection.request("GET", "/_mockllm/profile")
        return json.load(connection.getresponse())
    finally:
        connection.close()


def refuses(url: str) -> bool:
    """Whether nobody listens there."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    with socket.socket() as sock:
        return sock.connect_ex((parts.hostname, parts.port or 0)) == errno.ECONNREFUSED


# Life


def test_a_context_manager() -> None:
    """`with MockLLM()` listens inside and not after."""
    with MockLLM() as server:
        url = server.url
        assert status(server) == 200
        assert repr(server) == f"<MockLLM {url}>"
    assert refuses(url)
    assert repr(server) == "<MockLLM, not running>"


def test_an_async_context_manager() -> None:
    """A whole streaming test in asyncio, without a fixture."""

    async def main() -> str:
        async with (
            MockLLM() as server,
            openai.AsyncOpenAI(base_url=server.openai_url, api_key="any") as client,
        ):
            server.fail(503, first=1, headers={"retry-after-ms": "1"})
            stream = await client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}], stream=True
            )
            async with stream:
                text = [chunk.choices[0].delta.content or "" async for chunk in stream]
            server.assert_attempts(2)
            return "".join(text)

    text = asyncio.run(main())
    assert text.startswith("This is a test answer")
    assert text.endswith("until the very end.")


def test_trio() -> None:
    """`async with` needs no asyncio."""

    async def main() -> int:
        async with MockLLM(FAIL) as server:
            return await trio.to_thread.run_sync(status, server)

    assert trio.run(main) == 503


def test_several_servers() -> None:
    """Servers in one process have their own ports, profiles and calls."""
    with MockLLM() as healthy, MockLLM(FAIL) as broken:
        assert healthy.url != broken.url
        assert [status(healthy), status(broken), status(broken)] == [200, 503, 503]
        healthy.assert_attempts(1)
        broken.assert_attempts(2)


def test_thread_and_port_are_gone() -> None:
    """After the stop the port is free and the thread is gone."""
    before = threading.active_count()
    server = MockLLM().start()
    url = server.url
    assert threading.active_count() == before + 1
    server.stop()
    assert threading.active_count() == before
    assert refuses(url)
    server.stop()


def test_start_again() -> None:
    """Stopped and started again, a server has its port and the profile that it was made with."""
    server = MockLLM(FAIL).start()
    url = server.url
    server.use("default")
    assert status(server) == 200
    server.stop()
    with server:
        assert server.url == url
        assert server.calls == ()
        assert status(server) == 503


def test_start_twice(server: MockLLM) -> None:
    """A server that runs is not started again."""
    with pytest.raises(RuntimeError, match=f"is running already, at {server.url}"):
        server.start()
    assert status(server) == 200


@pytest.mark.parametrize("ask", ["url", "openai_url", "environment", "calls"])
def test_not_running(ask: str) -> None:
    """What needs a running server says so, and what to write."""
    server = MockLLM()
    with pytest.raises(RuntimeError, match=r"not running; use `with MockLLM\(\) as server:`"):
        getattr(server, ask)
    server.stop()


def test_after_the_stop(server: MockLLM) -> None:
    """A stopped server takes no orders."""
    server.stop()
    for order in (server.clear, lambda: server.use("default"), lambda: server.fail(503)):
        with pytest.raises(RuntimeError, match="not running"):
            order()


def test_port_in_use(server: MockLLM) -> None:
    """An address that is taken is an OSError that names it, and the start can be tried again."""
    port = urlsplit(server.url).port or 0
    second = MockLLM(port=port)
    with pytest.raises(OSError, match=rf"cannot listen on 127\.0\.0\.1:{port}: Address") as caught:
        second.start()
    assert caught.value.errno == errno.EADDRINUSE
    server.stop()
    with second:
        assert status(second) == 200


def test_a_start_that_fails() -> None:
    """Whatever keeps the thread from serving is raised by the start."""

    def factory() -> asyncio.AbstractEventLoop:
        raise NotImplementedError("no loop")

    with pytest.raises(NotImplementedError, match="no loop"):
        MockLLM(loop_factory=factory).start()


def test_held_streams_do_not_delay_the_stop() -> None:
    """The stop ends streams that would be silent for ever."""
    server = MockLLM(STALL).start()
    with held(server) as one, held(server) as another:
        stop_promptly(server)
        assert [one.read_all(), another.read_all()] == [(b"", "fin")] * 2


def test_an_idle_connection_does_not_delay_the_stop() -> None:
    """The stop closes connections on which nothing happens, also with half a request."""
    server = MockLLM().start()
    with connected(server.url) as idle, connected(server.url) as half:
        idle.send(chat(stream=False))
        idle.read_until(b"until the very end.")
        half.send(chat()[:-10])
        stop_promptly(server)


# Where it is


def test_environment(server: MockLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that OpenAI's and other clients read, and no proxy."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert server.openai_url == f"{server.url}/v1"
    assert server.environment == {
        "OPENAI_BASE_URL": server.openai_url,
        "OPENAI_API_BASE": server.openai_url,
        "OPENAI_API_KEY": "mockllm-not-a-key",
        "ANTHROPIC_BASE_URL": server.url,
        "ANTHROPIC_API_KEY": "mockllm-not-a-key",
        "AZURE_OPENAI_ENDPOINT": server.url,
        "AZURE_OPENAI_API_KEY": "mockllm-not-a-key",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("upper", "lower", "then_upper", "then_lower"),
    [
        ("a.b, c.d", "", "a.b,c.d,127.0.0.1", "a.b,c.d,127.0.0.1"),
        ("", "a.b", "a.b,127.0.0.1", "a.b,127.0.0.1"),
        ("a.b", "c.d", "a.b,127.0.0.1", "c.d,127.0.0.1"),
        ("*", "127.0.0.1,a.b", "*", "127.0.0.1,a.b"),
    ],
)
def test_no_proxy(
    server: MockLLM,
    monkeypatch: pytest.MonkeyPatch,
    upper: str,
    lower: str,
    then_upper: str,
    then_lower: str,
) -> None:
    """Hosts that need no proxy still need none, whichever variable a client reads."""
    monkeypatch.setenv("NO_PROXY", upper)
    monkeypatch.setenv("no_proxy", lower)
    assert server.environment["NO_PROXY"] == then_upper
    assert server.environment["no_proxy"] == then_lower


def test_a_proxy_is_passed_by(server: MockLLM, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client with a proxy in its environment still comes here."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    with openai.OpenAI(max_retries=0) as client:
        assert [model.id for model in client.models.list()]
    server.assert_attempts(1)


# Which profile is on


def test_use_by_name(server: MockLLM) -> None:
    """A profile that ships has a name."""
    server.use("overloaded")
    assert status(server) == 503


def test_use_by_path(server: MockLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text with a slash or a suffix of YAML is a path; a path object always is."""
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    Path("bare").write_text("mockllm: 1\nfaults: [{fail: 502}]")
    got = []
    for profile in ("mine.yaml", str(tmp_path / "bare"), Path("mine.yaml"), Path("bare")):
        server.use(profile)
        got.append(status(server))
    assert got == [501, 502, 501, 502]


@pytest.mark.parametrize(
    "text",
    [
        "mockllm: 1\nfaults: [{fail: 503}]\n",
        "\n  mockllm: 1\n  faults: [{fail: 503}]",
        "{mockllm: 1, faults: [{fail: 503}]}",
        '  {"mockllm": 1, "faults": [{"fail": 503}]}',
        "# mine\nmockllm: 1\nfaults: [{fail: {status: 503, message: a/b}}]",
    ],
)
def test_use_by_yaml(server: MockLLM, text: str) -> None:
    """A profile's text is known by its looks."""
    server.use(text)
    assert status(server) == 503


def test_folders_of_ones_own(tmp_path: Path) -> None:
    """Profiles in given folders have names, the file's; a folder may come alone."""
    (tmp_path / "mine.mockllm.yaml").write_text("mockllm: 1\nfaults: [{fail: 501}]")
    for given in (tmp_path, str(tmp_path), [tmp_path]):
        with MockLLM("mine", profiles=given) as server:
            assert status(server) == 501


@pytest.mark.parametrize(
    ("profile", "kind", "message"),
    [
        ("flakey", UnknownProfile, "there is no profile named 'flakey'; did you mean flaky"),
        ("", UnknownProfile, "there is no profile named ''"),
        ("no/such.yaml", FileNotFoundError, "No such file or directory: 'no/such.yaml'"),
        (Path("nosuch"), FileNotFoundError, "No such file or directory: 'nosuch'"),
        ("faults: [{fail: 503}]", ProfileError, r"^inline:1:1: expected the key 'mockllm'"),
        ("mockllm: 1\nfaults: [{fial: 1}]", ProfileError, r"^inline:2:10: .*did you mean 'fail'"),
        ("[1]", ProfileError, r"^inline:1:1: expected a mapping"),
    ],
)
def test_profiles_that_cannot_be_used(
    server: MockLLM, profile: str | Path, kind: type[Exception], message: str
) -> None:
    """A profile that cannot be used is refused when it is named, and the one before stays on."""
    with pytest.raises(kind, match=message):
        MockLLM(profile)
    server.fail(418)
    with pytest.raises(kind, match=message):
        server.use(profile)
    assert status(server) == 418


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    """A folder of profiles that is not there is refused, not passed over."""
    with pytest.raises(NotADirectoryError, match=r"profiles: expected a folder, got '.*/none'"):
        MockLLM(profiles=[tmp_path / "none"])


@pytest.mark.parametrize("number", [0, -1, float("nan")])
def test_numbers_that_mean_nothing(server: MockLLM, number: float) -> None:
    """A speed and a time to live are above 0."""
    with pytest.raises(ValueError, match="speed: expected a number above 0"):
        MockLLM(speed=number)
    with pytest.raises(ValueError, match="seconds: expected a number above 0"):
        server.use("default", seconds=number)


def test_use_for_some_time(server: MockLLM) -> None:
    """A profile with a time to live is on, and knows how long; a fault added to it lives as long."""
    server.use("overloaded", seconds=1000)
    assert status(server) == 503
    assert 0 < profile_that_is_on(server)["remaining"] <= 1000
    server.fail(418)
    assert status(server) == 418
    assert 0 < profile_that_is_on(server)["remaining"] <= 1000
    server.use("default")
    assert profile_that_is_on(server)["remaining"] is None


def test_the_time_to_live_of_a_profile() -> None:
    """When its time is over, the profile before is on again, from that very moment."""
    now = 100.0
    first, second = load(FAIL, name="first"), load(STALL, name="second")
    engine = Engine(Library(), first, conditions=Conditions(), now=lambda: now)
    engine.use(second, 20)
    now = 119.9
    assert engine.profile is second
    assert engine.remaining == pytest.approx(0.1)
    now = 120.0
    assert engine.profile is first
    assert engine.remaining is None


def test_restart_forgets_what_was_on() -> None:
    """An engine that begins anew knows no profile that was switched on before."""
    first, second = load(FAIL, name="first"), load(STALL, name="second")
    engine = Engine(Library(), first, conditions=Conditions(), now=lambda: 0.0)
    engine.use(second, 20)
    engine.restart(first)
    assert engine.profile is first
    assert engine.remaining is None
    assert "second" not in engine.names()


# Faults


def test_fail(server: MockLLM) -> None:
    """The first calls only, or always; faults act in the order in which they were said."""
    server.fail(503, first=2)
    server.fail(500)
    assert [status(server) for _ in range(4)] == [503, 503, 500, 500]
    assert server.calls[0].fired == ("fail: 503",)


def test_what_fail_takes(server: MockLLM) -> None:
    """How often, and what the error says: everything that a profile may say of it."""
    server.fail(429, nth=2, message="slow down", code=7, headers={"retry-after": "1.50"})
    assert status(server) == 200
    with connected(server.url) as raw:
        raw.send(chat(close=True))
        answer = raw.read_all()[0]
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"\r\nretry-after: 1.50\r\n" in answer.lower()
    error = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
    assert (error["message"], error["code"]) == ("slow down", 7)


def test_add(server: MockLLM) -> None:
    """A fault is spelled as in a profile."""
    server.add({"close": "rst", "at": "after content 5"})
    with connected(server.url) as raw:
        raw.send(chat())
        data, end = raw.read_all()
    assert (text_of(data), end) == ("This is a test answer", "rst")
    assert server.calls[0].outcome.ending == "reset"


def test_add_to_routes(server: MockLLM) -> None:
    """An added fault acts on every route, and on calls that no route takes."""
    server.use("{mockllm: 1, routes: [{match: {model: a}, faults: [{fail: 500}]}]}")
    assert [status(server, model="a"), status(server, model="b")] == [500, 200]
    server.fail(503, first=1)
    got = [status(server, model=model) for model in ("a", "b", "a", "b")]
    assert got == [503, 503, 500, 200]


def test_add_to_a_strict_profile(server: MockLLM) -> None:
    """A strict profile still refuses what no route takes."""
    server.use("{mockllm: 1, strict: true, models: [a, b], routes: [{match: {model: a}}]}")
    server.fail(503)
    assert [status(server, model="a"), status(server, model="b")] == [503, 404]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ({"fial": 503}, r"^mockllm\.add\(\{'fial': 503\}\): expected a fault .*mean 'fail'"),
        ({"stall": 30}, r"^mockllm\.add\(\{'stall': 30\}\): expected .*30s"),
        ({"fail": 503, "first": 0}, "expected a number of at least 1, got 0"),
        ({}, r"^mockllm\.add\(\{\}\): expected a fault"),
        ("stall: 30s", r"expected a fault such as \{\"stall\": \"30s\"\}, got 'stall: 30s'"),
    ],
)
def test_faults_that_cannot_be(server: MockLLM, fault: Any, message: str) -> None:
    """A fault that a profile could not have is refused in one sentence, and nothing changes."""
    with pytest.raises(ValueError, match=message):
        server.add(fault)
    assert status(server) == 200


def test_values_that_no_profile_has(server: MockLLM) -> None:
    """A value that cannot be written in a profile is refused."""
    with pytest.raises(ValueError, match=r"expected what JSON can say: .*timedelta"):
        server.add({"stall": timedelta(seconds=3)})


def test_keys_that_fail_does_not_have(server: MockLLM) -> None:
    """A misspelt key of `fail` is refused with the nearest that there is."""
    keys: dict[str, Any] = {"mesage": "x"}
    with pytest.raises(ValueError, match="unknown key 'mesage'; did you mean 'message'"):
        server.fail(503, **keys)


# Clear


def test_clear(server: MockLLM) -> None:
    """Calls, counts, faults and profile are as at the start."""
    server.use("{mockllm: 1, faults: [{fail: 503, first: 1}]}")
    server.fail(500, nth=[2])
    assert [status(server) for _ in range(2)] == [503, 500]
    server.clear()
    assert list(server.calls) == []
    server.assert_attempts(0)
    assert status(server) == 200
    assert server.calls[0].number == 1
    assert server.calls[0].plan.visit.ordinal == 1


def test_clear_forgets_changes_of_named_profiles(server: MockLLM) -> None:
    """Once cleared, a request that names a profile meets it as it ships."""
    server.use("stall-then-resume")
    server.fail(418)
    assert status(server) == 418
    server.use("{mockllm: 1, faults: [{fail: 500}]}")
    server.clear()
    with connected(server.url) as raw:
        raw.send(chat(model="mock-stall-then-resume"))
        assert raw.read_until(b"\r\n").split()[1] == b"200"
    assert status(server, model="mock-inline") == 404


def test_clear_ends_held_streams() -> None:
    """A client that waits on a stalled stream gets the end of it."""
    with MockLLM(STALL) as server, ThreadPoolExecutor() as pool, held(server) as client:
        waiting = pool.submit(client.read_all)
        server.clear()
        assert waiting.result(GUARD) == (b"", "fin")
        assert status(server, stream=False) == 200


def test_fresh(server: MockLLM) -> None:
    """A test borrows the server with a first profile of its own, and leaves no trace."""
    server.fail(500)
    with server.fresh(FAIL) as same:
        assert same is server
        assert status(server) == 503
        server.use("default")
        assert status(server) == 200
        server.clear()
        assert status(server) == 503
    assert server.calls == ()
    assert status(server) == 200


def test_fresh_with_a_bad_profile(server: MockLLM) -> None:
    """A profile that cannot be used changes nothing."""
    server.fail(500)
    with pytest.raises(UnknownProfile), server.fresh("flakey"):
        pass
    assert status(server) == 500


# What happened


def test_calls(server: MockLLM) -> None:
    """A call says what came, what was sent, and how it ended."""
    server.add({"close": "fin", "at": "after content 5", "nth": 2})
    assert status(server) == 200
    assert status(server, headers={"Authorization": "Bearer secret-of-mine"}) == 200
    first, second = server.calls
    assert (first.number, first.method, first.path) == (1, "POST", "/v1/chat/completions")
    assert (first.model, first.stream, first.status) == ("gpt-4o-mini", True, 200)
    assert first.json["messages"] == [{"role": "user", "content": "Hi"}]
    assert (first.outcome.ending, first.tokens_sent) == ("done", 60)
    assert (second.outcome.ending, second.tokens_sent) == ("closed", 5)
    assert "secret-of-mine" not in second.headers["authorization"]


def test_calls_while_they_play() -> None:
    """A call that is not over is told as it stands; what was read before does not change."""
    with MockLLM(STALL) as server, held(server):
        (call,) = server.calls
        assert (call.outcome.ending, call.tokens_sent) == ("playing", 5)
        assert call.fired == ("stall: forever",)
        server.assert_attempts(1)
        server.clear()
        assert call.outcome.ending == "playing"


def test_assert_attempts(server: MockLLM) -> None:
    """A wrong number of attempts is told with the calls that came."""
    server.fail(503, first=1)
    with pytest.raises(AssertionError) as none:
        server.assert_attempts(1)
    assert str(none.value) == f"expected 1 attempt, got 0; no client called {server.url}"
    got = [status(server), status(server), status(server, path="/v1/chat/completion")]
    assert got == [503, 200, 404]
    with pytest.raises(AssertionError) as three:
        server.assert_attempts(2)
    assert str(three.value).splitlines() == [
        "expected 2 attempts, got 3:",
        "  #1 POST /v1/chat/completions -> 503, done; fired: fail: 503",
        "  #2 POST /v1/chat/completions -> 200, done; did not fire: fail: 503 (call 2 of the "
        "session, first: 1)",
        "  #3 POST /v1/chat/completion -> 404, done; refused: Invalid URL (POST "
        "/v1/chat/completion); did you mean /v1/chat/completions?",
    ]
    server.assert_attempts(3)


# Threads


def test_any_thread_may_call(server: MockLLM) -> None:
    """Eight threads order and ask at once; nothing is lost and nothing hangs."""

    def work(number: int) -> int:
        for _ in range(20):
            server.use("default")
            server.fail(503, first=1)
            assert isinstance(server.calls, tuple)
        return status(server, model=f"model-{number}")

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(work, range(8), timeout=GUARD))
    assert set(got) <= {200, 503}
    server.assert_attempts(8)


def test_the_stop_while_other_threads_call(server: MockLLM) -> None:
    """A call that comes too late says that the server is not running; several stops are one."""
    ready = threading.Barrier(6)

    def ask() -> str:
        ready.wait(GUARD)
        try:
            while True:
                server.use("default")
        except RuntimeError as error:
            return str(error)

    def stop() -> str:
        ready.wait(GUARD)
        server.stop()
        return "stopped"

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(job) for job in (ask, ask, ask, ask, stop, stop)]
        got = [job.result(GUARD) for job in jobs]
    assert got[4:] == ["stopped", "stopped"]
    assert all(answer.startswith("this server is not running") for answer in got[:4])


def test_the_journal_of_a_stopped_server() -> None:
    """What came can still be asked when the server has stopped."""
    with MockLLM() as server:
        ask = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        ask.sendall(b"GET /v1/models HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        while ask.recv(4096):
            pass
        ask.close()
    assert [entry.path for entry in server.calls] == ["/v1/models"]
    server.assert_attempts(1)


def test_the_package_offers_it() -> None:
    """`from mockllm import MockLLM` is the class, and a wrong name is an AttributeError."""
    assert mockllm.MockLLM is MockLLM
    with pytest.raises(AttributeError, match="no attribute 'MockLlm'"):
        _ = mockllm.MockLlm
    assert os.fspath(Path(mockllm.__file__)).endswith("__init__.py")


def test_grpc() -> None:
    """A server may speak gRPC too, on a port of its own; without it, asking where is an error."""
    with MockLLM(grpc=True) as server:
        host, _, port = server.grpc_target.partition(":")
        with socket.create_connection((host, int(port)), 20):
            pass
    with MockLLM() as server, pytest.raises(RuntimeError, match=r"MockLLM\(grpc=True\)"):
        _ = server.grpc_target
