"""Which profile is on, what is counted, and how a request is read."""

from __future__ import annotations

import pytest

from mockllm.engine.engine import parse, split_target
from mockllm.engine.plan import Visit
from mockllm.faults.fault import ErrorSpec
from mockllm.profile.library import UnknownProfile
from tests.engine.build import CHAT, HERE, Clock, acts, ask, engine, error, profile, status

TWICE = "faults: [{fail: 503, first: 2}]"


def test_faults_are_counted_and_spent() -> None:
    """When the faults of a route are spent, the route is healthy."""
    server = engine(TWICE)
    assert [status(ask(server)) for _ in range(4)] == [503, 503, 200, 200]


def test_windows_follow_the_clock_and_the_speed() -> None:
    """A window is of the server's clock since its start; at double speed it comes and goes twice as fast."""
    for speed in (1.0, 2.0):
        clock = Clock()
        server = engine("faults: [{fail: 503, during: [10s, 20s]}]", clock=clock, speed=speed)
        seen = []
        for seconds in (0.0, 9.9, 10.0, 19.9, 20.0):
            clock.now = 1000.0 + seconds / speed
            seen.append(status(ask(server)))
        assert seen == [200, 200, 503, 503, 200]


def test_use_begins_anew() -> None:
    """Switching to a profile, also to the same one, forgets its counts and restarts windows."""
    clock = Clock()
    server = engine(TWICE, clock=clock)
    ask(server)
    ask(server)
    clock.now += 5
    server.use(profile(TWICE))
    plan = ask(server)
    assert (status(plan), plan.visit) == (503, Visit(1, ".3", 0.0))
    server.use(profile(name="other"))
    assert (server.profile.name, status(ask(server))) == ("other", 200)


OUTAGE = "faults: [{fail: 503, during: [0s, 10s]}]"


def test_one_profile_begins_anew_alone() -> None:
    """Its windows begin with its next call, those of others go on, until all begin anew."""
    clock = Clock()
    server = engine(OUTAGE, profile(OUTAGE, "late"), clock=clock)
    server.anew(profile(OUTAGE, "late"))
    clock.now += 20
    late = "/p/late/v1/chat/completions"
    assert (status(ask(server)), status(ask(server, late))) == (200, 503)
    clock.now += 10
    assert status(ask(server, late)) == 200
    server.reset()
    assert (status(ask(server)), status(ask(server, late))) == (503, 503)


def test_a_borrowed_profile_goes_when_its_time_is_over() -> None:
    """A profile for some seconds gives way to the one before."""
    clock = Clock()
    server = engine(clock=clock)
    server.use(profile(TWICE, "sick"), 10.0)
    clock.now += 4
    assert (server.profile.name, server.remaining) == ("sick", 6.0)
    server.add(profile("about: new", "sick"))
    assert server.profile.profile.about == "new"
    clock.now += 6
    assert server.profile.name == "p"
    assert server.remaining is None


def test_use_for_good_ends_a_borrowed_profile() -> None:
    """Without a time the switch stays, also over a borrowed one."""
    clock = Clock()
    server = engine(clock=clock)
    server.use(profile(TWICE, "sick"), 10.0)
    server.use(profile(name="other"))
    assert (server.profile.name, server.remaining) == ("other", None)


def test_add_replaces_where_it_is_on() -> None:
    """A profile that is loaded anew is on where the old one was, with counts from 1."""
    server = engine(TWICE, profile("about: b", "b"))
    ask(server)
    ask(server)
    server.add(profile("faults: [{fail: 429, first: 1}]"))
    assert status(ask(server)) == 429
    assert {"p", "b", "default"} <= server.names()


def test_find_reads_once() -> None:
    """A profile of the library is read once; an unknown name is refused."""
    server = engine()
    assert server.find("default") is server.find("default")
    with pytest.raises(UnknownProfile):
        server.find("zzz")


def test_reset_forgets_calls_and_counts() -> None:
    """The profile stays, everything else begins anew."""
    clock = Clock()
    server = engine(TWICE, clock=clock)
    server.journal.begin(ask(server), "now")
    clock.now += 5
    server.reset()
    assert server.journal.entries() == ()
    assert ask(server).visit == Visit(1, ".1", 0.0)


