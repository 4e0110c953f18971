"""`mockllm serve` as a process: signals, files, environment, messages."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.raw import GUARD, chat, connected, text_of

LAST_CHUNK = b"0\r\n\r\n"


class Process:
    """A server process whose URL is known."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url

    def text(self, **options: object) -> str:
        """The text that a chat gets."""
        with connected(self.url) as raw:
            raw.send(chat(close=True, **options))  # type: ignore[arg-type]
            return text_of(raw.read_all()[0])

    def end(self) -> tuple[int, str]:
        """The exit status after SIGTERM, and what stood on stderr."""
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=GUARD)
        return self.process.returncode, err


@contextmanager
def serving(*arguments: str, command: str = "serve", **environment: str) -> Iterator[Process]:
    """`mockllm serve`, or another command that serves, ended at the latest at the end."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MOCKLLM_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "mockllm", command, "--port", "0", "--print-url", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=clean | environment,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise AssertionError(process.communicate(timeout=GUARD)[1])
        yield Process(process, url)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def failing(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`mockllm serve` that does not start."""
    command = [sys.executable, "-m", "mockllm", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=GUARD, check=False)


def test_sigterm_with_a_held_stream() -> None:
    """A held stream is let go of: the client gets its FIN, and the process ends with 0."""
    with serving("stall-mid-stream") as server, connected(server.url) as raw:
        raw.send(chat())
        raw.read_until(b'" answer"')
        begin = time.monotonic()
        status, err = server.end()
        # The promise is one second; the guard is generous for a busy machine.
        assert time.monotonic() - begin < GUARD / 2
        assert raw.read_all()[1] == "fin"
    assert status == 0
    assert "ended=held" in err
    assert "fired=[stall: forever]" in err


def test_the_banner_and_the_ready_file(tmp_path: Path) -> None:
    """The banner has the lines to copy, the ready file the URL, stdout the URL alone."""
    ready = tmp_path / "ready"
    with serving("--ready-file", str(ready), "slow", "reset-mid-stream") as server:
        # The URL is printed after the file was written.
        assert ready.read_text() == f"{server.url}\n"
        status, err = server.end()
    assert status == 0
    assert f"export OPENAI_BASE_URL={server.url}/v1 OPENAI_API_KEY=mockllm-not-a-key" in err
    assert f"mockllm ready url={server.url} profile=slow seed=0" in err
    assert server.process.stdout is not None


def test_json_log() -> None:
    """With --log-format json every line is JSON, calls as the journal shows them."""
    with serving("--log-format", "json") as server:
        server.text()
        _, err = server.end()
    lines = [json.loads(line) for line in err.splitlines()]
    assert lines[0]["message"].startswith("mockllm ready")
    assert lines[1]["call"]["sent"]["tokens"] == 60


def test_profiles_of_the_environment() -> None:
    """The profile comes from the environment, as text or else by name; the command line wins, also
    with the port."""
    text = "mockllm: 1\nfaults: [{close: clean, at: after content 2}]"
    with serving(MOCKLLM_PROFILE="truncated-clean") as server:
        assert server.text() == "This is a test answer"
    with serving(MOCKLLM_PROFILE_YAML=text, MOCKLLM_PROFILE="slow") as server:
        assert server.text() == "This is"
    with serving("truncated-clean", MOCKLLM_PROFILE_YAML=text, MOCKLLM_PORT="70000") as server:
        assert server.text() == "This is a test answer"


def test_speed_of_what_cannot_be_scaled(tmp_path: Path) -> None:
    """The log names the profiles for which --speed has no effect."""
    path = tmp_path / "slow.yaml"
    path.write_text("mockllm: 1\nscalable: false\n")
    with serving("default", str(path), "--speed", "10") as server:
        _, err = server.end()
    assert "profile slow is not scalable: it plays at its own speed\n" in err
    assert "profile default is not" not in err


def test_reload(tmp_path: Path) -> None:
    """A profile given by path is read again; a bad edit keeps the old one and says what is wrong."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nfaults: [{close: clean, at: after content 1}]\n")
    with serving(str(path)) as server:
        assert server.process.stderr is not None
        assert server.text() == "This"
        path.write_text("mockllm: 1\nfualts: []\n")
        for line in server.process.stderr:
            if "fualts" in line:
                break
        assert line.rstrip().endswith("unknown key 'fualts'; did you mean 'faults'?")
        assert server.text() == "This"
        path.write_text("mockllm: 1\nfaults: [{close: clean, at: after content 2}]\n")
        for line in server.process.stderr:
            if "was read again" in line:
                break
        assert server.text() == "This is"


def test_reload_of_what_is_extended(tmp_path: Path) -> None:
    """A profile is read again when one that it extends has changed."""
    path, parent = tmp_path / "mine.yaml", tmp_path / "parent.yaml"
    path.write_text("mockllm: 1\nextends: parent\n")
    parent.write_text("mockllm: 1\nfaults: [{close: clean, at: after content 1}]\n")
    with serving(str(path)) as server:
        assert server.process.stderr is not None
        assert server.text() == "This"
        parent.write_text("mockllm: 1\nfaults: [{close: clean, at: after content 2}]\n")
        for line in server.process.stderr:
            if "was read again" in line:
                break
        assert server.text() == "This is"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-profile"], "there is no profile named 'no-such-profile'; known: "),
        (
            ["--port", "70000"],
            "mockllm: cannot listen on 127.0.0.1:70000: expected a port from 0 to 65535, got 70000",
        ),
        (["none.yaml"], "none.yaml: No such file or directory"),
    ],
)
def test_a_start_that_fails(arguments: list[str], message: str) -> None:
    """What keeps it from starting is said in one line, with exit status 1."""
    done = failing(*arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_a_port_in_use() -> None:
    """A port that is taken is named, in one line, with exit status 1."""
    with serving() as server:
        port = server.url.rpartition(":")[2]
        done = failing("--port", port)
    assert done.returncode == 1
    assert (
        done.stderr
        == f"mockllm: cannot listen on 127.0.0.1:{port}: Address already in use; choose another, or port 0\n"
    )


def test_a_ready_file_that_cannot_be_written(tmp_path: Path) -> None:
    """The file is named, not the port."""
    ready = tmp_path / "none" / "ready"
    done = failing("--port", "0", "--ready-file", str(ready))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"mockllm: cannot write {ready}.part: No such file or directory"
    )


def test_the_ready_file_goes_with_the_server(tmp_path: Path) -> None:
    """Nobody finds the address of a server that has stopped."""
    ready = tmp_path / "ready"
    with serving("--ready-file", str(ready)) as server:
        assert ready.exists()
        server.end()
    assert not ready.exists()


def test_a_listener_whose_port_is_taken(tmp_path: Path) -> None:
    """The listener is named, and nothing is shared with the server that has the port."""
    with serving() as server:
        port = server.url.rpartition(":")[2]
        path = tmp_path / "mine.yaml"
        path.write_text(f"mockllm: 1\nlisteners: [{{name: late, port: {port}}}]\n")
        done = failing("--port", "0", str(path))
    assert done.returncode == 1
    assert done.stderr == (
        f"mockllm: listener late: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose another, or port 0\n"
    )
