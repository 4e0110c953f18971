"""A profile that extends another: what it has from it, and where problems stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm.engine.warnings import warnings
from mockllm.profile.library import Library
from mockllm.profile.loader import Loaded, load
from mockllm.profile.problems import ProfileError

PARENT = """\
mockllm: 1
about: The parent.
seed: 3
models: [m]
pacing: {ttft: 1s}
expect: {after: alive}
faults: [{stall: 2s}, error]
"""
ROUTED = """\
mockllm: 1
routes:
  - name: first
    match: {stream: true}
    script: text60
    faults: [reset]
  - name: second
    faults: [{fail: 503}]
"""


def put(folder: Path, **texts: str) -> Path:
    """Profiles in a folder, by name."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return folder


def heir(folder: Path, *lines: str, name: str = "heir") -> Loaded:
    """A profile with these lines behind the first, in a folder."""
    put(folder, **{name: "\n".join(("mockllm: 1", *lines)) + "\n"})
    return Library().load_path(folder / f"{name}.yaml")


def refused(folder: Path, *lines: str) -> str:
    """What is said of such a profile, without the folder."""
    with pytest.raises(ProfileError) as error:
        heir(folder, *lines)
    return str(error.value).replace(f"{folder}/", "")


def test_keys_are_replaced(tmp_path: Path) -> None:
    """A key that the heir has is its own, whole; all others are inherited."""
    put(tmp_path, parent=PARENT)
    made = heir(tmp_path, "extends: parent", "about: The heir.", "pacing: {itl: 1ms}").profile
    (route,) = made.all_routes
    assert (made.about, made.seed, made.models) == ("The heir.", 3, ("m",))
    assert (route.pacing.ttft, route.pacing.itl) == (0.2, 0.001)
    assert [fault.name for fault in route.faults] == ["stall", "error"]
    assert made.expect is not None
    assert made.extends == "parent"


def test_routes_go_by_name(tmp_path: Path) -> None:
    """A route of a known name replaces its keys in its place; new ones come first."""
    put(tmp_path, parent=ROUTED)
    made = heir(
        tmp_path,
        "extends: parent",
        "routes:",
        "  - {name: second, faults: [{fail: 500}]}",
        "  - {name: third, match: {model: x}}",
        "  - {match: {model: y}}",
        "  - {name: first, script: cjk60}",
    ).profile
    assert [route.name for route in made.all_routes] == ["third", "route 2", "first", "second"]
    first, second = made.all_routes[2:]
    assert first.match.matchers != ()
    assert first.script != load(ROUTED, name="p").profile.all_routes[0].script
    assert [fault.name for fault in first.faults] == ["reset"]
    assert [fault.value() for fault in second.faults] == ["500"]


def test_listeners_go_by_name(tmp_path: Path) -> None:
    """So do listeners."""
    put(tmp_path, parent="mockllm: 1\nlisteners: [{name: a, port: 1}, {name: b, port: 2}]\n")
    made = heir(tmp_path, "extends: parent", "listeners: [{name: b, port: 3}]")
    assert [(one.name, one.port) for one in made.profile.listeners] == [("a", 1), ("b", 3)]


def test_a_family(tmp_path: Path) -> None:
    """What is extended may itself extend another; the nearest wins."""
    put(
        tmp_path,
        old="mockllm: 1\nabout: old\nseed: 1\nstrict: true\n",
        middle="mockllm: 1\nextends: old\nabout: middle\nseed: 2\n",
    )
    loaded = heir(tmp_path, "extends: middle", "about: new")
    assert [one.name for one in loaded.family] == ["heir", "middle", "old"]
    made = loaded.profile
    assert (made.about, made.seed, made.strict) == ("new", 2, True)


def test_where_names_are_looked_for(tmp_path: Path) -> None:
    """The profile's own folder comes before the library's folders, and those before what ships."""
    own = put(
        tmp_path / "own", heir="mockllm: 1\nextends: parent\n", other="mockllm: 1\nextends: slow\n"
    )
    library = Library((put(tmp_path / "library", parent="mockllm: 1\nabout: library\n"),))
    assert library.load_path(own / "heir.yaml").profile.about == "library"
    put(own, parent="mockllm: 1\nabout: own\n")
    assert library.load_path(own / "heir.yaml").profile.about == "own"
    shipped = library.load_path(own / "other.yaml")
    assert shipped.profile.about == Library().find("slow").profile.about
    text = library.load_text("mockllm: 1\nextends: parent\n", "inline")
    assert text.profile.about == "library"


