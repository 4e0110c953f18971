"""Profiles by name and by path."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm.profile.library import (
    Library,
    UnknownProfile,
    is_path,
    name_of,
    shipped,
    unknown,
)
from mockllm.profile.problems import ProfileError

PROFILE = "mockllm: 1\nabout: {}\n"


def write(path: Path, about: str = "x") -> Path:
    """A profile in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROFILE.format(about))
    return path


@pytest.mark.parametrize(
    ("argument", "path"),
    [
        ("flaky", False),
        ("a/b", True),
        ("a\\b", True),
        ("a.yaml", True),
        ("a.yml", True),
        ("a.mockllm.yaml", True),
        ("yaml", False),
        ("a.b", False),
    ],
)
def test_is_path(argument: str, path: bool) -> None:
    """A slash or the suffix of YAML makes a path; all else is a name."""
    assert is_path(argument) is path


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.yaml", "a"), ("a.yml", "a"), ("a.mockllm.yaml", "a"), ("a.b.yaml", "a.b"), ("a", "a")],
)
def test_name_of(file: str, name: str) -> None:
    """The name of a profile is its file's, without the suffix."""
    assert name_of(Path("folder") / file) == name


def test_the_first_folder_wins(tmp_path: Path) -> None:
    """Own folders come before each other in order, and before the shipped ones."""
    write(tmp_path / "one" / "a.yaml", "first")
    write(tmp_path / "two" / "deep" / "a.mockllm.yml", "second")
    write(tmp_path / "two" / "default.yaml", "mine")
    library = Library((tmp_path / "one", tmp_path / "two"))
    assert library.find("a").profile.about == "first"
    assert library.find("default").profile.about == "mine"
    assert Library().find("default").profile.about == "A healthy server."
    assert set(Library().paths) <= set(library.paths)


def test_a_path_is_read_as_it_is(tmp_path: Path) -> None:
    """A path needs no folder, and messages call the file by it."""
    path = write(tmp_path / "a.yaml")
    loaded = Library().find(str(path))
    assert (loaded.name, loaded.file, loaded.text) == ("a", str(path), PROFILE.format("x"))
    with pytest.raises(FileNotFoundError):
        Library().find(str(tmp_path / "b.yaml"))


def test_a_file_that_is_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is refused at the place of the first wrong byte."""
    path = tmp_path / "a.yaml"
    path.write_bytes(b"mockllm: 1\nabout: caf\xe9\n")
    with pytest.raises(ProfileError) as refused:
        Library().load_path(path)
    assert str(refused.value) == f"{path}:2:11: expected UTF-8 text, got the character U+DCE9"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("flakey", "there is no profile named 'flakey'; did you mean flaky?"),
        ("zzz", "there is no profile named 'zzz'; known: default, flaky, flapping"),
        ("flapy", "there is no profile named 'flapy'; did you mean flaky or flapping?"),
    ],
)
def test_unknown(name: str, message: str) -> None:
    """A name that nothing has gets the nearest ones, or all."""
    assert unknown(name, ["flapping", "flaky", "default"]) == message


def test_an_unknown_name_is_refused() -> None:
    """The library says which name is near."""
    with pytest.raises(UnknownProfile, match=r"did you mean default\?"):
        Library().find("defualt")


def test_shipped_profiles_stand_beside_the_package() -> None:
    """From a checkout the profiles are read where they are written."""
    assert (shipped() / "default.yaml").is_file()


def test_what_ships_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each server has a library of its own, and they start by the hundred in a test run."""
    first = Library().paths
    monkeypatch.setattr(Path, "glob", None)
    assert Library().paths == first
