"""Profiles by name: those that ship with mockllm, and those of given folders."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from mockllm.profile.loader import Loaded, load

SUFFIXES = (".mockllm.yaml", ".mockllm.yml", ".yaml", ".yml")


SHOWN = 20
"""How many names a message lists."""


class UnknownProfile(Exception):
    """No profile has this name; the message names the nearest."""


def shipped() -> Path:
    """The folder of the profiles that ship: inside the wheel, or beside the package."""
    inside = Path(str(files("mockllm"))) / "profiles"
    return inside if inside.is_dir() else inside.parent.parent / "profiles"


def is_path(argument: str) -> bool:
    """Whether a profile is given by path: it has a slash or the suffix of YAML."""
    return "/" in argument or "\\" in argument or argument.endswith(SUFFIXES)


def name_of(path: Path) -> str:
    """The name of a profile: its file's name without the suffix."""
    suffix = next((end for end in SUFFIXES if path.name.endswith(end)), "")
    return path.name.removesuffix(suffix)


def load_path(path: Path) -> Loaded:
    """Read a file; raises `ProfileError`, or `OSError` where it cannot be read."""
    # What is not UTF-8 becomes a character that the loader refuses at its place.
    text = path.read_text("utf-8", "surrogateescape")
    return load(text, name=name_of(path), file=str(path), folder=path.parent)


@dataclass(frozen=True)
class Library:
    """Folders of profiles; the first that has a name wins, the shipped ones come last."""

    folders: tuple[Path, ...] = ()

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Every name and its file."""
        found: dict[str, Path] = {}
        for folder in (*self.folders, shipped()):
            for path in sorted(folder.rglob("*.y*ml")):
                found.setdefault(name_of(path), path)
        return found

    def find(self, name: str) -> Loaded:
        """The profile of this name or path.

        Raises `UnknownProfile`, `ProfileError`, or `OSError` for a path that cannot be read.
        """
        if is_path(name):
            return load_path(Path(name))
        path = self.paths.get(name)
        if path is None:
            raise UnknownProfile(unknown(name, self.paths))
        return load_path(path)


def unknown(name: str, names: Iterable[str]) -> str:
    """What to say of a name that nothing has."""
    choices = sorted(names)
    near = get_close_matches(name, choices, n=3)
    shown = ", ".join(choices[:SHOWN]) + (", …" if len(choices) > SHOWN else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shown}"
    return f"there is no profile named '{name}'; {hint}"