def test_ones_own_name_is_the_next_of_it(tmp_path: Path) -> None:
    """A profile may extend the shipped one that it stands before."""
    put(tmp_path, slow="mockllm: 1\nextends: slow\nseed: 9\n")
    made = Library((tmp_path,)).find("slow").profile
    assert (made.seed, made.about) == (9, Library().find("slow").profile.about)


def test_files_are_those_of_their_own_folder(tmp_path: Path) -> None:
    """A script that is inherited is read where the parent lies."""
    folder = put(tmp_path / "library", parent="mockllm: 1\nscript: {file: a.txt}\n")
    (folder / "a.txt").write_text("hello")
    own = put(tmp_path / "own", heir="mockllm: 1\nextends: parent\n")
    (route,) = Library((folder,)).load_path(own / "heir.yaml").profile.all_routes
    assert "hello" in repr(route.script)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["extends: parnt"], "heir.yaml:2:10: extends: there is no profile named 'parnt'; did you mean parent?"),
        (["extends: parent", "fualts: []"], "heir.yaml:3:1: fualts: unknown key 'fualts'; did you mean 'faults'?"),
        (["extends: parnt", "seed: x"], "heir.yaml:2:10: extends: there is no profile named 'parnt'; did you mean parent?\nheir.yaml:3:7: seed: expected a whole number, got 'x'"),
        (["extends: [a]"], "heir.yaml:2:10: extends: expected a text, got a list of 1"),
        (["extends: bad"], "bad.yaml:2:7: seed: expected a whole number, got 'x'"),
        (["extends: routed", "faults: []"], "heir.yaml:1:1: expected either routes, or one route at the top level, got a mapping with routes, faults; move faults into a route"),
        (["extends: routed", "routes: [{name: new}, {name: second, script: 5}]"], "heir.yaml:3:46: routes[1].script: expected the name of a script"),
        (["extends: a"], "b.yaml:2:10: extends: expected a profile that does not extend this one; heir extends a extends b extends a"),
    ],
)  # fmt: skip
def test_problems(tmp_path: Path, lines: list[str], problem: str) -> None:
    """A mistake is told with the file and the line where it stands."""
    put(
        tmp_path,
        parent=PARENT,
        routed=ROUTED,
        bad="mockllm: 1\nseed: x\n",
        a="mockllm: 1\nextends: b\n",
        b="mockllm: 1\nextends: a\n",
    )
    assert refused(tmp_path, *lines).startswith(problem)


def test_the_version_is_not_inherited(tmp_path: Path) -> None:
    """Each file says in which version of the language it is written."""
    put(tmp_path, parent=PARENT, heir="extends: parent\n")
    with pytest.raises(ProfileError, match="expected the key 'mockllm', got nothing"):
        Library().load_path(tmp_path / "heir.yaml")


def test_without_a_library() -> None:
    """A text that nobody looks after may extend nothing."""
    with pytest.raises(ProfileError, match="only a profile of a library may extend another"):
        load("mockllm: 1\nextends: slow\n", name="p")


def test_warnings_name_the_file(tmp_path: Path) -> None:
    """A fault that can never act is told where it is written: here, or in the parent's file."""
    put(tmp_path, parent=ROUTED)
    loaded = heir(
        tmp_path,
        "extends: parent",
        "routes:",
        "  - {name: new, match: {model: x}, faults: [{fail: 500}, {fail: 501}]}",
        "  - {name: first, script: {text: two words}}",
    )
    assert [one.render("heir.yaml").replace(f"{tmp_path}/", "") for one in warnings(loaded)] == [
        "heir.yaml:4:58: routes[0].faults[1]: warning: never acts: the exchange has ended before it",
        "parent.yaml:6:14: routes[0].faults[0]: warning: never acts: the answer has 2 content frames",
    ]


def test_the_whole_text_says_the_same(tmp_path: Path) -> None:
    """What is sent to a server that does not know the parent says the same and extends nothing."""
    put(tmp_path, parent=ROUTED)
    loaded = heir(tmp_path, "extends: parent", "routes: [{name: second, faults: [error]}]")
    alone = load(loaded.whole, name="heir").profile
    assert alone.extends is None
    assert alone.all_routes == loaded.profile.all_routes
    plain = heir(tmp_path, "about: plain", name="plain")
    assert plain.whole == plain.text
