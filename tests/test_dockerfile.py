"""The Dockerfile's facts, and the commands that it names, run as the image would run them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mockllm import MockLLM
from mockllm.cli import cli

TOP = Path(__file__).parents[1]
GUARD = 30
"""Seconds after which a command is given up."""


class Dockerfile:
    """The instructions of the last stage, and of all stages."""

    def __init__(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
        joined = "\n".join(lines).replace("\\\n", " ")
        self.all = [line.partition(" ")[::2] for line in joined.splitlines()]
        start = max(index for index, (name, _) in enumerate(self.all) if name == "FROM")
        self.last = self.all[start:]

    def one(self, name: str) -> str:
        """The argument of an instruction that the last stage has once."""
        (argument,) = (argument for found, argument in self.last if found == name)
        return argument.strip()

    def command(self, name: str) -> list[str]:
        """An instruction in exec form: without a shell, so that the program gets the signals."""
        words: list[str] = json.loads(self.one(name))
        return words

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the image."""
        return dict(word.split("=", 1) for word in self.one("ENV").split())

    @property
    def health_check(self) -> list[str]:
        """The command of the health check."""
        options, _, command = self.one("HEALTHCHECK").partition("CMD ")
        assert "--interval=" in options
        words: list[str] = json.loads(command)
        return words


@pytest.fixture(scope="module")
def image() -> Dockerfile:
    """What the Dockerfile says."""
    return Dockerfile((TOP / "Dockerfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    """What pyproject.toml says of the project."""
    project: dict[str, Any] = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))["project"]
    return project


def run(words: list[str], environment: dict[str, str], cwd: Path) -> subprocess.Popen[str]:
    """Start a command of the image, with this environment's programs instead of its own."""
    program = Path(sys.executable).with_name(words[0])
    variables = {"PATH": os.environ["PATH"], **environment}
    return subprocess.Popen(
        [program, *words[1:]],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def status(words: list[str], environment: dict[str, str], cwd: Path) -> tuple[int, str]:
    """The exit status of a command and what it says on stdout."""
    with run(words, environment, cwd) as process:
        said, _ = process.communicate(timeout=GUARD)
    return process.returncode, said


@pytest.fixture
def variables(image: Dockerfile) -> dict[str, str]:
    """The image's variables, but for its PATH."""
    return {name: value for name, value in image.environment.items() if name != "PATH"}


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A working directory that cannot be written to (but by root)."""
    tmp_path.chmod(0o555)
    yield tmp_path
    assert list(tmp_path.iterdir()) == []
    tmp_path.chmod(0o755)


def test_the_user_is_a_number_and_not_root(image: Dockerfile) -> None:
    user, group = image.one("USER").split(":")
    assert int(user) > 0
    assert int(group) > 0


def test_the_commands_exist(image: Dockerfile, project: dict[str, Any]) -> None:
    (program,) = image.command("ENTRYPOINT")
    assert program in project["scripts"]
    assert image.command("CMD")[0] in cli.commands
    assert image.health_check[0] == program
    assert image.health_check[1] in cli.commands


def test_arguments_that_replace_the_command_keep_the_address(image: Dockerfile) -> None:
    assert image.command("CMD") == ["serve"]
    assert image.environment["MOCKLLM_HOST"] == "0.0.0.0"
    assert image.environment["MOCKLLM_PORT"] == image.one("EXPOSE")


def test_it_stops_on_the_signal_that_the_server_knows(image: Dockerfile) -> None:
    assert image.one("STOPSIGNAL") == "SIGTERM"


def test_nothing_is_written_at_run_time(image: Dockerfile) -> None:
    assert image.environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_both_stages_have_the_same_python_that_the_project_supports(
    image: Dockerfile, project: dict[str, Any]
) -> None:
    bases = {argument.split()[0] for name, argument in image.all if name == "FROM"}
    (base,) = bases
    found = re.fullmatch(r"python:(3\.\d+)-slim", base)
    assert found
    assert f"Programming Language :: Python :: {found[1]}" in project["classifiers"]


def test_what_is_copied_exists_and_is_not_ignored(image: Dockerfile) -> None:
    ignored = (TOP / ".dockerignore").read_text("utf-8").splitlines()
    copies = [argument.split() for name, argument in image.all if name == "COPY"]
    sources = {path for words in copies if "--from=build" not in words for path in words[:-1]}
    assert {"pyproject.toml", "mockllm", "profiles", "LICENSE", "NOTICE"} <= sources
    for path in sources:
        assert (TOP / path).exists()
        assert f"!{path}" in ignored


def test_the_extras_exist(image: Dockerfile, project: dict[str, Any]) -> None:
    installs = " ".join(argument for name, argument in image.all if name == "RUN")
    extras = re.findall(r"/src\[([\w,]+)\]", installs)
    assert extras
    assert set(extras[0].split(",")) <= project["optional-dependencies"].keys()


def test_the_health_check_tells_a_running_server_from_none(
    image: Dockerfile, variables: dict[str, str], tmp_path: Path
) -> None:
    with MockLLM() as server:
        port = str(urlsplit(server.url).port)
        assert status(image.health_check, variables | {"MOCKLLM_PORT": port}, tmp_path)[0] == 0
    assert status(image.health_check, variables | {"MOCKLLM_PORT": port}, tmp_path)[0] == 1


def test_another_command_can_be_given(
    image: Dockerfile, variables: dict[str, str], read_only: Path
) -> None:
    code, said = status([*image.command("ENTRYPOINT"), "list"], variables, read_only)
    assert code == 0
    assert "stall-mid-stream" in said


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has 127.0.0.1 alone")
def test_a_profile_can_be_given_and_the_server_is_reached_from_outside(
    image: Dockerfile, variables: dict[str, str], read_only: Path
) -> None:
    words = [*image.command("ENTRYPOINT"), "serve", "upstream-unavailable", "--print-url"]
    with run(words, variables | {"MOCKLLM_PORT": "0"}, read_only) as process:
        try:
            assert process.stdout is not None
            port = urlsplit(process.stdout.readline().strip()).port
            assert port
            # All of 127.0.0.0/8 is this machine; a server on 127.0.0.1 alone is not reached so.
            with socket.create_connection(("127.0.0.2", port), timeout=GUARD) as sock:
                sock.sendall(
                    b"GET /v1/models HTTP/1.1\r\nHost: outside\r\nConnection: close\r\n\r\n"
                )
                assert sock.recv(12) == b"HTTP/1.1 503"
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=GUARD)
    assert process.returncode == 0
    assert "the admin API is off, because the server does not listen on loopback" in log
    assert "/_mockllm/journal" not in log
