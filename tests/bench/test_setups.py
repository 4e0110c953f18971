"""What is measured is what the workloads mean to measure: profiles, commands, patches."""

from __future__ import annotations

import http.client
import json
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from mockllm.profile.loader import load
from mockllm.timeline.pacing import Pace
from tests.bench.asking import chat, frames
from tests.bench.load import Bench, Streams
from tests.bench.process import Broken, accepts, free_port, pinned
from tests.bench.servers import ALL as SERVERS
from tests.bench.servers import mockllm, pacer
from tests.bench.without import UPKEEP
from tests.bench.workloads import ALL as WORKLOADS
from tests.bench.workloads import crosscheck, faults, held, routes, upkeep
from tests.engine.build import HERE, engine

PROFILES = {
    **routes.PROFILES,
    **{name: faults.text(fault) for name, fault in faults.FAULTS.items()},
    "held": held.PROFILE,
    "paced": mockllm.profile(pace=20),
    "joined": mockllm.profile(pace=20, itl=5, catch_up="join"),
}


@pytest.mark.parametrize("name", PROFILES)
def test_profiles_load(name: str) -> None:
    assert load(PROFILES[name], name="p").profile.all_routes


@pytest.mark.parametrize("name", list(routes.PROFILES)[1:])
def test_the_last_of_a_thousand_routes_matches(name: str) -> None:
    made = load(routes.PROFILES[name], name="p").profile.all_routes
    assert len(made) == routes.ROUTES
    to = engine()
    to.use(load(routes.PROFILES[name], name="p"))
    body = b'{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}'
    call, chosen = to.read("POST", "/v1/chat/completions", (), body)
    assert to.plan(call, chosen, HERE).found.index == routes.ROUTES - 1


@pytest.mark.parametrize("name", SERVERS)
def test_servers_are_started_on_the_port_that_is_asked_for(name: str, tmp_path: Path) -> None:
    peer = SERVERS[name]
    for pace in (0.0, 20.0):
        words = peer.start(Bench(tmp_path, 1.0), "stream", pace)(4711)
        assert any("4711" in word for word in words)
        assert all(isinstance(word, str) for word in words)


def test_server_and_load_have_the_same_times(tmp_path: Path) -> None:
    """TTFT and ITL, where they differ and where they do not."""
    bench = Bench(tmp_path, 1.0)
    for itl, expected in ((None, "20.0"), (5.0, "5.0")):
        words = Streams(chat(stream=True), 7, 20.0, itl).command(bench, 4711, 50, 1.0)
        options = dict(pairwise(words))
        assert (options["-t"], options["-i"], options["-n"]) == ("20.0", expected, "7")
    assert pacer.command(bench, 20.0, 5.0)(4711)[1:] == ["4711", "50", "20.0", "5.0"]
    made = load(PROFILES["joined"], name="p").profile.all_routes[0].pacing.pace
    assert made == Pace(0.02, 0.005, joins=True)


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.peer.missing", lambda name: True)
    assert SERVERS["aimock"].why_missing == "aimock is not installed: .ci/parts aimock"
    assert SERVERS["aimock"].version is None
    assert SERVERS["naive"].why_missing is None


def test_servers_and_load_are_on_different_processors() -> None:
    assert pinned("1", ["load"]) == ["taskset", "-c", "1", "load"]


def test_a_workload_has_subjects_where_mockllm_is_there(tmp_path: Path) -> None:
    for work in WORKLOADS.values():
        assert work.subjects(Bench(tmp_path, 1.0), SERVERS), work.name
        assert "mockllm" not in dict(work.subjects(Bench(tmp_path, 1.0), {}))


def test_the_upkeep_that_is_taken_out_is_there(tmp_path: Path) -> None:
    """The patches fit: a server answers behind them as before, also what it has answered before."""
    taken = {word for words in upkeep.SUBJECTS.values() for word in words[-1:] if word}
    assert {one for words in taken for one in words.split(",")} == set(UPKEEP)
    start = mockllm.serve(
        Bench(tmp_path, 1.0), mockllm.profile(), *upkeep.LAUNCHER, ",".join(UPKEEP)
    )
    port = free_port()
    with subprocess.Popen(start(port), stderr=subprocess.PIPE) as process:
        try:
            assert accepts(port, process), process.communicate()[1]
            kept = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            for ask in (chat(stream=False), chat(stream=True)) * 3:
                kept.request("POST", ask.path, ask.payload, {"Content-Type": "application/json"})
                response = kept.getresponse()
                text = response.read().decode()
                found = (response.status, len(frames(text, ask.mark)))
                assert found == (200, 50 if ask.body["stream"] else 1), text
            kept.close()
        finally:
            process.terminate()


def test_guidellms_report_is_read() -> None:
    def found(**values: float) -> dict[str, object]:
        return {"successful": values}

    metrics = {
        "request_totals": {"successful": 3, "errored": 0},
        "requests_per_second": found(mean=2.0),
        "time_to_first_token_ms": {"successful": {"percentiles": {"p50": 21.0, "p99": 25.0}}},
        "request_latency": found(median=1.01),
    }
    report = json.loads(json.dumps({"benchmarks": [{"metrics": metrics}]}))
    assert crosscheck.read_guidellm(report) == {
        "requests_per_second": 2.0,
        "ttft_ms": 21.0,
        "ttft_p99_ms": 25.0,
        "stream_ms": 1010.0,
    }
    report["benchmarks"][0]["metrics"]["request_totals"]["errored"] = 1
    with pytest.raises(Broken, match="not all answered"):
        crosscheck.read_guidellm(report)
