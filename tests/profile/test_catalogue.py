"""The page of incidents: of today, with a section for each category and a row for each incident."""

from __future__ import annotations

from pathlib import Path

from mockllm.profile.catalogue import CATEGORIES, incidents, link, not_shipped, page
from mockllm.profile.library import Library

FILE = Path(__file__).parents[2] / "docs" / "incidents.md"
PAGE = page()


def test_the_file_is_of_today() -> None:
    """The page in the repository is what the profiles say now."""
    assert FILE.read_text("utf-8") == PAGE, (
        "an incident has changed: run `mockllm reference incidents > docs/incidents.md`"
    )


def test_a_section_for_each_category() -> None:
    """Every category has one, in their order, and no category is without incidents."""
    headings = [line[3:] for line in PAGE.splitlines() if line.startswith("## ")]
    assert headings == [*sorted(CATEGORIES), "Not shipped"]
    assert {one.category for one in incidents()} == set(CATEGORIES)


def test_a_row_for_each_incident() -> None:
    """Each row leads to the profile, whose file is there."""
    for one in incidents():
        path = f"../profiles/incidents/{one.category}/{one.name}.yaml"
        assert PAGE.count(f"\n| [`{one.name}`]({path}) | ") == 1
        assert (FILE.parent / path).is_file()


def test_what_does_not_ship() -> None:
    """Each has a reason, and no profile."""
    names = Library().paths
    for one in not_shipped():
        assert one.why, one.name
        assert one.name not in names
        assert f"\n| `{one.name}` | {one.about} | {one.why} | " in PAGE


def test_links() -> None:
    """A report is called as it is on GitHub."""
    assert link("https://github.com/a/b/issues/7") == "[a/b#7](https://github.com/a/b/issues/7)"
    url = "https://github.com/a/b/blob/1/c.md"
    assert link(url) == f"[a/b]({url})"
