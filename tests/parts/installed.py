"""Where the real parts are."""

from __future__ import annotations

import shutil
from pathlib import Path

PARTS = Path(__file__).parents[2] / ".parts"

PROGRAMS = {
    "build": PARTS / "build/bin/python",
    "envoy": PARTS / "envoy/bin/envoy",
    "kserve": PARTS / "kserve/bin/python",
    "litellm": PARTS / "litellm/bin/python",
    "openai": PARTS / "openai/bin/python",
}
"""The program that a test starts; a part that is not here is looked for on PATH."""

STAMP = "installed.txt"
"""What `.ci/parts` writes last into a part's folder."""


def program(name: str) -> Path | None:
    """The program of a part, where it is installed."""
    path = PROGRAMS.get(name)
    if path is None:
        found = shutil.which(name)
        return Path(found) if found else None
    return path if path.exists() and (PARTS / name / STAMP).exists() else None


def missing(name: str) -> bool:
    """Whether a part is not there."""
    return program(name) is None


def need(name: str) -> str:
    """The program of a part; the test's mark has seen that it is there."""
    path = program(name)
    assert path is not None, f"{name} is missing, and the test is not marked parts('{name}')"
    return str(path)
