"""What all tests have: the real parts that a test marked `parts` needs.

A test whose parts are missing is skipped; with MOCKLLM_PARTS=required it fails. The parts that ran
are printed at the end, and written to the file that MOCKLLM_PARTS_REPORT names.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts.installed import missing

pytest_plugins = ["pytester"]

# No test is about how fast the machine is that runs it.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """A command run in this process says where the log goes; the next test has its own again. pytest
    listens at loggers that do not propagate too, and would see each line twice."""
    log = logging.getLogger("mockllm")
    before = log.handlers[:], log.level, log.propagate
    yield
    log.handlers[:], log.level, log.propagate = before


@pytest.fixture(autouse=True)
def nothing_fails_unseen(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Of a callback that fails asyncio only says so in its log."""
    yield
    failed = [
        one
        for one in caplog.get_records("call")
        if (one.name, one.levelname) == ("asyncio", "ERROR")
    ]
    for record in failed:
        pytest.fail(logging.Formatter().format(record), pytrace=False)


PARTS_RAN: set[str] = set()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip or fail a test whose parts are not there."""
    names = list(parts_of(item))
    absent = [name for name in names if missing(name)]
    if absent:
        reason = f"needs {', '.join(absent)}; run .ci/parts"
        if os.environ.get("MOCKLLM_PARTS") == "required":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    item.user_properties += [("part", name) for name in names]


def parts_of(item: pytest.Item) -> Iterator[str]:
    """The names in the marks of a test."""
    for mark in item.iter_markers("parts"):
        yield from mark.args


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the parts of tests that passed."""
    if report.when == "call" and report.passed:
        PARTS_RAN.update(str(value) for name, value in report.user_properties if name == "part")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which parts ran."""
    names = sorted(PARTS_RAN)
    if names:
        terminalreporter.write_line(f"parts that ran: {', '.join(names)}")
    report = os.environ.get("MOCKLLM_PARTS_REPORT")
    if report:
        Path(report).write_text("".join(f"{name}\n" for name in names), "utf-8")
