"""The command `mockllm drill`: systems, incidents, reports and exit statuses."""

from __future__ import annotations

import json
import shlex
import socket
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockllm.cli import REPORTS, SDKS, cli
from mockllm.drill.command import FORMATS
from mockllm.drill.starting import filled
from mockllm.drill.system import CLIENTS, BadSystem, load_system, names, shipped

EXAMPLES = Path(__file__).parents[2] / "examples" / "drill"
SYSTEMS = {"envoy", "haproxy", "litellm-proxy", "litellm-proxy-fallback", "nginx", "portkey"}
GOOD, BAD = (f"{sys.executable} {EXAMPLES / name}" for name in ("careful.py", "careless.py"))


SOON = ("--guard", "8")
"""Hung sooner."""


def run(*arguments: object) -> Result:
    """The command with these arguments."""
    return CliRunner().invoke(cli, ["drill", *map(str, arguments)])


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def test_the_list() -> None:
    """Systems, bundles and categories."""
    done = run("--list")
    assert done.exit_code == 0
    for name in (*CLIENTS, *names(), "core-2026.11", "failoverbench-0.1", "sse-framing"):
        assert f"  {name}" in done.stdout


def test_the_choices_are_the_modules_own() -> None:
    """What the command line offers without importing is what there is."""
    assert SDKS == CLIENTS
    assert REPORTS == FORMATS


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "expected a system: --sdk"),
        (("--sdk", "http", "--bundle", "core-2026"), "no bundle named 'core-2026'; did you mean core-"),
        (("--sdk", "http", "crlf-line"), "no profile named 'crlf-line'; did you mean crlf-lines"),
        (("--sdk", "http", "crlf-lines", "--bundle", "core"), "not both"),
        (("--system", "envoi"), "no system named 'envoi'; did you mean 'envoy'"),
        (("--command", "no-such-program x"), "there is no program 'no-such-program'"),
        (("--sdk", "http", "--python", "/no/python"), "there is no interpreter '/no/python'"),
        (("--sdk", "langchain", "--python", f"langchain={sys.executable}"), "--python langchain=PATH"),
        (("--system", "envoy", "--program", "envoy=/no/envoy"), "--program envoy=PATH"),
        (("--sdk", "openai-node", "--modules", "/no/folder"), "--modules: there is no "),
        (("--sdk", "http", "--sdk", "http"), "systems of different names"),
        (("--sdk", "http", "--baseline", "/no/file"), "/no/file: No such file"),
        (("--gateway", "http://x", "--listen", "here"), "--listen: expected HOST:PORT, got 'here'"),
    ],
)  # fmt: skip
def test_what_cannot_be_carried_out(arguments: tuple[str, ...], said: str) -> None:
    """Exit status 2, and a line that says what to do."""
    done = run(*arguments)
    assert done.exit_code == 2, done.output
    assert said in done.stderr


def test_two_systems_and_all_reports(tmp_path: Path) -> None:
    """A column each; the baseline of a bad result forgives it."""
    incidents = ("loading-model-503", "html-with-200")
    systems = ("--sdk", "http", "--command", GOOD)
    done = run(*systems, *incidents, "--out", tmp_path)
    assert done.exit_code == 1
    document = json.loads((tmp_path / "drill.json").read_text("utf-8"))
    http, good = document["systems"]
    assert [cell["verdict"] for cell in good["cells"]] == ["survived", "failed safely"]
    assert [cell["verdict"] for cell in http["cells"]] == ["failed safely", "wrong"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "drill.html", "drill.json", "drill.md", "drill.xml",
    ]  # fmt: skip
    assert "timeout 2 s, 2 retries" in done.stdout
    assert document["command"] == shlex.join(["mockllm", "drill", *systems, *incidents])
    again = run(*systems, *incidents, "--baseline", tmp_path / "drill.json")
    assert again.exit_code == 0
    assert "0 worse than the baseline, 1 as bad as before" in again.stderr


