"""The command line, as its user sees it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mockllm import MockLLM, __version__
from mockllm.cli import cli
from mockllm.profile.library import shipped
from mockllm.profile.starter import starter
from tests.server.raw import chat, connected, text_of

BAD = """mockllm: 1
fualts: []
pacing: {ttft: 300}
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine changes what a command does."""
    for name in [name for name in os.environ if name.startswith("MOCKLLM_")]:
        monkeypatch.delenv(name)


def run(*arguments: str, text: str | None = None) -> Result:
    """One command."""
    return CliRunner().invoke(cli, arguments, input=text)


def test_version() -> None:
    """The version is the package's."""
    assert run("--version").stdout == f"mockllm, version {__version__}\n"


def test_a_misspelled_command() -> None:
    """The nearest command is named."""
    result = run("lst")
    assert result.exit_code == 2
    assert "Did you mean 'list'?" in result.stderr


def test_check_ok(tmp_path: Path) -> None:
    """A good profile is ok, by name and by path."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nfaults: [reset]\n")
    result = run("check", "default", str(path))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1] == f"{path}: ok"


def test_check_all_problems_at_once(tmp_path: Path) -> None:
    """Every problem comes with its place, and the exit status is 1."""
    path = tmp_path / "mine.yaml"
    path.write_text(BAD)
    result = run("check", str(path), "defalt", str(tmp_path / "none.yaml"))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"{path}:2:1: fualts: unknown key 'fualts'; did you mean 'faults'?",
        f"{path}:3:16: pacing.ttft: expected a duration, got 300; write the unit, such as 300s or "
        "300ms",
        "defalt: there is no profile named 'defalt'; did you mean default?",
        f"{tmp_path}/none.yaml: [Errno 2] No such file or directory: '{tmp_path}/none.yaml'",
    ]
    assert result.stderr == "4 problems\n"


def test_check_warns(tmp_path: Path) -> None:
    """What can never act is told with its place, and the exit status stays 0."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nfaults: [{fail: 503}, {fail: 500}]\n")
    result = run("check", str(path))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{path}:2:23: faults[1]: warning: never acts: the exchange has ended before it",
        f"{path}: ok",
    ]


def test_schema() -> None:
    """The schema is JSON and knows the language."""
    schema = json.loads(run("schema").stdout)
    assert schema["title"] == "mockllm profile"
    assert "faults" in schema["properties"]


def test_reference() -> None:
    """The reference is the page that ships."""
    assert run("reference").stdout == (shipped() / "README.md").read_text("utf-8")


def test_new_writes_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first profile is written, is good, and is never overwritten."""
    monkeypatch.chdir(tmp_path)
    result = run("new", "mine")
    assert result.stdout == (
        "mine.mockllm.yaml is written; next: mockllm check mine.mockllm.yaml, mockllm plan "
        "mine.mockllm.yaml\n"
    )
    assert run("check", "mine.mockllm.yaml").stdout == "mine.mockllm.yaml: ok\n"
    (tmp_path / "mine.mockllm.yaml").write_text("mine")
    result = run("new", "mine")
    assert (result.exit_code, result.stderr) == (1, "mine.mockllm.yaml: File exists\n")
    assert (tmp_path / "mine.mockllm.yaml").read_text() == "mine"


def test_new_where_it_cannot_write(tmp_path: Path) -> None:
    """A folder that is not there is said in one line."""
    result = run("new", str(tmp_path / "none" / "mine.yaml"))
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/none/mine.yaml: No such file or directory\n"


def test_new_on_stdout() -> None:
    """Without a name the profile is printed, and nothing else."""
    assert run("new").stdout == starter("FILE")


def test_list_with_a_folder_of_ones_own(tmp_path: Path) -> None:
    """Own profiles stand among the shipped ones; one that cannot be used says so."""
    (tmp_path / "mine.mockllm.yaml").write_text("mockllm: 1\nabout: Mine.\n")
    (tmp_path / "bad.yaml").write_text(BAD)
    lines = run("list", "--profiles", str(tmp_path)).stdout.splitlines()
    found = dict(line.split(None, 1) for line in lines)
    assert found["mine"] == "Mine."
    assert found["bad"].startswith(f"cannot be used: {tmp_path}/bad.yaml:2:1: ")
    assert found["default"] == "A healthy server."


def test_show() -> None:
    """A profile is shown with the verbs that its named faults stand for."""
    lines = run("show", "error-in-stream").stdout.splitlines()
    assert lines[0].endswith("profiles/error-in-stream.yaml")
    assert "mockllm: 1" in lines
    assert lines[-1] == (
        "# only route: error = send: {error: {}, done: server} at after content 5 + close: clean at "
        "after content 5"
    )


def test_show_what_is_extended(tmp_path: Path) -> None:
    """A profile that extends another is shown with it."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nextends: reset-mid-stream\nabout: Mine.\n")
    lines = run("show", str(path)).stdout.splitlines()
    assert lines[:4] == [f"# {path}", "mockllm: 1", "extends: reset-mid-stream", "about: Mine."]
    assert lines[4] == f"# extends {shipped()}/reset-mid-stream.yaml"
    assert lines[-1] == "# only route: reset = close: rst at after content 5"


