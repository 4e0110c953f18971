"""What the documentation pages say is true: their examples run, their tables are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import yaml

from mockllm.cassettes.cassette import ENDINGS
from mockllm.cassettes.reading import read
from mockllm.cli import cli
from mockllm.engine.findings.verdict import checks
from mockllm.engine.lateness import too_slow
from mockllm.face import Face
from mockllm.profile.loader import load
from mockllm.proxy.notes import NOT_PLAYED, notes
from mockllm.pytest_plugin import INI
from mockllm.server import admin
from mockllm.server.metrics import CALLS, FAULTS, INFO, families
from tests.engine.build import engine

DOCS = Path(__file__).parent.parent / "docs"
TESTING = (DOCS / "testing.md").read_text("utf-8")
RECORDING = (DOCS / "recording.md").read_text("utf-8")
CONTAINERS = (DOCS / "containers.md").read_text("utf-8")
PROXY = (DOCS / "proxy.md").read_text("utf-8")


def examples(text: str, mark: str) -> list[str]:
    """The blocks behind such a comment."""
    return re.findall(rf"<!-- {mark} -->\n```\w+\n(.*?)```", text, re.DOTALL)


def test_the_pytest_examples(pytester: pytest.Pytester) -> None:
    """Every test of the page passes, with nothing but the fixture."""
    found = examples(TESTING, "pytest-example")
    assert found
    for number, text in enumerate(found):
        pytester.makepyfile(**{f"test_{number}": text})
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=2)


def test_the_table_of_findings() -> None:
    """Every finding is there, with its severity and its reason."""
    table = TESTING.partition("<!-- findings -->\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [f"| `{one.name}` | {one.severity} | {one.why} |" for one in checks()]


def test_every_fault_of_the_face_is_named() -> None:
    """The table of faults has each method."""
    methods = [name for name in vars(Face) if not name.startswith("_")]
    assert "fail" in methods
    assert [name for name in methods if f"`mockllm.{name}(" not in TESTING] == []


def test_every_setting_is_named() -> None:
    """The table of settings has each."""
    assert [name for name, *_ in INI if f"`{name}`" not in TESTING] == []


def test_the_endpoints_exist() -> None:
    """Every call that the page on containers names is one of the admin API's."""
    named = re.findall(r"\| `(GET|POST|PUT) /_mockllm(/\w+)", CONTAINERS)
    assert len(named) >= 10
    assert [one for one in named if one not in admin.endpoints()] == []


def test_the_yaml_is_yaml() -> None:
    """Scrape, Compose file and workflow can be read, and the profile in the workflow loads."""
    blocks = re.findall(r"```yaml\n(.*?)```", CONTAINERS, re.DOTALL)
    scrape, compose, workflow = (yaml.safe_load(block) for block in blocks)
    assert scrape["scrape_configs"][0]["metrics_path"] == f"{admin.PREFIX}/metrics"
    assert compose["services"]["llm"]["environment"]["MOCKLLM_PROFILE"] == "upstream-unavailable"
    text = workflow["jobs"]["test"]["services"]["llm"]["env"]["MOCKLLM_PROFILE_YAML"]
    assert load(text, name="env").profile.all_routes[0].faults


def test_the_metrics_exist() -> None:
    """The table of metrics has each, and its labels."""
    made = families(engine("faults: [{fail: 503, first: 1}]"), ())
    suffix = {"counter": "_total"}
    names = {f"{one.name}{suffix.get(one.type, '')}" for one in made}
    assert set(re.findall(r"`(mockllm_\w+)`", CONTAINERS)) == names
    for labels in (INFO, CALLS, FAULTS):
        assert f"| {', '.join(labels)} |" in CONTAINERS


def test_the_warning_of_a_late_server() -> None:
    """The page says it as the server does."""
    assert f"\n{too_slow(0.038)}\n" in (DOCS / "performance.md").read_text("utf-8")


def test_the_cassette_is_one() -> None:
    """The cassette of the page can be read, and every ending and option of recording is named."""
    blocks = re.findall(r"```yaml\n(.*?)```", RECORDING, re.DOTALL)
    (shown,) = [block for block in blocks if block.startswith("mockllm-cassette")]
    (one,) = read(shown, "recording.md").exchanges
    assert one.recording.ending == "complete"
    assert [ending for ending in ENDINGS if f"`{ending}`" not in RECORDING] == []
    options = [option for one in cli.commands["record"].params for option in one.opts]
    assert [option for option in options if f"`{option}" not in RECORDING] == []


def test_the_formats_of_import() -> None:
    """Each format of the command has its row and its example, and there are no others."""
    (form,) = (one for one in cli.commands["import"].params if one.name == "form")
    assert isinstance(form.type, click.Choice)
    rows = re.findall(
        r"^\| `([a-z-]+)` \| (?:Requests|Cassettes|Lines|Fixtures)", RECORDING, re.MULTILINE
    )
    shown = re.findall(r"^mockllm import ([a-z-]+) \S+ --out \S+$", RECORDING, re.MULTILINE)
    assert sorted(rows) == sorted(shown) == sorted(form.type.choices)


def test_the_proxy_page() -> None:
    """Its profile loads, its options are the command's, and the start says what it shows."""
    (profile,) = re.findall(r"```yaml\n(.*?)```", PROXY, re.DOTALL)
    assert notes(load(profile, name="chaos")) == []
    options = [option for one in cli.commands["proxy"].params for option in one.opts]
    named = [option for option in options if option.startswith("--")]
    assert len(named) > 5
    assert [option for option in named if f"`{option}" not in PROXY] == []
    assert [key for key in NOT_PLAYED if f"`{key}`" not in PROXY] == []
    (shown,) = re.findall(r"```text\n(.*?)```", PROXY, re.DOTALL)
    text = "mockllm: 1\nabout: x\npacing: {ttft: 1s}\nfaults:\n  - {close: rst, at: after content -2}\n"
    said = [note.render("chaos.yaml") for note in notes(load(text, name="chaos"))]
    assert shown.splitlines() == said