def test_restart_forgets_the_other_profiles() -> None:
    """What was added before is no longer known."""
    server = engine(TWICE, profile(name="b"))
    ask(server)
    server.restart(profile(TWICE, "c"))
    assert "b" not in server.names()
    assert (server.profile.name, ask(server).visit.ordinal) == ("c", 1)


def test_preview_and_refusal_count_nothing() -> None:
    """A plan for people and a request that no route sees leave the counts as they are."""
    server = engine(TWICE)
    call, name = server.read("POST", CHAT, (), b"{}")
    assert acts(server.preview(call, name, HERE, Visit(3))) == [False]
    refused = server.refusal(call, ErrorSpec(status=413, message="too large"), HERE)
    assert (status(refused), refused.refused, refused.reports) == (413, "too large", ())
    assert ask(server).visit.ordinal == 1


@pytest.mark.parametrize(
    ("body", "data", "problem"),
    [
        (b'{"a": 1}', {"a": 1}, None),
        (b"", {}, "the body is empty"),
        (b"[1]", {}, "expected an object, got list"),
        (b"null", {}, "expected an object, got NoneType"),
        (b"{", {}, "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"\xff", {}, "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    ],
)
def test_parse(body: bytes, data: dict[str, object], problem: str | None) -> None:
    """A body is a JSON object, or there is a reason why it is none."""
    assert parse(body) == (data, problem)


@pytest.mark.parametrize("body", [b"[" * 100_000, b"1" * 10_000, b'{"a":' * 100_000])
def test_hostile_bodies_have_a_reason(body: bytes) -> None:
    """Nesting and numbers beyond Python's limits are refused like any other bad body."""
    data, problem = parse(body)
    assert (data, bool(problem)) == ({}, True)
    assert status(ask(engine(), body=body)) == 400


def test_read() -> None:
    """A request is read once: path, query, wire, model, stream, and the profile in its path."""
    call, name = engine().read(
        "POST", "/p/x/v1/chat/completions?a=b?c", (("h", "v"),), b'{"model":"m","stream":true}'
    )
    assert name == "x"
    assert (call.method, call.path, call.query, call.headers) == (
        "POST",
        CHAT,
        "a=b?c",
        (("h", "v"),),
    )
    assert (call.wire, call.model, call.stream, call.problem) == ("openai.chat", "m", True, None)


def test_bytes_that_are_no_text_are_answered() -> None:
    """A key and a path with bytes that are no UTF-8 meet no exception."""
    odd = "\udcff"
    server = engine("faults: [{fail: 503, chance: 50%}]")
    assert status(ask(server, headers=[("authorization", f"Bearer mock-p.{odd}")])) in (200, 503)
    assert status(ask(server, f"/v1/{odd}")) == 404


@pytest.mark.parametrize(
    ("method", "target", "found"),
    [
        ("POST", "/v1/chat/completion", (404, "Invalid URL (POST /v1/chat/completion); did you mean /v1/chat/completions?")),
        ("PUT", CHAT, (405, "Not allowed to PUT on /v1/chat/completions; use GET or POST.")),
        ("HEAD", "/v1/embeddings", (405, "Not allowed to HEAD on /v1/embeddings; use POST.")),
    ],
)  # fmt: skip
def test_paths_that_nothing_serves(method: str, target: str, found: tuple[int, str]) -> None:
    """An unknown path is told the nearest one, a wrong method the right one."""
    plan = ask(engine(), target, method=method)
    assert (status(plan), error(plan)["message"]) == found
    assert plan.refused == found[1]


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        ("/v1/models?a=%20?b", ("/v1/models", "a=%20?b")),
        ("http://proxy:80/v1/models?x", ("/v1/models", "x")),
        ("http://proxy", ("/", "")),
        ("*", ("/", "")),
        ("/v1/models/a%2Fb", ("/v1/models/a/b", "")),
    ],
)
def test_split_target(target: str, parts: tuple[str, str]) -> None:
    """A path is what it decodes to, and a proxy's absolute form loses its scheme and host."""
    assert split_target(target) == parts
