"""The plain tests under another Python: those whose outcome could be another one there.

What the server says must not depend on what runs it: Python's own words (of json's errors, of HTTP's
reasons), the event loops, and http.client change from version to version.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.parts.installed import need

TOP = Path(__file__).parents[2]
GUARD = 600
"""Seconds after which the run is given up."""
TESTS = ("timeline", "faults", "wires", "shapes", "engine", "server", "drill/test_command.py")
"""What is run, of `tests`."""
LONG = ("live", "load_model", "repeat", "repeat_wires", "warnings")
"""What is not, of `tests/engine`: it takes minutes, for bytes and times that the others see too."""


@pytest.mark.parts("python3.13")
def test_python_3_13() -> None:
    """Bytes, times, the server on both loops and the drill are as they are here."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "MOCKLLM_"))
    }
    done = subprocess.run(
        [
            *(need("python3.13"), "-m", "pytest", "-n", "auto", "-p", "no:cacheprovider"),
            *(f"tests/{name}" for name in TESTS),
            *(f"--ignore=tests/engine/test_{name}.py" for name in LONG),
        ],
        cwd=TOP,
        env={**own, "PYTHONPATH": str(TOP)},  # not another checkout whose parts these are
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert re.search(r"-- Python 3\.13\.\d", said), said
    assert re.search(r"\b[1-9]\d* passed", said), said