def test_a_report_on_standard_output() -> None:
    """Without a folder, a form is printed, and progress stays off it."""
    done = run("--sdk", "http", "crlf-lines", "--format", "json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["systems"][0]["cells"][0]["verdict"] == "survived"


def test_the_examples_stand_at_the_ends_of_the_scale() -> None:
    """In the core bundle the careful client has nothing that is bad and lets nothing unjudged; of the
    careless one most is bad."""
    done = run("--command", GOOD, "--command", BAD, *SOON, "--format", "json")
    careful, careless = (system["counts"] for system in json.loads(done.stdout)["systems"])
    assert (careful["wrong"], careful["hung"], careful["not judged"]) == (0, 0, 0)
    assert careful["survived"] >= 15
    assert careless["wrong"] + careless["hung"] > sum(careless.values()) * 0.6
    assert careless["survived"] < careful["survived"] / 2 + 1


@pytest.mark.parametrize("select", ["model", "key", "path"])
def test_a_gateway_that_changes_nothing(tmp_path: Path, select: str) -> None:
    """The drill's own server is a gateway that lets all through; the facts say so."""
    port = free_port()
    path = tmp_path / "glass.yaml"
    path.write_text(
        f"name: glass\ngateway: http://127.0.0.1:{port}\nlisten: 127.0.0.1:{port}\nselect: {select}\n",
        "utf-8",
    )
    done = run(
        "--system", path, "loading-model-503", "clean-cut-reported-as-success", "timeout-none-is-forever",
        "retry-after-negative", "connect-blackhole", "--format", "json",
    )  # fmt: skip
    (glass,) = json.loads(done.stdout)["systems"]
    loading, cut, _, limited, blackhole = glass["cells"]
    assert loading["verdict"] == "failed safely"
    assert loading["facts"]["status"] == "kept: 503"
    assert loading["facts"]["error body"] == "kept: byte for byte"
    assert loading["facts"]["Idempotency-Key"] == "passed"
    assert loading["facts"]["caller's credentials"].startswith("forwarded: its key, openai-org")
    assert limited["facts"]["Retry-After"] == "kept: -5"
    assert cut["facts"]["truncation"].startswith("told")
    assert blackhole["verdict"] == "not judged"
    assert "needs further ports" in blackhole["reason"]


def test_limits_of_a_systems_own(tmp_path: Path) -> None:
    """What its file says holds for it, and is told with its results."""
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nclient: openai\ntimeout: 500ms\nretries: 0\n", "utf-8")
    done = run("--system", path, "loading-model-503", "--format", "json")
    (mine,) = json.loads(done.stdout)["systems"]
    assert mine["cells"][0]["attempts"] == 1
    assert mine["cells"][0]["verdict"] == "failed safely"
    assert mine["about"].startswith("Its own limits: timeout 0.5 s, 0 retries")


def test_every_shipped_system_is_whole() -> None:
    """Each loads, says what it needs, and its template has only known placeholders."""
    known = ("config", "folder", "port", "program", "retries", "timeout", "timeout_ms", "upstream")
    values = dict.fromkeys((*known, "upstream_port"), "1")
    for name in names():
        system, folder = load_system(name)
        assert system.needs
        assert system.start is not None
        if system.start.config is not None:
            filled((folder / system.start.config).read_text("utf-8"), values)
    assert set(names()) == SYSTEMS


def test_an_unknown_placeholder() -> None:
    """A template that asks for something else is refused."""
    with pytest.raises(BadSystem, match=r"expected one of port, got \{\{prot\}\}"):
        filled("listen {{prot}}", {"port": "1"})


@pytest.mark.parametrize(
    "text", ["name: x", "name: x\nclient: curl", "{", "name: x\ngateway: y\ncommand: z"]
)
def test_a_bad_system_file(tmp_path: Path, text: str) -> None:
    """A file that describes no system is refused with its path."""
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadSystem, match=r"x\.yaml: "):
        load_system(str(path))


def test_systems_ship() -> None:
    """The folder is in the package."""
    assert (shipped() / "envoy.config.yaml").is_file()