def test_show_an_unknown_name() -> None:
    """An unknown name is refused with the nearest."""
    result = run("show", "slwo")
    assert result.exit_code == 1
    assert result.stderr == "there is no profile named 'slwo'; did you mean slow?\n"


def test_plan_text() -> None:
    """The plan tells times and faults."""
    assert run("plan", "reset-mid-stream").stdout.splitlines()[-3:] == [
        "    0.280  close       rst   <- fault 1 reset",
        "fault 1: reset at after content 5: acts",
        "         = close: rst at after content 5",
    ]


def test_plan_of_the_messages_api() -> None:
    """The request that is made up has what Anthropic's API demands."""
    lines = run("plan", "default", "--path", "/v1/messages").stdout.splitlines()
    assert "role" in lines[2]
    assert lines[-1].endswith("end         of the body")


def test_plan_of_a_later_call() -> None:
    """A fault that is spent says so."""
    assert (
        "fault 1: reply: envoy.no-healthy-upstream at request: does not act: call 3 of the session, nth: [1, 2, 5, 6, 9, 10]"
        in run("plan", "flapping", "--call", "3").stdout
    )


def test_plan_json_and_request(tmp_path: Path) -> None:
    """A plan of a given request, as data."""
    path = tmp_path / "request.json"
    path.write_text('{"model": "m", "messages": []}')
    plan = json.loads(run("plan", "default", "--request", str(path), "--format", "json").stdout)
    assert plan["refused"].startswith("Invalid 'messages': empty array.")
    assert plan["timeline"][0]["text"] == "400 application/json"


def test_plan_speed() -> None:
    """`speed` divides the times."""
    out = run("plan", "stall-then-resume", "--speed", "10").stdout
    assert "wait        1.000s   <- fault 1 stall" in out


UNSCALABLE = "mockllm: 1\nscalable: false\nfaults: [{stall: 10s}]\nexpect: {client: {within: 1m}}\n"


def test_plan_speed_of_what_cannot_be_scaled(tmp_path: Path) -> None:
    """A profile that is not scalable plays at its own speed, and the command says so."""
    path = tmp_path / "slow.yaml"
    path.write_text(UNSCALABLE)
    result = run("plan", str(path), "--speed", "10")
    assert "wait        10.000s   <- fault 1 stall" in result.stdout
    assert result.stderr == "profile slow is not scalable: it plays at its own speed\n"
    assert run("plan", str(path)).stderr == ""


def test_show_what_is_expected(tmp_path: Path) -> None:
    """What a good client does is shown, a line for each fact."""
    path = tmp_path / "slow.yaml"
    path.write_text(UNSCALABLE)
    assert run("show", str(path)).stdout.splitlines()[-1] == "# expect client.within: 60s"


def test_precedence_of_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over the environment, that over the file, and that over the default."""
    path = tmp_path / "mine.yaml"

    def words(line: str, *arguments: str) -> str:
        path.write_text(f"mockllm: 1\n{line}\nscript: {{words: 20}}\n")
        plan = json.loads(run("plan", str(path), "--format", "json", *arguments).stdout)
        kinds = [one["text"] for one in plan["timeline"] if one["what"].startswith("content")]
        return "".join(kinds)

    by_seed = {seed: words("", "--seed", str(seed)) for seed in (0, 7, 8, 9)}
    assert len(set(by_seed.values())) == 4
    assert words("") == by_seed[0]
    assert words("seed: 7") == by_seed[7]
    monkeypatch.setenv("MOCKLLM_SEED", "8")
    assert words("") == by_seed[8]
    assert words("seed: 7") == by_seed[8]
    assert words("seed: 7", "--seed", "9") == by_seed[9]


def test_precedence_of_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flag wins over the environment, and that over the default."""

    def stalled(*arguments: str) -> str:
        lines = run("plan", "stall-then-resume", *arguments).stdout.splitlines()
        return next(line.split()[2] for line in lines if "<- fault" in line)

    assert stalled() == "10.000s"
    monkeypatch.setenv("MOCKLLM_SPEED", "10")
    assert stalled() == "1.000s"
    assert stalled("--speed", "5") == "2.000s"


