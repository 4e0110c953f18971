"""Profiles by name: those that ship with mockllm, and those of given folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property, partial
from importlib.resources import files
from itertools import chain
from pathlib import Path

from mockllm.profile.incidents import (
    Incident,
    category_of,
    in_folder,
    is_incident,
    newest,
    unknown_part,
)
from mockllm.profile.loader import Loaded, load
from mockllm.profile.models import WIRES
from mockllm.profile.problems import ProfileError
from mockllm.timeline.registry import folders

SUFFIXES = (".mockllm.yaml", ".mockllm.yml", ".yaml", ".yml")


SHOWN = 20
"""How many names a message lists."""


class UnknownProfile(Exception):
    """No profile has this name; the message names the nearest."""


def shipped() -> Path:
    """The folder of the profiles that ship: inside the wheel, or beside the package."""
    inside = Path(str(files("mockllm"))) / "profiles"
    return inside if inside.is_dir() else inside.parent.parent / "profiles"


@cache
def shipped_profiles() -> tuple[Path, ...]:
    """The profiles that ship. They are looked for once: a library is made for every server."""
    return tuple(profiles_in(shipped()))


def is_path(argument: str) -> bool:
    """Whether a profile is given by path: it has a slash or the suffix of YAML."""
    return "/" in argument or "\\" in argument or argument.endswith(SUFFIXES)


def name_of(path: Path) -> str:
    """The name of a profile: its file's name without the suffix."""
    suffix = next((end for end in SUFFIXES if path.name.endswith(end)), "")
    return path.name.removesuffix(suffix)


@dataclass(frozen=True)
class Library:
    """Folders of profiles; the first that has a name wins.

    Behind the given folders come those of other distributions (entry points `mockllm.profiles`),
    then the profiles that ship.
    """

    folders: tuple[Path, ...] = ()

    @cached_property
    def paths(self) -> dict[str, Path]:
        """Every name and its file."""
        found: dict[str, Path] = {}
        own = chain.from_iterable(map(profiles_in, self.places[:-1]))
        for path in (*own, *shipped_profiles()):
            found.setdefault(name_of(path), path)
        return found

    @property
    def places(self) -> tuple[Path, ...]:
        """The folders in the order in which a name is looked for; the last is what ships."""
        added = (Path(str(folder)) for folder in folders("mockllm.profiles"))
        return (*self.folders, *added, shipped())

    def find(self, name: str) -> Loaded:
        """The profile of this name or path.

        Raises `UnknownProfile`, `ProfileError`, or `OSError` for a path that cannot be read.
        """
        if is_path(name):
            return self.load_path(Path(name))
        path = self.paths.get(name)
        if path is None:
            raise UnknownProfile(unknown(name, self.paths))
        return self.load_path(path)

    def incidents(
        self, *, category: str | None = None, wire: str | None = None, bundle: str | None = None
    ) -> tuple[Incident, ...]:
        """The incidents, by category and name: all, or those of a category, wire and bundle.

        A bundle's name without its month, such as `core`, means the newest one. Raises
        `LookupError` for a category, wire or bundle that there is not, and `ProfileError` for a
        file among the incidents that cannot be used.
        """
        found = sorted(self._incidents(), key=lambda one: (one.category, one.name))
        if category is not None:
            known = {one.category for one in found}
            if category not in known:
                raise LookupError(unknown_part("category", category, known))
            found = [one for one in found if one.category == category]
        if bundle is not None:
            name = newest(bundle, (name for one in found for name in one.loaded.profile.bundles))
            found = [one for one in found if name in one.loaded.profile.bundles]
        if wire is not None:
            if wire not in WIRES:
                raise LookupError(unknown_part("wire", wire, WIRES))
            found = [one for one in found if wire in one.wires]
        return tuple(found)

    def _incidents(self) -> Iterator[Incident]:
        """Every incident."""
        for path in self.paths.values():
            try:
                loaded = self.load_path(path)
            except (ProfileError, OSError):
                if in_folder(path):
                    raise
                continue  # whether it is one cannot be read
            if is_incident(loaded):
                yield Incident(loaded, category_of(path))

    def load_path(self, path: Path, heirs: tuple[Path, ...] = ()) -> Loaded:
        """Read a file; raises `ProfileError`, or `OSError` where it cannot be read.

        `heirs` are the files that extend it.
        """
        # What is not UTF-8 becomes a character that the loader refuses at its place.
        text = path.read_text("utf-8", "surrogateescape")
        find = partial(self.parent, heirs=(*heirs, path))
        return load(text, name=name_of(path), file=str(path), folder=path.parent, find=find)

    def load_text(self, text: str, name: str, file: str | None = None) -> Loaded:
        """Read a profile that lies in no file; raises `ProfileError`."""
        return load(text, name=name, file=file, find=partial(self.parent, heirs=()))

    def parent(self, name: str, heirs: tuple[Path, ...]) -> Loaded:
        """The profile of a name that another extends: of its own folder, of this library's, or one
        that ships. A profile that extends its own name means the next of that name.

        Raises `LookupError` for a name that nothing has, or that would close a circle.
        """
        heir = heirs[-1].resolve() if heirs else None
        beside = profiles_in(heirs[-1].parent, "*") if heirs else ()
        candidates = [*beside, *(path for folder in self.places for path in profiles_in(folder))]
        paths = [path for path in candidates if path.resolve() != heir]
        found = next((path for path in paths if name_of(path) == name), None)
        if found is None:
            raise LookupError(unknown(name, {name_of(path) for path in paths}))
        if any(found.resolve() == one.resolve() for one in heirs):
            circle = " extends ".join(name_of(path) for path in (*heirs, found))
            raise LookupError(f"expected a profile that does not extend this one; {circle}")
        try:
            return self.load_path(found, heirs)
        except OSError as error:
            raise LookupError(f"{found}: {error.strerror or error}") from None


def profiles_in(folder: Path, pattern: str = "**/*") -> list[Path]:
    """The profiles of a folder, in the order of their paths."""
    return sorted(path for path in folder.glob(f"{pattern}.y*ml"))


def unknown(name: str, names: Iterable[str]) -> str:
    """What to say of a name that nothing has."""
    choices = sorted(names)
    near = get_close_matches(name, choices, n=3)
    shown = ", ".join(choices[:SHOWN]) + (", …" if len(choices) > SHOWN else "")
    hint = f"did you mean {' or '.join(near)}?" if near else f"known: {shown}"
    return f"there is no profile named '{name}'; {hint}"
