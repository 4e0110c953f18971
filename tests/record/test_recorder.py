"""The file that is recorded to: what cannot be written is said, and nothing that is there is lost."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cassettes.cassette import CassetteError, Exchange, Piece, Recording, Request
from mockllm.cassettes.text import exchange_text
from mockllm.cli import cli
from mockllm.record.recorder import Recorder
from tests.record.build import cassette

ONE = Exchange(
    Request("GET", "/v1/models"),
    Recording((Piece(5, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"),), "complete", 9),
)
URL = "http://upstream.test"


def write(path: Path, count: int = 1) -> None:
    """Record the exchange so many times."""
    recorder = Recorder(path, upstream=URL)
    for _ in range(count):
        assert recorder.write(ONE)
    recorder.close()


def test_it_grows(tmp_path: Path) -> None:
    """Exchanges are appended to a cassette that is there."""
    path = tmp_path / "c.yaml"
    write(path, 2)
    before = path.read_text("utf-8")
    write(path)
    assert path.read_text("utf-8").startswith(before)
    assert len(cassette(path).exchanges) == 3
    assert cassette(path).upstream == URL


def test_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written in slices is what is written at once, and others are served between them."""
    monkeypatch.setattr("mockllm.record.recorder.SLICE", 0.0)
    turns: list[None] = []

    async def write_slowly() -> None:
        recorder = Recorder(tmp_path / "b.yaml", upstream=URL)
        writing = asyncio.ensure_future(recorder.write_meanwhile(ONE))
        while not writing.done():
            turns.append(None)
            await asyncio.sleep(0)
        recorder.close()

    write(tmp_path / "a.yaml")
    asyncio.run(write_slowly())
    assert (tmp_path / "b.yaml").read_bytes() == (tmp_path / "a.yaml").read_bytes()
    assert len(turns) > 5


def test_a_torn_end_becomes_comments(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An exchange that a crash has cut stays readable, and what is recorded next is whole."""
    path = tmp_path / "c.yaml"
    write(path, 2)
    text = path.read_text("utf-8")
    path.write_text(text[:-40], "utf-8")
    with caplog.at_level(logging.WARNING, "mockllm"):
        write(path)
    assert "does not end with a line `...`" in caplog.text
    made = cassette(path)
    assert len(made.exchanges) == 2
    assert made.warnings == ()
    assert "# torn: request:\n" in path.read_text("utf-8")


@pytest.mark.parametrize("room", [0, 30])
def test_a_full_disk(
    room: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What does not fit is not there in part; the log says so, and the next one is tried again."""
    path = tmp_path / "c.yaml"
    recorder = Recorder(path, upstream=URL)
    assert recorder.write(ONE)
    before = path.read_bytes()
    real = os.pwrite
    left = [room]

    def full(file: int, data: bytes, offset: int) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = real(file, data[: left[0]], offset)
        left[0] -= done
        return done

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        assert not recorder.write(ONE)
    assert path.read_bytes() == before
    assert recorder.lost == 1
    assert "No space left on device: GET /v1/models is not recorded" in caplog.text
    assert recorder.write(ONE)
    recorder.close()
    assert len(cassette(path).exchanges) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mockllm-cassette: 2\n...\n", "made by a newer mockllm"),
        ("something: else\n...\n", "expected a cassette that begins with"),
        ("notes\n", "expected a cassette that begins with"),
        (f"mockllm-cassette: 1\nredacted: [user]\n...\n{exchange_text(ONE)}", "expected the same bodies to be redacted (--redact 'user')"),
        ("mockllm-cassette: 1\nredacted: ['a[?(@.b)]']\n...\n", "2:12: expected a path such as $.messages[*].content or $..email, got 'a[?(@.b)]'"),
    ],
)  # fmt: skip
def test_a_file_that_is_something_else(text: str, message: str, tmp_path: Path) -> None:
    """No file is written to that is no cassette, or one of a newer version; it stays as it is."""
    path = tmp_path / "c.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(CassetteError) as caught:
        Recorder(path, upstream=URL)
    assert message in str(caught.value)
    assert path.read_text("utf-8") == text


def test_a_cassette_without_exchanges(tmp_path: Path) -> None:
    """One that was only begun is begun again."""
    path = tmp_path / "c.yaml"
    Recorder(path, upstream=URL).close()
    Recorder(path, upstream="http://other.test", redacted=("user",)).close()
    assert cassette(path).upstream == "http://other.test"
    assert cassette(path).redacted == ("user",)


def test_two_recorders(tmp_path: Path) -> None:
    """A file that is written to is refused, and free again afterwards."""
    path = tmp_path / "c.yaml"
    first = Recorder(path, upstream=URL)
    with pytest.raises(CassetteError) as caught:
        Recorder(path, upstream=URL)
    said = "another recorder writes to it; stop that one, or choose another file"
    assert str(caught.value) == f"{path}: {said}"
    first.close()
    write(path)


def test_no_file(tmp_path: Path) -> None:
    """A pipe is no cassette, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CassetteError) as caught:
        Recorder(tmp_path / "pipe", upstream=URL)
    assert str(caught.value).endswith("pipe: expected a file, got a device, a pipe or a folder")


def test_edited_meanwhile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file that somebody has made shorter is continued at its end, with a warning."""
    path = tmp_path / "c.yaml"
    recorder = Recorder(path, upstream=URL)
    assert recorder.write(ONE)
    assert recorder.write(ONE)
    text = path.read_text("utf-8")
    path.write_text(text[: text.rindex("---")], "utf-8")
    assert recorder.write(ONE)
    recorder.close()
    assert "was changed meanwhile; it is continued at its new end" in caplog.text
    assert len(cassette(path).exchanges) == 2


def test_replaced_meanwhile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is written to a file that nobody can find any more."""
    path = tmp_path / "c.yaml"
    recorder = Recorder(path, upstream=URL)
    path.unlink()
    assert not recorder.write(ONE)
    recorder.close()
    assert f"{path}: the file was removed or replaced; start again: GET /v1/models" in caplog.text


def test_no_more_than_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cassette does not grow beyond what can be read again."""
    path = tmp_path / "c.yaml"
    recorder = Recorder(path, upstream=URL)
    monkeypatch.setattr("mockllm.record.recorder.MAX_BYTES", path.stat().st_size + 10)
    assert not recorder.write(ONE)
    recorder.close()
    assert "it would have more than" in caplog.text
    assert cassette(path).exchanges == ()


def run(*arguments: Any) -> tuple[int, str]:
    """The command's exit status and what it says."""
    done = CliRunner().invoke(cli, ["record", *map(str, arguments)])
    return done.exit_code, done.output


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    """A folder that is not there, and a URL that is none, end it with one line."""
    status, text = run("--upstream", URL, "--out", tmp_path / "no" / "c.yaml")
    place = tmp_path / "no" / "c.yaml"
    wanted = f"mockllm: cannot write {place}: No such file or directory; choose another file\n"
    assert (status, text) == (1, wanted)
    status, text = run("--upstream", "upstream", "--out", tmp_path / "c.yaml")
    wanted = "mockllm: --upstream: expected a URL such as https://api.openai.com, got 'upstream'\n"
    assert (status, text) == (1, wanted)
    path = "messages[?(@.role)]"
    status, text = run("--upstream", URL, "--out", tmp_path / "c.yaml", "--redact", path)
    wanted = "mockllm: --redact: expected a path such as $.messages[*].content or $..email, got "
    assert (status, text) == (1, f"{wanted}'{path}'\n")
    assert not (tmp_path / "c.yaml").exists()
