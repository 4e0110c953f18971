"""Incidents: what makes a profile one, what it has to say, and how they are found."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm.profile.incidents import OTHER, category_of, is_incident, missing, newest
from mockllm.profile.library import Library, name_of, profiles_in, shipped
from mockllm.profile.loader import Loaded, load
from mockllm.profile.problems import ProfileError

MINE = """\
mockllm: 1
about: The door is shut.
cite: https://example.com/report
bundles: [core-2099.12, doors]
match: {wire: openai.embeddings}
faults: [{fail: 503}]
expect: {client: {error: typed}}
"""
CORE = 39
"""How many incidents the bundle of November 2026 has; it does not change any more."""


def profile(text: str, file: str = "mine.yaml") -> Loaded:
    """A profile that lies in a file."""
    return load(f"mockllm: 1\n{text}\n", name="mine", file=file)


def library(tmp_path: Path) -> Library:
    """A library with an incident of one's own, in a category that nobody else has."""
    folder = tmp_path / "incidents" / "doors"
    folder.mkdir(parents=True)
    (folder / "shut.yaml").write_text(MINE)
    (tmp_path / "plain.yaml").write_text("mockllm: 1\n")
    (tmp_path / "cited.yaml").write_text(MINE.replace("bundles: [core-2099.12, doors]\n", ""))
    return Library((tmp_path,))


@pytest.mark.parametrize(
    ("file", "category"),
    [
        ("incidents/doors/shut.yaml", "doors"),
        ("incidents/shut.yaml", OTHER),
        ("doors/shut.yaml", OTHER),
        ("shut.yaml", OTHER),
    ],
)
def test_the_category_is_the_folder(tmp_path: Path, file: str, category: str) -> None:
    """Only folders in the folder of all incidents are categories."""
    assert category_of(tmp_path / file) == category


@pytest.mark.parametrize(
    ("text", "file", "wanted"),
    [
        ("", "mine.yaml", False),
        ("cite: https://example.com", "mine.yaml", True),
        ("bundles: [mine]", "mine.yaml", True),
        ("", "incidents/mine.yaml", True),
        ("", "incidents/doors/mine.yaml", True),
        ("", "incidents/doors/old/mine.yaml", False),
    ],
)
def test_what_is_an_incident(tmp_path: Path, text: str, file: str, wanted: bool) -> None:
    """A place among the incidents, a report or a bundle makes one."""
    assert is_incident(profile(text, str(tmp_path / file))) is wanted


def test_what_an_incident_has_to_say() -> None:
    """Everything that is missing is told; other profiles need none of it."""
    assert missing(profile("faults: [reset]")) == []
    problems = missing(profile("bundles: [mine]"))
    assert [problem.path for problem in problems] == ["about", "cite", "expect"]
    assert problems[1].message == (
        "expected the URL of a public report, got nothing; an incident says it"
    )


@pytest.mark.parametrize("url", ["example.com", "ftp://example.com", "https://", "http://a b", ""])
def test_a_cite_is_a_url(url: str) -> None:
    """Anything else is refused at its place."""
    with pytest.raises(ProfileError) as refused:
        profile(f'cite: ["https://example.com", "{url}"]')
    (problem,) = refused.value.problems
    assert problem.path == "cite[1]"
    assert problem.message.startswith("expected a URL such as ")


@pytest.mark.parametrize(
    ("name", "found"),
    [("core", "core-2026.12"), ("core-2026.11", "core-2026.11"), ("doors", "doors")],
)
def test_the_newest_bundle(name: str, found: str) -> None:
    """A name without a month means the newest of its months."""
    assert newest(name, ["core-2026.12", "core-2026.11", "core-2025.12", "doors"]) == found


def test_an_unknown_bundle() -> None:
    """The nearest is named."""
    with pytest.raises(LookupError, match=r"no bundle named 'dors'; did you mean doors\?"):
        newest("dors", ["doors"])


def test_ones_own_incidents(tmp_path: Path) -> None:
    """They are found as those that ship are: by category, bundle and wire, and by name."""
    own = library(tmp_path)
    names = {one.name for one in own.incidents()}
    assert names >= {"shut", "cited", "reset-before-headers"}
    assert "plain" not in names
    assert [one.name for one in own.incidents(category="doors")] == ["shut"]
    assert [one.name for one in own.incidents(category=OTHER)] == ["cited"]
    assert [one.name for one in own.incidents(bundle="core")] == ["shut"]
    assert [one.name for one in own.incidents(category="doors", wire="openai.chat")] == []
    (found,) = own.incidents(category="doors", wire="openai.embeddings")
    assert (found.wires, found.spoken) == (("openai.embeddings",), "openai.embeddings")
    assert own.find("shut").profile.about == "The door is shut."


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"category": "conect"}, "there is no category named 'conect'; did you mean connect?"),
        ({"wire": "openai.chats"}, "there is no wire named 'openai.chats'; did you mean"),
        ({"bundle": "zzz"}, "there is no bundle named 'zzz'; known: core-2026.11"),
    ],
)
def test_an_unknown_part(part: dict[str, str], message: str) -> None:
    """What does not exist is refused, not found empty."""
    with pytest.raises(LookupError) as refused:
        Library().incidents(**part)
    assert str(refused.value).startswith(message)


def test_an_incident_that_cannot_be_read(tmp_path: Path) -> None:
    """One among the incidents is told of; whether another one is an incident nobody knows."""
    (tmp_path / "broken.yaml").write_text("mockllm: 7\n")
    assert Library((tmp_path,)).incidents()
    (tmp_path / "incidents").mkdir()
    (tmp_path / "incidents" / "worse.yaml").write_text("mockllm: 7\n")
    with pytest.raises(ProfileError, match=r"worse\.yaml:1:10"):
        Library((tmp_path,)).incidents()


def test_the_wires_of_an_incident() -> None:
    """A route for all wires is for those that are posted to, or stream, as its match says."""
    found = {one.name: one for one in Library().incidents()}
    assert found["nested-retries"].spoken == "any"
    assert {"openai.chat", "kserve.v2"} <= set(found["nested-retries"].wires)
    assert "openai.models" not in found["nested-retries"].wires
    assert "openai.models" in found["loading-model-503"].wires
    assert found["bom-at-start"].wires == ("openai.chat",)


def test_the_core() -> None:
    """The bundle of that month is as it was."""
    core = Library().incidents(bundle="core-2026.11")
    assert len(core) == CORE
    assert all(one.loaded.profile.bundles == ("core-2026.11",) for one in core)


def test_every_shipped_incident_is_whole() -> None:
    """Each says what it is about, its story, a report and what a good client does."""
    for one in Library().incidents():
        assert missing(one.loaded) == [], one.name
        assert one.loaded.profile.story, one.name
        assert one.loaded.text.startswith("# yaml-language-server: $schema=../../schema.json\n")
        assert one.category != OTHER, one.name


def test_names_are_unique() -> None:
    """No shipped profile hides another one."""
    names = [name_of(path) for path in profiles_in(shipped())]
    assert sorted(set(names)) == sorted(names)