def test_folders_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of profiles may come from the environment; a flag wins."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.yaml").write_text(f"mockllm: 1\nabout: {name}\n")
    monkeypatch.setenv("MOCKLLM_PROFILES", str(tmp_path / "one"))
    assert "about: one" in run("show", "mine").stdout
    assert "about: two" in run("show", "mine", "--profiles", str(tmp_path / "two")).stdout


def test_use_and_healthcheck(tmp_path: Path) -> None:
    """A running server is switched by name and by path, and is healthy."""
    with MockLLM() as server:
        assert run("healthcheck", "--url", server.url).exit_code == 0
        result = run("use", "truncated-clean", "--for", "3m", "--url", server.url)
        assert result.stdout == f"{server.url} plays truncated-clean for 180 s\n"
        path = tmp_path / "mine.yaml"
        path.write_text("mockllm: 1\nfaults: [{close: clean, at: after content 1}]\n")
        assert run("use", str(path), "--url", server.url).exit_code == 0
        with connected(server.url) as raw:
            raw.send(chat(close=True))
            assert text_of(raw.read_all()[0]) == "This"
        (tmp_path / "heir.yaml").write_text("mockllm: 1\nextends: mine\n")
        assert run("use", str(tmp_path / "heir.yaml"), "--url", server.url).exit_code == 0
        with connected(server.url) as raw:
            raw.send(chat(close=True))
            assert text_of(raw.read_all()[0]) == "This"
        result = run("use", "truncated-clan", "--url", server.url)
        assert result.exit_code == 1
        assert "did you mean truncated-clean" in result.stderr


def test_no_server() -> None:
    """Where nobody listens, both commands say so in one line."""
    with MockLLM() as server:
        url = server.url
    for arguments in (["healthcheck"], ["use", "default"]):
        result = run(*arguments, "--url", url)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"no answer from {url}: ")
        assert result.stderr.count("\n") == 1


def test_healthcheck_imports_no_server() -> None:
    """A container runs it every few seconds: it must stay light."""
    program = (
        "import sys; from mockllm.cli import cli\n"
        "try: cli(['healthcheck', '--url', 'http://127.0.0.1:9'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'aiohttp', 'pydantic', 'yaml', 'faker'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_list_incidents() -> None:
    """Those of a category, a wire and a bundle, each with its category and what it is about."""
    assert "accept-then-close" not in run("list").stdout
    listed = run("list", "incidents", "--category", "connect", "--bundle", "core").stdout
    assert listed == (
        "accept-then-close  connect: The request is read, then the connection ends without a byte "
        "of an answer.\n"
    )
    assert "kserve-fastapi-detail-error" in run("list", "incidents", "--wire", "kserve.v2").stdout


def test_list_incidents_of_what_there_is_not() -> None:
    """An unknown category is named; other kinds know no categories."""
    result = run("list", "incidents", "--category", "conect")
    assert result.exit_code == 1
    assert result.stderr == "there is no category named 'conect'; did you mean connect?\n"
    result = run("list", "--bundle", "core")
    assert result.exit_code == 2
    assert "are for: mockllm list incidents" in result.stderr


def test_show_an_incident() -> None:
    """Its file, the timeline of a first call, and what a good client does."""
    shown = run("show", "accept-then-close").stdout
    assert "story: >-" in shown
    assert "call 1: POST /v1/chat/completions stream\n" in shown
    assert "\n#     0.000  close       fin   <- fault 1 close\n" in shown
    assert shown.endswith("# expect client.text: whole\n# expect server.attempts: 2\n")


def test_check_an_incident_that_says_too_little(tmp_path: Path) -> None:
    """A profile that cites a report is one, and has to say what a good client does."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nabout: It breaks.\ncite: https://example.com/1\nfaults: [reset]\n")
    result = run("check", str(path))
    assert result.exit_code == 1
    assert result.stdout == (
        f"{path}:1:1: expect: expected what a good client does, got nothing; an incident says it\n"
    )


def test_reference_of_incidents() -> None:
    """The page of incidents."""
    assert run("reference", "incidents").stdout.startswith("# Incidents\n")
