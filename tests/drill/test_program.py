"""The contract of programs: what they are told, what they may tell, and when they count as hung."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from mockllm.drill.cell import Cell
from mockllm.drill.limits import Limits
from mockllm.drill.program import Command, seen_of
from mockllm.drill.runner import drill
from mockllm.profile.incidents import Incident
from mockllm.profile.library import Library

ASK = """
import json, os, urllib.request
body = {"model": os.environ["MOCKLLM_MODEL"], "messages": [{"role": "user", "content": "Hi"}]}
url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
headers = {"content-type": "application/json", "authorization": "Bearer x"}
"""
ANSWER = """
got = json.load(urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode(), headers)))
print("a line that is none")
print(json.dumps({"text": got["choices"][0]["message"]["content"]}))
"""


def cell_of(tmp_path: Path, program: str, expect: str, guard: float = 60.0) -> Cell:
    """What a program did with a healthy server that expects something."""
    path = tmp_path / "program.py"
    path.write_text(program, "utf-8")
    text = f"mockllm: 1\nabout: All is well.\nscript: {{text: Hello there}}\nexpect: {expect}\n"
    incident = Incident(Library().load_text(text, "well"), "other")
    limits = Limits(guard=guard)
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"
    (cell,) = drill([incident], lambda: Command(command, limits), limits, jobs=1)
    return cell


def test_a_program_that_answers(tmp_path: Path) -> None:
    """It finds the server by its environment, and its last line is what it saw."""
    cell = cell_of(tmp_path, ASK + ANSWER, "{client: {text: whole}, after: alive}")
    assert (cell.verdict, cell.attempts) == ("survived", 1)
    assert cell.seen is not None
    assert cell.seen.alive is None, "a program that is started anew proves nothing"
    assert [event.kind for event in cell.events] == ["started", "stdout", "stdout", "exited"]


def test_a_program_that_gives_up(tmp_path: Path) -> None:
    """Its exit status says so; of what kind its error is, nobody knows."""
    program = ASK + ANSWER + "import sys; sys.exit('out of luck')"
    cell = cell_of(tmp_path, program, "{client: {error: typed}}")
    assert cell.verdict == "not judged"
    assert cell.seen is not None
    assert cell.seen.error is not None
    assert cell.seen.error.message == "out of luck"


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    """The guard ends it, and what it said until then is kept."""
    program = (
        "import subprocess, sys, time\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('begun', flush=True)\ntime.sleep(600)"
    )
    cell = cell_of(tmp_path, program, "{client: {text: whole}}", guard=3.0)
    assert cell.verdict == "hung"
    assert "begun" in [event.text for event in cell.events]


def test_a_program_that_asks_nobody(tmp_path: Path) -> None:
    """No request, no judgement."""
    cell = cell_of(tmp_path, "print('{}')", "{client: {text: whole}}")
    assert (cell.verdict, cell.reason) == ("not judged", "no request reached the server")


def test_a_program_that_breaks_the_contract(tmp_path: Path) -> None:
    """What it tells in another form is wrong, and the reason says what was expected."""
    cell = cell_of(tmp_path, ASK + ANSWER + "print('{\"text\": 7}')", "{client: {text: whole}}")
    assert cell.verdict == "wrong"
    assert "text: expected a text, got 7" in cell.reason


def test_what_a_program_may_tell() -> None:
    """An error as an object, with its kind; tool calls as pairs."""
    told = {"error": {"kind": "timeout", "message": "too slow"}, "tool_calls": [["f", "{}"]]}
    seen = seen_of(1, told, "")
    assert seen.error is not None
    assert (seen.error.kind, seen.error.message) == ("timeout", "too slow")
    assert seen.tool_calls == (("f", "{}"),)


def test_a_signal_is_a_crash() -> None:
    """A program that a signal ended did not mean to give up."""
    seen = seen_of(-11, None, "")
    assert seen.error is not None
    assert (seen.error.kind, seen.error.name) == ("other", "signal 11")


@pytest.mark.parametrize(
    "told",
    [{"error": 7}, {"error": {"kind": "bad"}}, {"tool_calls": ["f"]}, {"usage": True}],
)
def test_what_a_program_may_not_tell(told: dict[str, object]) -> None:
    """Other forms are refused."""
    with pytest.raises(ValueError, match="expected"):
        seen_of(0, told, "")
