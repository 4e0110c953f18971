"""Which command runs a client's process: Python or Node.js, with the place where the client is installed."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent / "clients"


class CannotRun(Exception):
    """What runs a client is not there; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Driver:
    """The program that drives one client."""

    runtime: str
    """What runs it: python or node."""
    file: str
    """Its name in the folder of clients, without the suffix."""

    @property
    def option(self) -> str:
        """The option of the command line that says where the client is installed."""
        return {"python": "--python", "node": "--modules"}[self.runtime]

    def command(self, place: str | None = None) -> list[str]:
        """The command that runs it; `place` is an interpreter, or the folder with `node_modules`.

        Raises `CannotRun`.
        """
        return RUNTIMES[self.runtime](self.file, place)


def python(file: str, place: str | None) -> list[str]:
    """An interpreter, whose environment has the client; by default this one."""
    found = place or sys.executable
    if shutil.which(found) is None:
        raise CannotRun(f"there is no interpreter '{found}'")
    return [found, str(HERE / "main.py"), file]


def node(file: str, place: str | None) -> list[str]:
    """Node.js, and the folder where npm has installed the client; by default the current one."""
    folder = Path(place or ".")
    if shutil.which("node") is None:
        raise CannotRun("there is no program 'node' on PATH; install Node.js 20 or later")
    if not folder.is_dir():
        raise CannotRun(f"there is no folder '{folder}'; expected the one that has node_modules")
    return ["node", str(HERE / "main.cjs"), file, str(folder)]


RUNTIMES: Mapping[str, Callable[[str, str | None], list[str]]] = {"python": python, "node": node}
DRIVERS = {
    "openai": Driver("python", "openai_sdk"),
    "openai-node": Driver("node", "openai_node"),
    "anthropic": Driver("python", "anthropic_sdk"),
    "litellm": Driver("python", "litellm_sdk"),
    "langchain": Driver("python", "langchain_sdk"),
    "aiohttp": Driver("python", "aiohttp_loop"),
    "http": Driver("python", "http_loop"),
}
"""The program that drives each client."""
