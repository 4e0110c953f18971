"""Matchers, scripts, shapes and profiles of another distribution, found by its entry points."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MATCHER = '''
from mockllm.faults.values import expected
from mockllm.matchers.matcher import Matcher

class Weekday(Matcher):
    """The weekday that a header says."""

    key = "weekday"

    @classmethod
    def clean(cls, value):
        if value not in ("monday", "friday"):
            raise expected("monday or friday", value)
        return value

    def why_not(self, call):
        day = call.header("x-weekday")
        return None if day == self.wanted else f"weekday is {day!r}, wanted {self.wanted}"
'''
SCRIPT = '''
from typing import ClassVar
from pydantic import Field
from mockllm.scripts.script import Script, Source, Text

class CountSource(Source):
    """The numbers from one."""

    word: ClassVar = "count"

    count: int = Field(ge=1, description="How far.")

    def make(self, call, random):
        return Script((Text(tuple(f" {n}" for n in range(1, self.count + 1))),))
'''
SHAPE = """
about: A shape of a test.
source: Nowhere.
server: openai
content_type: application/json
body: {oops: $message}
statuses: {}
client_error: {message: yours}
server_error: {message: mine}
"""
PROFILE = """\
mockllm: 1
about: It counts on Mondays.
routes:
  - match: {weekday: monday}
    script: {count: 7}
  - faults: [{fail: {status: 500, shape: tiny}}]
"""
ENTRIES = """\
[mockllm.matchers]
weekday = tiny.weekday
[mockllm.scripts]
count = tiny.count
[mockllm.shapes]
tiny = tiny.shapes
[mockllm.profiles]
tiny = tiny.profiles
"""


def install(folder: Path, entries: str = ENTRIES) -> Path:
    """A distribution with a package, as an installer would leave it."""
    files = {
        "tiny/__init__.py": "",
        "tiny/weekday.py": MATCHER,
        "tiny/count.py": SCRIPT,
        "tiny/shapes/__init__.py": "",
        "tiny/shapes/tiny.yaml": SHAPE,
        "tiny/profiles/__init__.py": "",
        "tiny/profiles/counting.yaml": PROFILE,
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/entry_points.txt": entries,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in an environment that has the distribution."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MOCKLLM_")}
    return subprocess.run(
        [sys.executable, "-m", "mockllm", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=clean | {"PYTHONPATH": str(folder)},
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages that has the distribution."""
    return install(tmp_path_factory.mktemp("site"))


def test_its_profile_has_a_name(site: Path) -> None:
    """A profile of the distribution is listed, and good: its matcher, script and shape are known."""
    assert "counting" in run(site, "list").stdout
    done = run(site, "check", "counting")
    assert done.stdout == f"{site}/tiny/profiles/counting.yaml: ok\n"


def test_its_parts_act(site: Path) -> None:
    """The matcher says why it does not match, and the shape gives the error its form."""
    out = run(site, "plan", "counting").stdout
    assert "not route 1: weekday is None, wanted monday" in out
    assert "oops" in out


def test_its_script_speaks(site: Path, tmp_path: Path) -> None:
    """The script's pieces are frames."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nscript: {count: 3}\n")
    assert 'content 3   " 3"' in run(site, "plan", str(path)).stdout


def test_its_mistakes_have_their_place(site: Path, tmp_path: Path) -> None:
    """Values and names of its parts are checked as those of the built-in parts are."""
    path = tmp_path / "mine.yaml"
    path.write_text("mockllm: 1\nmatch: {weekday: sunday}\nscript: {cuont: 3}\n")
    first, second = run(site, "check", str(path)).stdout.splitlines()
    assert first == f"{path}:2:18: match.weekday: expected monday or friday, got 'sunday'"
    assert second.startswith(f"{path}:3:9: script: expected a script (")
    assert second.endswith("got a mapping with cuont; did you mean 'count'?")


def test_editors_and_the_reference_know_them(site: Path) -> None:
    """Schema and reference of such an environment have the distribution's words."""
    assert '"weekday"' in run(site, "schema").stdout
    page = run(site, "reference").stdout
    for row in (
        "| `weekday` | text | The weekday that a header says. |",
        "| `count` | whole number from 1 | The numbers from one. How far. |",
        "| `tiny` | A shape of a test. | – | Nowhere. |",
    ):
        assert row in page


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ("[mockllm.matchers]\nx = tiny.none\n", "mockllm: the entry point x = tiny.none of tiny (mockllm.matchers) cannot be loaded: No module named 'tiny.none'\n"),
        ("[mockllm.scripts]\nx = tiny.count:CountSource\n", "mockllm: the entry point x = tiny.count:CountSource of tiny (mockllm.scripts) is not a module\n"),
        ("[mockllm.shapes]\nx = tiny.count\n", "mockllm: tiny.count (mockllm.shapes) is no package, so it has no folder\n"),
        ("[mockllm.matchers]\nx = tiny.weekday\ny = tiny.weekday\n", ""),
    ],
)  # fmt: skip
def test_a_broken_entry(tmp_path: Path, entries: str, message: str) -> None:
    """An entry that cannot be used is named in one line, with its distribution; the same one twice
    does no harm."""
    done = run(install(tmp_path, entries), "check", "default")
    assert (done.returncode, done.stderr) == (1 if message else 0, message)


def test_two_parts_of_one_name(tmp_path: Path) -> None:
    """A part cannot take the name of another."""
    folder = install(tmp_path)
    (folder / "tiny/weekday.py").write_text(MATCHER.replace('key = "weekday"', 'key = "model"'))
    done = run(folder, "check", "default")
    assert done.returncode == 1
    assert done.stderr.startswith("mockllm: two parts are named model: ")
    assert done.stderr.count("\n") == 1
