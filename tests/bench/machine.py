"""What the figures were measured on, and with which versions."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("aiohttp", "uvloop", "pydantic")


def about() -> dict[str, str]:
    """Date, commit, machine and versions."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} processors, Linux {platform.release()}",
        "load": f"{os.getloadavg()[0]:.1f}",
        "python": f"{platform.python_version()} ({interpreter()})",
        **{name: release(name) for name in PACKAGES},
    }


def commit() -> str:
    """The commit, and whether files differ from it."""
    try:
        words = ["git", "describe", "--always", "--dirty", "--exclude=*"]
        return subprocess.check_output(words, cwd=ROOT, text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def interpreter() -> str:
    """Where Python is, and whether its own build was optimized by profiles, as far as it tells: one
    that was not takes a fifth longer."""
    optimized = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    place = str(Path(sys.executable).resolve())
    return f"{place}, --enable-optimizations" if optimized else place


def processor() -> str:
    """The name of the processor."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return found[1].strip() if found else platform.machine()


def release(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
