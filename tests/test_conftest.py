"""The mark `parts`: a test whose parts are missing is skipped, or fails where they are required."""

from __future__ import annotations

from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.parts("nothing-is-called-so")
def test_needs_what_is_missing():
    pass

@pytest.mark.parts("python3")
def test_needs_what_is_there():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A suite of two tests, one of which lacks its part."""
    monkeypatch.delenv("MOCKLLM_PARTS", raising=False)
    monkeypatch.setenv("MOCKLLM_PARTS_REPORT", "ran.txt")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    pytester.makeini("[pytest]\nmarkers = parts\n")
    pytester.makeconftest("from tests.conftest import *")
    pytester.makepyfile(SUITE)
    return pytester


def test_a_missing_part_skips(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*needs nothing-is-called-so; run .ci/parts*"])
    result.stdout.fnmatch_lines(["parts that ran: python3"])
    assert (suite.path / "ran.txt").read_text("utf-8") == "python3\n"


def test_a_missing_part_that_is_required_fails(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOCKLLM_PARTS", "required")
    result = suite.runpytest_subprocess()
    result.assert_outcomes(passed=1, errors=1)
    assert (suite.path / "ran.txt").read_text("utf-8") == "python3\n"
