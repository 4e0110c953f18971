"""The reports: what they say, and that texts from outside stay texts."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mockllm.drill.reports.html import html
from mockllm.drill.reports.junit import junit
from mockllm.drill.reports.markdown import markdown
from mockllm.drill.reports.table import table
from mockllm.drill.reports.timeline import timeline
from mockllm.drill.results import BadBaseline, Column, as_text, read_baseline
from tests.drill.samples import EVIL, cell, results

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADS = {"src", "srcset", "data", "poster", "action", "background", "formaction"}
CHROMIUM = shutil.which("chromium")


class Page(HTMLParser):
    """Reads a page, and keeps what it would load, what it says, and which tags stay open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name in LOADS or (name in ("href", "xlink:href") and tag != "a"):
                self.loads.append(f"{tag} {name}={value}")
            if name == "id":
                self.ids.append(value or "")
            if name == "href" and (value or "").startswith("#"):
                self.targets.append((value or "")[1:])

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close a tag; what was opened last must be it."""
        assert self.open, tag
        assert self.open.pop() == tag


def test_the_page_loads_nothing() -> None:
    """No tag and no style asks for anything, and the policy would forbid it."""
    text = html(results())
    page = Page(text)
    assert page.loads == []
    assert "url(" not in text
    assert "@import" not in text
    assert "default-src 'none'" in text


def test_the_page_is_well_formed_whatever_clients_say() -> None:
    """Every tag is closed in its turn, and a client's script is text."""
    page = Page(html(results()))
    assert page.open == []
    assert page.tags.count("script") == 1
    assert EVIL not in html(results())


def test_each_cell_of_the_table_opens_its_details() -> None:
    """A link leads to an id that is there, once."""
    page = Page(html(results(count=3)))
    assert page.targets == [one for one in page.ids if one.startswith("c0-")]
    assert len(set(page.ids)) == len(page.ids) == 3


def test_the_page_stays_small() -> None:
    """A hundred and fifty incidents and three systems are a few megabytes."""
    cells = tuple(cell(f"incident-{n}") for n in range(150))
    columns = [Column(f"system {n}", "1", "", cells) for n in range(3)]
    assert len(html(results(*columns, count=150)).encode()) < 6 << 20


def test_the_picture_has_both_views() -> None:
    """Server's and client's marks are on it, what lies on another is one, and a wait has a length."""
    picture = timeline(cell())
    ET.fromstring(picture)
    assert "attempt 1" in picture
    assert ">client</text>" in picture
    assert 'class="k-wait"' in picture
    assert 1 < picture.count('class="k-frame"') < 60


def test_no_picture_of_nothing() -> None:
    """A cell in which nothing happened has none."""
    assert timeline(cell(marks=(), events=())) == ""


def test_junit_can_be_read() -> None:
    """What XML cannot hold is replaced; what is wrong is a failure."""
    root = ET.fromstring(junit(results()))
    suite = root.find("testsuite")
    assert suite is not None
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == (
        "1",
        "1",
        "0",
    )
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib["type"] == "wrong"


def test_junit_skips_what_is_not_judged() -> None:
    """Not judged is neither passed nor failed."""
    column = Column("a", "1", "", (cell("incident-0", verdict="not judged"),))
    assert ET.fromstring(junit(results(column))).find("testsuite/testcase/skipped") is not None


def test_markdown_keeps_its_table() -> None:
    """A text with a bar or a line end does not break a row."""
    lines = markdown(results()).splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows[:3]} == {9}
    assert "<script" not in markdown(results()).replace("\\<", "")


def test_the_table_names_verdicts_in_words() -> None:
    """A verdict is never a colour or a sign alone."""
    assert "✗ wrong" in table(results())


def test_the_json_is_the_next_baseline(tmp_path: Path) -> None:
    """What is as bad as before is no regression; what became bad is."""
    path = tmp_path / "drill.json"
    before = Column("a", "1", "", (cell("incident-0", verdict="survived"),))
    path.write_text(as_text(results(before)), "utf-8")
    now = results(Column("a", "2", "", (cell("incident-0"),)))
    assert [one.incident for _, one in now.regressions(read_baseline(path))] == ["incident-0"]
    path.write_text(as_text(now), "utf-8")
    assert now.regressions(read_baseline(path)) == ()
    assert json.loads(path.read_text("utf-8"))["systems"][0]["counts"]["wrong"] == 1


@pytest.mark.parametrize("text", ["", "[]", '{"format": 9}', '{"format": 1}'])
def test_a_baseline_that_is_none(tmp_path: Path, text: str) -> None:
    """Another file is refused, with its path."""
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(BadBaseline, match=r"x\.json: expected"):
        read_baseline(path)


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on PATH")
def test_a_browser_shows_the_page(tmp_path: Path) -> None:
    """Chromium runs its script: the cell of the address is open, and only that."""
    path = tmp_path / "drill.html"
    path.write_text(html(results(count=2)), "utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"{path.as_uri()}#c0-incident-1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert 'id="c0-incident-1" open=""' in done.stdout
    assert 'id="c0-incident-0" open=""' not in done.stdout
