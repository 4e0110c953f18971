"""What runs a client, and what is said where it is not there."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from mockllm.drill.runtimes import DRIVERS, HERE, CannotRun


def test_every_driver_ships() -> None:
    """Each is a file beside the programs that run it."""
    for driver in DRIVERS.values():
        suffix = {"python": "py", "node": "cjs"}[driver.runtime]
        assert (HERE / f"{driver.file}.{suffix}").is_file()


def test_python() -> None:
    """This interpreter, or another one."""
    assert DRIVERS["http"].command()[0] == sys.executable
    assert DRIVERS["http"].command("/bin/sh")[0] == "/bin/sh"
    with pytest.raises(CannotRun, match="there is no interpreter '/no/python'"):
        DRIVERS["http"].command("/no/python")


def test_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node.js from PATH, and the folder that has the modules."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    driver = DRIVERS["openai-node"]
    assert driver.command(str(tmp_path))[-2:] == ["openai_node", str(tmp_path)]
    assert driver.option == "--modules"
    with pytest.raises(CannotRun, match="there is no folder '/no/folder'"):
        driver.command("/no/folder")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotRun, match="there is no program 'node' on PATH"):
        driver.command(str(tmp_path))
