"""Progress while a drill runs, as lines and as a table that moves."""

from __future__ import annotations

import pytest

from mockllm.drill.live import moving, plain
from tests.drill.samples import cell


def test_lines_tell_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    """With how many there are; standard output stays free."""
    with plain({"a": 10}) as show:
        show("a", cell("one"))
        show("a", cell("two", verdict="survived"))
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        " 1/10  a  ✗ wrong                 one",
        " 2/10  a  ✓ survived              two",
    ]


def test_the_moving_table_counts_and_names_what_is_bad(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What survived is a number, what did not has its name too."""
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes it for a terminal then
    monkeypatch.setenv("COLUMNS", "80")
    pytest.importorskip("rich")
    with moving({"a": 10}) as show:
        show("a", cell("one"))
        show("a", cell("two", verdict="survived"))
        show("a", cell("three", verdict="hung"))
    said = capsys.readouterr()
    assert said.out == ""
    assert "✗ wrong  one" in said.err
    assert "∞ hung   three" in said.err
    assert "two" not in said.err
    assert "3/10" in said.err
