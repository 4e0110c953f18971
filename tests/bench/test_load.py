"""What the loads say is checked: a server that answers nothing cannot look fast."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import IPPROTO_TCP, TCP_NODELAY, create_server

import pytest

from mockllm import MockLLM
from tests.bench.asking import Ask, chat, frames, probed, responses, tools
from tests.bench.load import Bench, Streams, checked, read_wrk
from tests.bench.process import Broken, nanoseconds

WHOLE = {"broken": 0.0, "unfinished": 0.0, "refused": 0.0, "streams": 3.0, "frames_per_second": 9.0}
WRK = """Running 2s test @ http://127.0.0.1:1/v1/chat/completions
  1 threads and 32 connections
  2000 requests in 2.00s, 1.00MB read
{more}Requests/sec:   1000.50
Transfer/sec:      0.50MB
"""
SSE = "HTTP/1.1 {status}\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "wrong",
    [
        {"broken": 1.0},
        {"unfinished": 1.0},
        {"refused": 1.0},
        {"streams": 0.0},
        {"frames_per_second": 0.0},
    ],
)
def test_streams_that_are_not_whole_are_no_figure(wrong: dict[str, float]) -> None:
    assert checked(WHOLE) == WHOLE
    with pytest.raises(Broken, match="others were not"):
        checked({**WHOLE, **wrong})


def test_paced_streams_may_be_late_but_not_wrong() -> None:
    late = {**WHOLE, "unfinished": 2.0, "streams": 0.0, "total_percent": -1.0}
    assert checked(late, late=True) == {**WHOLE, "unfinished": 2.0, "streams": 0.0}
    for wrong in ({"broken": 1.0}, {"refused": 1.0}, {"frames_per_second": 0.0}):
        with pytest.raises(Broken):
            checked({**late, **wrong}, late=True)


def test_wrk_says_a_rate() -> None:
    assert read_wrk(WRK.format(more=""), 400) == {"requests_per_second": 1000.5, "answered": 2000}


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("no rate", "says no rate"),
        (WRK.format(more="  Non-2xx or 3xx responses: 7\n"), "not those that were expected"),
        (WRK.format(more="  Socket errors: connect 0, read 1, write 0, timeout 0\n"), "expected"),
        (WRK.format(more="").replace("1.00MB", "100.00KB"), "less than 400 bytes"),
        (WRK.format(more="").replace("2000 requests", "0 requests"), "says no rate"),
    ],
)
def test_what_wrk_did_not_get_is_no_figure(out: str, message: str) -> None:
    with pytest.raises(Broken, match=message):
        read_wrk(out, 400)


def test_refusals_are_expected_of_all_answers_or_of_none() -> None:
    some, all_of = (f"  Non-2xx or 3xx responses: {count}\n" for count in (7, 2000))
    assert read_wrk(WRK.format(more=all_of), 400, refused=True)
    with pytest.raises(Broken):
        read_wrk(WRK.format(more=some), 400, refused=True)


def test_the_time_on_a_processor_is_not_that_of_waiting() -> None:
    assert nanoseconds("42000 99999 7\n") == 42_000


def test_empty_text_is_no_frame() -> None:
    assert (
        len(frames('{"content":""}{"content": "a"}{"content":"b"}{"content":null}', '"content":'))
        == 2
    )


@pytest.mark.parametrize(
    ("ask", "expected"),
    [(chat(stream=True), 50), (chat(stream=False), 1), (tools(), 6), (responses(), 60)],
)
def test_a_server_is_asked_once_before(ask: Ask, expected: int) -> None:
    script = "script: tools2" if ask.mark == tools().mark else "script: text60"
    with MockLLM(f"mockllm: 1\n{script}\n") as server:
        text, found = probed(int(server.url.rpartition(":")[2]), ask)
    assert found == expected
    assert not ask.body.get("stream") or ask.end in text


def test_another_status_is_no_answer() -> None:
    with MockLLM("{mockllm: 1, faults: [{fail: 503}]}") as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(Broken, match="expected 200, got 503"):
            probed(port, chat(stream=True))
        assert probed(port, chat(stream=False), status=503)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler")
    return Bench.made(tmp_path_factory.mktemp("bench"), 0.2, 1)


def loaded(
    bench: Bench, port: int, expected: int, ask: Ask | None = None, seconds: float = 0.2
) -> dict[str, float]:
    """What the load says of two streams at a time, unpinned: tests share the machine."""
    streams = Streams(ask or chat(stream=True), 2)
    command = streams.command(bench, port, expected, seconds)
    done = subprocess.check_output([*command[3:], "-w", "0.1"], timeout=60)
    found: dict[str, float] = json.loads(done)
    return found


def test_the_load_counts_the_frames_of_the_server(bench: Bench) -> None:
    with MockLLM("{mockllm: 1, script: {words: 50}}") as server:
        # Longer than the garbage collector of a process with all these tests may stop the server.
        found = loaded(bench, int(server.url.rpartition(":")[2]), 50, seconds=2.0)
        bodies = [entry.plan.call.body for entry in server.calls]
    assert (found["broken"], found["unfinished"]) == (0, 0)
    assert checked(found)
    assert len(set(bodies)) == len(bodies) > 2, "no two requests are equal"


@pytest.mark.parametrize(
    "fault",
    [
        "truncate: true",
        "error: true",
        "cut: true",
        "reset: true",
        "edit: drop, at: done",
    ],
)
def test_the_load_sees_streams_that_are_not_whole(bench: Bench, fault: str) -> None:
    with MockLLM(f"{{mockllm: 1, script: {{words: 50}}, faults: [{{{fault}}}]}}") as server:
        found = loaded(bench, int(server.url.rpartition(":")[2]), 50)
    assert found["broken"] + found["unfinished"] > 0
    with pytest.raises(Broken):
        checked(found)


@contextmanager
def answering(answer: bytes, piece: int = 1 << 20) -> Iterator[int]:
    """A server that gives one answer to whatever comes, so many bytes a segment, and closes."""
    with create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):  # the load leaves when its time is over
                    connection.recv(65536)
                    connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
                    for begin in range(0, len(answer), piece):
                        connection.sendall(answer[begin : begin + piece])

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(2)
            thread.join()


def chunked(*units: str) -> str:
    return "".join(f"{len(unit):x}\r\n{unit}\r\n" for unit in units) + "0\r\n\r\n"


def test_an_answer_that_is_empty_is_broken(bench: Bench) -> None:
    with answering((SSE.format(status="200 OK") + "0\r\n\r\n").encode()) as port:
        assert loaded(bench, port, 1)["broken"] > 0


def test_a_server_may_close_after_whole_answers_and_cut_them_anywhere(bench: Bench) -> None:
    frame = 'data: {"choices": [{"delta": {"content": "hello"}}]}\n\n'
    answer = SSE.format(status="200 OK") + chunked(frame, "data: [DONE]\n\n")
    for piece in (1 << 20, 7, 1):
        with answering(answer.encode(), piece) as port:
            found = loaded(bench, port, 1)
        assert found["broken"] == 0
        assert found["streams"] > 0
    with answering(answer.replace("200 OK", "500 Oh").encode()) as port:
        assert loaded(bench, port, 1)["broken"] > 0


def test_a_body_of_a_megabyte_is_sent_whole(bench: Bench, tmp_path: Path) -> None:
    with MockLLM("{mockllm: 1, script: {words: 50}}") as server:
        loaded(bench, int(server.url.rpartition(":")[2]), 50, chat("x" * (1 << 20), stream=True))
        assert all(len(entry.plan.call.body) > 1 << 20 for entry in server.calls)
        assert server.calls
