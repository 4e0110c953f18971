"""Bars, and the tables with them, from results that are made up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bench.__main__ import arguments
from tests.bench.bars import BARS, Judged, judge, off, ratio, share, short
from tests.bench.tables import BEGIN, END, PAGE, TITLES, text, write
from tests.bench.workloads import ALL as WORKLOADS

PACED = {"gap_p99": 4.0, "ttft_p99": 11.0, "total_percent": 100.4, "frames_per_second": 1.0}
ABOUT = {
    "date": "2026-01-01T00:00+00:00",
    "commit": "abc",
    "machine": "M",
    "load": "0.1",
    "python": "3.11",
    "uvloop": "1",
    "aiohttp": "3",
    "pydantic": "2",
    "runs": 3,
    "seconds": 4.0,
}


def judged(results: dict[str, dict[str, dict[str, float]]]) -> dict[str, Judged]:
    return {one.bar.what: one for one in judge(results)}


def test_a_bar_is_met_up_to_its_limit() -> None:
    found = judged({"paced 1000": {"mockllm": PACED}})
    assert found["1000 paced streams: p99 gap error"].met is True
    assert found["1000 paced streams: p99 TTFT error"].met is False
    assert found["1000 paced streams: median total from ideal"].met is True
    assert found["1000 paced streams: p99 gap error"].cells == (
        "1000 paced streams: p99 gap error",
        "≤ 5 ms",
        "4 ms",
        "yes",
    )


def test_what_was_not_measured_is_not_met_and_not_missed() -> None:
    for one in judge({}):
        assert one.met is None
        assert one.cells[2:] == ("not measured", "–")


def test_a_ratio_needs_both_and_something_to_divide_by() -> None:
    results = {"whole": {"mockllm": {"r": 3.0}, "peer": {"r": 2.0}, "dead": {"r": 0.0}}}
    assert ratio("whole", "mockllm", "peer", "r")(results) == 1.5
    found = judged(
        {"whole": {"mockllm": {"requests_per_second": 3.0}, "aimock": {"requests_per_second": 0.0}}}
    )
    assert found["whole answers against aimock"].met is None


def test_too_early_is_as_far_off_as_too_late() -> None:
    results = {"w": {"s": {"t": 99.2}}}
    assert off("w", "s", "t", 100)(results) == pytest.approx(0.8)


def test_what_something_costs_is_a_share_of_the_whole() -> None:
    results = {"w": {"with": {"t": 100.0}, "without": {"t": 90.0}}}
    assert share("w", "with", "without", "t")(results) == pytest.approx(10)
    assert share("w", "without", "with", "t")(results) == 0.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.123, "0.12"), (2.0, "2"), (12.34, "12.3"), (1234.5, "1,234"), (0.0, "0"), (-3.14, "-3.14")],
)
def test_numbers_are_short(value: float, expected: str) -> None:
    assert short(value) == expected


def test_bars_read_figures_that_workloads_have() -> None:
    asked: set[tuple[str, str]] = set()

    class Asked(dict[str, Any]):
        def __init__(self, workload: str) -> None:
            self.workload = workload

        def __getitem__(self, name: str) -> Any:
            asked.add((self.workload, name))
            return 1.0

    class Subjects(dict[str, Any]):
        def __init__(self, workload: str) -> None:
            self.workload = workload

        def __getitem__(self, name: str) -> Asked:
            return Asked(self.workload)

    results = {name: Subjects(name) for name in WORKLOADS}
    assert all(one.value is not None for one in judge(results))
    assert {name for workload, name in asked if name not in WORKLOADS[workload].shows} == set()
    assert len(BARS) > 20


def test_every_figure_that_is_shown_has_a_title() -> None:
    assert {figure for work in WORKLOADS.values() for figure in work.shows} == set(TITLES)


def report(**more: Any) -> dict[str, Any]:
    return {"about": ABOUT, "servers": {}, "missing": {}, "results": {}, **more}


def test_tables_say_what_was_measured_and_what_was_not() -> None:
    shown = text(
        report(
            servers={"pacer": None, "aimock": "aimock 1"},
            missing={"llmock": "llmock is not installed"},
            results={"paced 1000": {"mockllm": PACED}},
        )
    )
    assert "| 1000 paced streams: p99 gap error | ≤ 5 ms | 4 ms | yes |" in shown
    assert "| mockllm | 1 | 4 | 11 | 100 |" in shown
    assert "| aimock | aimock from npm, metrics on | aimock 1 |" in shown
    assert "- llmock: llmock is not installed" in shown


def test_tables_come_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}old\n{END}after\n", "utf-8")
    write(report(), page)
    assert page.read_text("utf-8") == f"before\n{BEGIN}\n{text(report())}\n{END}after\n"
    write(report(), page)
    assert page.read_text("utf-8").count(BEGIN) == 1


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n", "utf-8")
    with pytest.raises(ValueError, match="expected the lines <!-- results -->"):
        write(report(), page)
    assert page.read_text("utf-8") == "nothing\n"


def test_the_real_page_has_the_marks() -> None:
    assert BEGIN in PAGE.read_text("utf-8")
    assert END in PAGE.read_text("utf-8")


def test_a_prefix_chooses_workloads() -> None:
    assert [work.name for work in arguments(["--only", "paced", "kit"]).workloads] == [
        "paced 100",
        "paced 500",
        "paced 1000",
        "paced 2000",
        "paced 4000",
        "kit",
    ]


def test_an_unknown_workload_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        arguments(["--only", "pased"])
    assert "no workload begins with 'pased'; known: load, paced 100," in capsys.readouterr().err


def test_quick_means_one_short_run() -> None:
    given = arguments(["--quick"])
    assert (given.runs, given.seconds) == (1, 1.0)


def test_the_command_lists_what_there_is() -> None:
    words = [sys.executable, "-m", "tests.bench", "--list"]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    for name in WORKLOADS:
        assert f"  {name} " in done.stdout


def test_a_report_survives_json() -> None:
    made = report(results={"paced 1000": {"mockllm": PACED}})
    assert text(json.loads(json.dumps(made))) == text(made)
