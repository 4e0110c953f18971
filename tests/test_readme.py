"""Every example of README.md is run, and what it says of the product is compared with it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from click.testing import CliRunner

from mockllm import MockLLM
from mockllm.cli import cli
from mockllm.profile.library import Library, shipped
from mockllm.profile.loader import load
from mockllm.scripts.named import CANONICAL
from tests.server.raw import GUARD

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCK = re.compile(r"(?:<!-- ([\w-]+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)
BLOCKS = [(kind or language, text) for kind, language, text in BLOCK.findall(README)]
URL = "http://127.0.0.1:8080"

RUN_BY_CI = {"serve-command", "test-command"}
"""They make an environment and need the network: `.ci/run` runs them in a fresh clone."""
RUN_HERE = {"curl-command", "client-example", "pytest-example", "python-example", "text", "yaml"}


def blocks(kind: str) -> list[str]:
    """The examples of a kind."""
    return [text for found, text in BLOCKS if found == kind]


@pytest.fixture
def paced() -> Iterator[MockLLM]:
    """The server that `mockllm serve` would be, faster."""
    with MockLLM(paced=True, speed=20) as server:
        yield server


def test_every_example_is_run() -> None:
    """No example is of a kind that nobody runs."""
    assert {kind for kind, _ in BLOCKS} == RUN_BY_CI | RUN_HERE


@pytest.mark.parametrize("text", blocks("yaml"))
def test_profiles_load(text: str) -> None:
    """Every profile loads."""
    assert load(text, name="readme").profile.about


@pytest.mark.parametrize("text", blocks("python-example"))
def test_python(text: str) -> None:
    """Every program runs, its assertions included."""
    exec(compile(text, "README.md", "exec"), {})


def test_the_pytest_examples(pytester: pytest.Pytester) -> None:
    """Every test of the README passes."""
    for number, text in enumerate(blocks("pytest-example")):
        pytester.makepyfile(**{f"test_readme_{number}": text})
    result = pytester.runpytest_subprocess("-q")
    result.assert_outcomes(passed=4)


def test_curl(paced: MockLLM) -> None:
    """The curl line shows the whole stream."""
    (line,) = blocks("curl-command")
    done = subprocess.run(
        ["bash", "-c", line.replace(URL, paced.url).replace("curl ", "curl -s ")],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=True,
    )
    words = re.findall(r'"delta":\{"content":"([^"]*)"\}', done.stdout)
    assert "".join(words) == CANONICAL


def test_the_client(paced: MockLLM, capsys: pytest.CaptureFixture[str]) -> None:
    """The three lines print five words and end with the error they name."""
    (text,) = blocks("client-example")
    with pytest.raises(openai.APITimeoutError):
        exec(compile(text.replace(URL, paced.url), "README.md", "exec"), {"openai": openai})
    assert capsys.readouterr().out == "This is a test answer"


def test_the_setup_commands_are_single_lines() -> None:
    """Both can be copied at once."""
    for kind in RUN_BY_CI:
        (text,) = blocks(kind)
        assert text.count("\n") == 1


def test_the_table_of_profiles() -> None:
    """Every everyday profile has its row, with its own words."""
    table = README.partition("<!-- profiles-table -->\n")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    library = Library()
    shown = {row[0].strip("`"): row[1] for row in rows}
    names = sorted(path.stem for path in shipped().glob("*.yaml"))
    assert {name: library.find(name).profile.about for name in names} == shown


@pytest.mark.parametrize("name", ["serve", "use", "healthcheck"])
def test_the_commands_options(name: str) -> None:
    """Every option that a command line in the README has is one of the command."""
    line = next(line for line in README.splitlines() if line.startswith(f"| `mockllm {name}"))
    known = CliRunner().invoke(cli, [name, "--help"]).stdout
    options = re.findall(r"--[a-z-]+", line.split("` |")[0])
    assert [option for option in options if option not in known] == []


@pytest.mark.parametrize("line", [line for text in blocks("text") for line in text.splitlines()])
def test_the_command_lines(line: str) -> None:
    """Every command line that is only shown has a command and options that exist."""
    program, command, *words = shlex.split(line, comments=True)
    known = CliRunner().invoke(cli, [command, "--help"])
    assert (program, known.exit_code) == ("mockllm", 0)
    assert [w for w in words if w.startswith("--") and w not in known.stdout] == []


def test_the_variables() -> None:
    """Every variable is read by the product."""
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "mockllm").rglob("*.py"))
    variables = set(re.findall(r"MOCKLLM_[A-Z_]+", README))
    assert [name for name in sorted(variables) if name not in sources] == []


FAULTS = re.findall(
    r"^\| (?!What)[^|]+ \| (`(?:wait|reply|send|edit|encode|close|fail).*) \|$",
    README,
    re.MULTILINE,
)


@pytest.mark.parametrize("cell", FAULTS)
def test_the_table_of_faults(cell: str) -> None:
    """Every spelling in the table is a fault."""
    for text in re.findall(r"`([^`]+)`", cell):
        fault = text.replace("{…}", "{choices: []}")
        loaded = load(
            f"mockllm: 1\nfaults:\n  - {{{fault}}}"
            if ":" in fault
            else f"mockllm: 1\nfaults: [{fault}]",
            name="readme",
        )
        assert len(loaded.profile.all_routes[0].faults) == 1


def test_the_serve_command_is_the_package(tmp_path: Path) -> None:
    """The part of the command behind the setup serves; it is asked over HTTP and ended."""
    (text,) = blocks("serve-command")
    command = shlex.split(text.rpartition("&&")[2])
    assert command == [".venv/bin/mockllm", "serve"]
    ready = tmp_path / "ready"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "mockllm",
            *command[1:],
            "--port",
            "0",
            "--ready-file",
            str(ready),
            "--print-url",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("MOCKLLM_")},
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        health = ["healthcheck", "--url", url]
        assert CliRunner().invoke(cli, health).exit_code == 0
    finally:
        process.terminate()
        process.communicate(timeout=GUARD)
    assert process.returncode == 0
