"""The first profile that somebody sees."""

from __future__ import annotations

from pathlib import Path

from mockllm.profile.loader import load
from mockllm.profile.starter import starter

LINES = starter("mine.yaml").splitlines()


def test_it_loads() -> None:
    """It is a good profile, which shows routes, scripts, faults and what is expected."""
    profile = load(starter("mine.yaml"), name="mine").profile
    assert [len(route.faults) for route in profile.all_routes] == [3, 1]
    assert profile.expect is not None


def test_editors_find_the_schema() -> None:
    """The first line leads editors to a schema that is there."""
    before, _, schema = LINES[0].partition("$schema=")
    assert before == "# yaml-language-server: "
    assert Path(schema).read_text("utf-8").startswith("{")


def test_every_line_is_explained() -> None:
    """Each line is a comment, or has one."""
    assert [line for line in LINES if "# " not in line] == []


def test_it_names_its_file() -> None:
    """The commands in it can be copied."""
    assert any("`mockllm check mine.yaml`" in line for line in LINES)
