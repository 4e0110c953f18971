"""`mockllm proxy` as a process, official clients before it, and what it says at the start."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from openai import APIConnectionError, APIError, OpenAI
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from mockllm import MockLLM
from mockllm.cli import cli
from mockllm.profile.library import Library
from mockllm.proxy.notes import notes
from tests.proxy.build import GUARD, loaded, proxied
from tests.server.raw import chat, connected, text_of
from tests.test_serve import serving

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def healthy() -> Iterator[MockLLM]:
    """A staging deployment."""
    with MockLLM() as server:
        yield server


def test_the_command(healthy: MockLLM, tmp_path: Path) -> None:
    """A profile by path, switched with `mockllm use`; the journal tells what was done."""
    profile = tmp_path / "p.yaml"
    profile.write_text("mockllm: 1\nscript: text60\nfaults: [{fail: 503, first: 1}]\n", "utf-8")
    with serving(str(profile), command="proxy", MOCKLLM_UPSTREAM=healthy.url) as process:
        url, answers = process.url, []
        for _ in range(2):
            with connected(url) as raw:
                raw.send(chat(close=True))
                answers.append(raw.read_all()[0])
        assert answers[0].startswith(b"HTTP/1.1 503 ")
        assert text_of(answers[1]) == healthy.calls[0].whole_text
        assert CliRunner().invoke(cli, ["use", "reset-mid-stream", "--url", url]).exit_code == 0
        with connected(url) as raw:
            raw.send(chat())
            assert raw.read_all()[1] == "rst"
        with connected(url) as raw:
            raw.send(
                b"GET /_mockllm/journal HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            )
            journal = json.loads(raw.read_all()[0].partition(b"\r\n\r\n")[2])
        assert CliRunner().invoke(cli, ["healthcheck", "--url", url]).exit_code == 0
        status, err = process.end()
        assert status == 0
    calls = journal["calls"] if isinstance(journal, dict) else journal
    assert [call["fired"] for call in calls] == [["fail: 503"], [], ["reset"]]
    where = f"{profile}:2:9: script: "
    assert f"{where}warning: not played: the upstream says what is answered\n" in err
    assert f"export OPENAI_BASE_URL={url}/v1 # before {healthy.url}\n" in err
    assert " POST /v1/chat/completions model=gpt-4o-mini stream profile=p status=503 " in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--upstream", "api.openai.com"], "mockllm: --upstream: expected a URL such as "),
        (["--upstream", "http://x", "no-such"], "there is no profile named 'no-such'"),
        ([], "Missing option '--upstream'"),
    ],
)
def test_a_start_that_fails(arguments: list[str], message: str) -> None:
    """One line, and a status that is not 0."""
    done = subprocess.run(
        [sys.executable, "-m", "mockllm", "proxy", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_sdk(healthy: MockLLM) -> None:
    """OpenAI's SDK gets the same chunks through a proxy, after it has tried again."""

    def chunks(url: str) -> list[str]:
        client = OpenAI(base_url=f"{url}/v1", api_key="sk-0123456789abcdef", max_retries=2)
        asked = client.chat.completions.create(
            model="gpt-4o-mini",
            messages=QUESTION,
            stream=True,
        )
        return [chunk.choices[0].delta.content or "" for chunk in asked]

    direct = chunks(healthy.url)
    profile = "faults: [{reply: {status: 429, headers: {retry-after-ms: 1}}, first: 2}]"
    with proxied(healthy.url, profile) as proxy:
        assert chunks(proxy.url) == direct
        statuses = [(entry.status, entry.attempt) for entry in proxy.calls()]
    assert statuses == [(429, 1), (429, 2), (200, 3)]
    assert len(healthy.calls) == 2


def text_until_error(chunks: Iterable[ChatCompletionChunk]) -> tuple[str, Exception | None]:
    """What a stream says, and what it raises then."""
    text = ""
    try:
        for chunk in chunks:
            text += chunk.choices[0].delta.content or ""
    except Exception as error:
        return text, error
    return text, None


@pytest.mark.parametrize(
    ("fault", "error"),
    [("{cut: }", APIConnectionError), ("{error: openai}", APIError)],
)
def test_the_sdk_hears_faults(fault: str, error: type[Exception], healthy: MockLLM) -> None:
    """What it raises in the middle of a stream is what it raises before a server with the fault."""
    heard: list[str] = []
    with (
        proxied(healthy.url, f"faults: [{fault}]") as proxy,
        MockLLM(f"mockllm: 1\nfaults: [{fault}]") as server,
    ):
        for url in (proxy.url, server.url):
            client = OpenAI(base_url=f"{url}/v1", api_key="sk-x", max_retries=0)
            asked = client.chat.completions.create(
                model="gpt-4o-mini",
                messages=QUESTION,
                stream=True,
            )
            got, raised = text_until_error(asked)
            heard.append(got)
            assert isinstance(raised, error)
    assert heard == ["This is a test answer"] * 2


NOTED = """
models: [m]
strict: true
loading: 1s
routes:
  - pacing: {ttft: 1s}
    faults:
      - {close: rst, at: after content 5}
      - {close: rst, at: before content -1}
      - {edit: drop, at: frame 3..finish}
      - {edit: {interleave: tool}}
      - {close: rst, at: byte -5}
      - {encode: {content-length: long}}
      - {close: fin, announce: true, at: after content 3}
listeners:
  - {name: x, script: text60, faults: [{close: rst, at: connect}, {reset: , at: after tool 2 last}]}
"""


def test_notes() -> None:
    """What is not played, and what a fault holds back, each with its place."""
    unplayed, held = "not played: the upstream says", "may mean is held back until that is certain"
    assert [note.render("p").replace(": warning: ", " - ") for note in notes(loaded(NOTED))] == [
        f"p:3:9: models - {unplayed} which models there are",
        f"p:4:9: strict - {unplayed} what it knows",
        f"p:5:10: loading - {unplayed} whether it is ready",
        f"p:7:13: routes[0].pacing - {unplayed} how fast",
        f"p:10:9: routes[0].faults[1] - when it acts, what before content -1 {held}",
        f"p:11:9: routes[0].faults[2] - when it acts, what frame 3..finish {held}",
        f"p:12:9: routes[0].faults[3] - when it acts, what tool * {held}",
        f"p:13:9: routes[0].faults[4] - when it acts, what byte -5 {held}",
        "p:14:9: routes[0].faults[5] - when it acts, the answer is held back until it is whole: "
        "the head tells its length",
        "p:15:9: routes[0].faults[6] - the head announces it before it is known whether the answer "
        "gets that far",
        f"p:17:23: listeners[0].script - {unplayed} what is answered",
        f"p:17:67: listeners[0].faults[1] - when it acts, what after tool 2 last {held}",
    ]


def test_notes_of_the_library() -> None:
    """Every profile can be asked; one that is only about a pace says that it is not played."""
    library = Library()
    found = {name: [note.path for note in notes(library.find(name))] for name in library.paths}
    assert found["slow"] == ["pacing"]
    assert found["reset-mid-stream"] == []
