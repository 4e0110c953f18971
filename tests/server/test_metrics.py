"""`GET /_mockllm/metrics`, read by Prometheus' own parser."""

from __future__ import annotations

import subprocess
import sys
from http.client import HTTPConnection

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_text

from mockllm import MockLLM, __version__
from mockllm.engine.lateness import Lateness
from mockllm.server.metrics import gap_errors
from tests.server.raw import GUARD, chat, connected

FAULT = "{mockllm: 1, faults: [{fail: 503, first: 1}, {edit: drop, at: content 2}]}"


def scrape(server: MockLLM, **headers: str) -> tuple[str, str]:
    """The text, and its type."""
    connection = HTTPConnection(server.url.removeprefix("http://"), timeout=GUARD)
    try:
        connection.request("GET", "/_mockllm/metrics", headers=headers)
        response = connection.getresponse()
        assert response.status == 200
        return response.read().decode(), response.headers["content-type"]
    finally:
        connection.close()


def values(text: str) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and the values of its labels in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in read_text(text)
        for sample in family.samples
    }


def talk(server: MockLLM) -> int:
    """A stream, read to its end; its bytes."""
    with connected(server.url) as raw:
        raw.send(chat(close=True))
        return len(raw.read_all()[0])


def test_a_server_says_what_it_has_done() -> None:
    """Calls by route, wire, status and outcome; faults; bytes and frames."""
    with MockLLM(FAULT) as server:
        sizes = [talk(server) for _ in range(3)]
        server.settle()
        found = values(scrape(server)[0])
        frames = sum(call.frames_sent for call in server.calls)
    route = ("inline", "only route")
    calls = ("mockllm_calls_total", "done", *route)
    assert found["mockllm_info", "inline", __version__] == 1
    assert found[(*calls, "503", "openai.chat")] == 1
    assert found[(*calls, "200", "openai.chat")] == 2
    assert found["mockllm_faults_fired_total", "fail: 503", *route] == 1
    assert found["mockllm_faults_fired_total", "edit: {drop: true}", *route] == 2
    assert found["mockllm_sent_bytes_total", "openai.chat"] == sum(sizes)
    assert found["mockllm_sent_frames_total", "openai.chat"] == frames


def test_streams_in_flight_are_told_apart() -> None:
    """From calls that are no streams, and from those that are over."""
    with (
        MockLLM("{mockllm: 1, faults: [{stall: forever}]}") as server,
        connected(server.url) as raw,
    ):
        raw.send(chat())
        raw.read_until(b"\n\n\r\n")
        found = values(scrape(server)[0])
        assert found["mockllm_calls_in_flight", "true"] == 1
        assert found["mockllm_calls_in_flight", "false"] == 0
        assert not any(name[0] == "mockllm_calls_total" for name in found)


def test_a_reset_begins_anew() -> None:
    """Prometheus takes that for a restart."""
    with MockLLM(FAULT) as server:
        talk(server)
        server.clear()
        assert not any(name[0] == "mockllm_calls_total" for name in values(scrape(server)[0]))


def test_servers_of_one_process_do_not_mix() -> None:
    """Each has a registry of its own."""
    with MockLLM(FAULT) as one, MockLLM() as other:
        talk(one)
        one.settle()
        assert "mockllm_calls_total{" in scrape(one)[0]
        assert "mockllm_calls_total{" not in scrape(other)[0]


def test_both_formats() -> None:
    """The one that the Accept header prefers, with its own type."""
    with MockLLM(FAULT) as server:
        talk(server)
        text, kind = scrape(server)
        assert kind.startswith("text/plain; version=")
        assert list(read_text(text))
        text, kind = scrape(server, accept="application/openmetrics-text; version=1.0.0")
        assert kind.startswith("application/openmetrics-text; version=1.0.0")
        assert list(read_open(text))  # type: ignore[no-untyped-call]


def test_labels_are_escaped() -> None:
    """A route's name may have every character."""
    with MockLLM("{mockllm: 1, routes: [{name: 'a \"b\" \\ c', script: {text: x}}]}") as server:
        talk(server)
        server.settle()
        names = [name for name in values(scrape(server)[0]) if name[0] == "mockllm_calls_total"]
    assert [name[3] for name in names] == ['a "b" \\ c']


def histogram(*seconds: float) -> Metric:
    """The histogram of some gap errors."""
    lateness = Lateness()
    for error in seconds:
        lateness.note(error)
    return gap_errors(lateness)


def test_gap_errors_are_cumulative() -> None:
    """A bucket has all that are below it, whichever way they were."""
    found = {
        sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value
        for sample in histogram(0.0002, -0.0012, 0.0048, 0.038, 2.0).samples
    }
    assert found["0.001"] == 1
    assert found["0.002"] == 2
    assert found["0.005"] == found["0.02"] == 3
    assert found["0.05"] == found["1.0"] == 4
    assert found["+Inf"] == found["count"] == 5
    assert found["sum"] == pytest.approx(0.0005 + 0.0015 + 0.0045 + 0.0385 + 1)


def test_the_library_is_imported_by_the_first_who_asks() -> None:
    """A server that nobody scrapes does not have it."""
    code = (
        "import sys, urllib.request\n"
        "from mockllm import MockLLM\n"
        "import mockllm.server.serve, mockllm.cli\n"
        "with MockLLM() as server:\n"
        "    urllib.request.urlopen(server.url + '/_mockllm/health').read()\n"
        "    assert 'prometheus_client' not in sys.modules\n"
        "    urllib.request.urlopen(server.url + '/_mockllm/metrics').read()\n"
        "    assert 'prometheus_client' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
