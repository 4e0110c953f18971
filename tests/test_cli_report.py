"""`mockllm report`: what happened at a running server, and an exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mockllm import MockLLM
from tests.server.raw import chat, connected
from tests.test_cli import run


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MockLLM]:
    """A server that MOCKLLM_URL names."""
    monkeypatch.delenv("MOCKLLM_ADMIN_TOKEN", raising=False)
    with MockLLM() as server:
        monkeypatch.setenv("MOCKLLM_URL", server.url)
        yield server


def talk(server: MockLLM, times: int = 1, key: str = "any") -> None:
    """Chats that are read to their end."""
    for _ in range(times):
        with connected(server.url) as raw:
            raw.send(chat(close=True, headers={"Authorization": f"Bearer {key}"}))
            raw.read_all()
    server.settle()


def test_nothing_is_wrong(server: MockLLM) -> None:
    """The calls are drawn, and the exit status is 0."""
    talk(server)
    result = run("report")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("profile default, 1 call\n#1 at ")
    assert "\nconduct:\n" in result.stdout
    assert not result.stdout.endswith("\n\n")


def test_a_fault_that_never_fired(server: MockLLM) -> None:
    """It is told, and the exit status is 1, as text and as data."""
    server.fail(503, nth=2)
    talk(server)
    result = run("report")
    assert result.exit_code == 1
    assert "fail  mockllm.fail(503, nth=2) never fired: call 1 of the session" in result.stdout
    data = run("report", "--format", "json")
    assert data.exit_code == 1
    assert json.loads(data.stdout)["failed"] is True


def test_conduct(server: MockLLM) -> None:
    """Conduct that harms ends it with 1, unless it is left out."""
    server.fail(400)
    talk(server, 3)
    assert run("report").exit_code == 1
    names = ",".join(one.name for one in server.verdict.failures)
    assert run("report", "--ignore", names).exit_code == 0
    wrong = run("report", "--ignore", "no-jiter")
    assert wrong.exit_code == 1
    assert "no-jitter" in wrong.stderr
    assert wrong.stdout == ""


def test_expectations(server: MockLLM) -> None:
    """An expectation that does not hold ends it with 1."""
    server.use("{mockllm: 1, expect: {server: {attempts: 2}}}")
    talk(server)
    result = run("report", "--format", "json")
    assert result.exit_code == 1
    assert [one["verdict"] for one in json.loads(result.stdout)["expectations"]] == ["broken"]


def test_a_session(server: MockLLM) -> None:
    """Only the calls of one session."""
    for name in ("one", "two", "two"):
        talk(server, key=f"mock-default.{name}")
    result = run("report", "--session", "two", "--format", "json")
    assert json.loads(result.stdout)["calls"] == 2


def test_where_the_server_is(server: MockLLM) -> None:
    """The URL may be given, with or without scheme; a server that is not there is told."""
    url = server.url
    for given in (url, url.removeprefix("http://"), f"{url}/"):
        assert run("report", given).exit_code == 0
    server.stop()
    result = run("report", url)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"no answer from {url}: ")
    assert result.stderr.count("\n") == 1
