"""The reports: what they say, and that texts from outside stay texts."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest

from mockllm.drill.cell import Mark
from mockllm.drill.limits import Limits
from mockllm.drill.reports.html import html
from mockllm.drill.reports.junit import junit
from mockllm.drill.reports.markdown import markdown
from mockllm.drill.reports.table import MEANINGS, SIGNS, table
from mockllm.drill.reports.timeline import legend, timeline
from mockllm.drill.results import About, BadBaseline, Column, Results, as_text, read_baseline
from mockllm.drill.worker import Event
from mockllm.engine.judge import Judgement
from tests.drill.samples import EVIL, cell, results

VOID = {"meta", "link", "br", "img", "input", "hr"}
LOADS = {"src", "srcset", "data", "poster", "action", "background", "formaction"}


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
    cells = [one for one in page.ids if one.startswith("c0-")]
    assert len(cells) == 3
    assert [one for one in page.targets if one.startswith("c0-")] == cells
    assert set(page.targets) <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)


def test_an_incident_of_a_user_may_be_called_anything() -> None:
    """Its address is the id of its cell, as a browser reads both."""
    column = Column("a", "1", "", (cell('50% "off" <b>'),))
    page = Page(
        html(Results("0", "x", Limits(), (About('50% "off" <b>', "x", "", ()),), (column,)))
    )
    assert 'c0-50% "off" <b>' in page.ids
    assert 'c0-50% "off" <b>' in map(unquote, page.targets)


def test_a_cell_leads_to_the_same_incident_of_others() -> None:
    """With two systems each cell has a way to the table, and to the other."""
    columns = [Column(name, "1", "", (cell("incident-0"),)) for name in "ab"]
    page = Page(html(results(*columns)))
    assert page.targets.count("c0-incident-0") == 2
    assert page.targets.count("i-incident-0") == 2


def test_what_cannot_be_seen_is_shown() -> None:
    """Line ends and control characters of the wire have pictures; none reaches the page."""
    sent = ("data: {}\r\n\r\n\ufeff\x1b[31m",)
    text = html(results(Column("a", "1", "", (cell("incident-0", sent=sent),))))
    assert "data: {}␍\n␍\n\\ufeff␛[31m" in text
    assert not set(text) & set("\x00\r\x1b\ufeff\u202e\ud83d")


def test_the_json_has_the_first_and_the_last_of_many_events() -> None:
    """A client that reads megabytes does not fill the report with them."""
    events = tuple(Event(100 + n / 1000, "line", "x" * 2000) for n in range(2000))
    column = Column("a", "1", "", (cell("incident-0", events=events, sent=()),))
    text = as_text(results(column))
    client = json.loads(text)["systems"][0]["cells"][0]["client"]
    assert [client[0][0], client[200][1:], client[-1][0]] == [
        0,
        ["more", "1600 events more"],
        1.999,
    ]
    assert len(text) < 400_000


def test_every_form_can_be_written() -> None:
    """A client may tell half of a surrogate pair, which UTF-8 cannot say, and JSON can."""
    for form in (html, junit, markdown, table, as_text):
        form(results()).encode()
    assert json.loads(as_text(results()))["systems"][0]["name"] == EVIL


def test_every_form_says_how_to_repeat_it() -> None:
    """The command stands in each report."""
    for form in (html, junit, markdown, as_text):
        assert "mockllm drill --command" in form(results())


def test_advice_that_was_not_taken_is_no_harm() -> None:
    """It is told, in another colour than what is wrong."""
    advice = (Judgement("advice.client.text: whole", "broken", "half", advice=True),)
    text = html(results(Column("a", "1", "", (cell("incident-0", judgements=advice),))))
    assert '<span class="missed">broken</span>: advice.client.text: whole' in text


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


def test_marks_do_not_lie_on_one_another() -> None:
    """What happened at the same time stands side by side, in its order and on the picture."""
    same = tuple(
        Mark(100.5, 100.5, kind, "", 1) for kind in ("request", "head", "frame", "end", "over")
    )
    xs = [float(x) for x in re.findall(r"translate\((\S+) ", timeline(cell(marks=same, events=())))]
    assert len(xs) == 5
    assert all(b - a >= 8 for a, b in pairwise(xs))
    assert max(xs) <= 884


def test_a_short_wait_is_not_drawn() -> None:
    """Waits between frames would hide them; the frames are one stroke that says how many it is."""
    marks = [
        Mark(100 + n / 1000, 100 + (n + 1) / 1000, kind, "", 1)
        for n in range(20)
        for kind in ("frame", "wait")
    ]
    frames = [replace(one, until=one.time) if one.kind == "frame" else one for one in marks]
    picture = timeline(cell(marks=tuple(frames), events=(), seconds=20.0))
    assert "k-wait" not in picture
    assert picture.count('class="k-frame"') == 1
    assert "… 19 more" in picture


def test_the_legend_has_what_the_picture_has() -> None:
    """Each kind of both views, once."""
    text = legend(cell())
    for words in ("request read", "wait", "frame", "call", "raised"):
        assert text.count(f"</svg> {words}</li>") == 1


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
    told = re.sub("``` .* ```", "", markdown(results()))
    assert "<script" not in told.replace("\\<", "")


def test_the_table_names_verdicts_in_words() -> None:
    """A verdict is never a colour or a sign alone."""
    assert "✗ wrong" in table(results())


def test_the_table_fits_the_terminal() -> None:
    """Signs take the place of words, and numbers that of names, and both are told."""
    columns = [Column(f"the system {n}", "1", "", (cell("incident-0"),)) for n in range(8)]
    wide, signs, numbers = (table(results(*columns), width=width) for width in (300, 140, 80))
    assert wide == table(results(*columns))
    assert "the system 7" in signs.splitlines()[0]
    assert numbers.splitlines()[0].split() == ["incident", *"12345678"]
    assert "8 = the system 7 (1): 1 wrong" in numbers
    for text, width in ((signs, 140), (numbers, 80)):
        assert max(map(len, text.splitlines())) <= width
        assert "✗ wrong, ∞ hung" in " ".join(text.split())


def test_signs_differ() -> None:
    """A table of signs alone can be read."""
    assert len(set(SIGNS.values())) == len(SIGNS) == len(MEANINGS)


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
