"""Runs the programs beside the tests in the environments of their parts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.parts.installed import need

GUARD = 300
"""Seconds after which a program is given up."""


def driven(part: str, program: str, *arguments: str) -> str:
    """What a program says on standard output, run by the interpreter of a part; it must succeed."""
    done = subprocess.run(
        [need(part), str(Path(__file__).with_name(program)), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=GUARD,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "NO_PROXY": "*"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
