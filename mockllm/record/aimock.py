"""A profile from fixtures of aimock: each is a route, first match first, as they are looked at there.

Fixtures that differ in `sequenceIndex` alone are one route that says another script at each call;
those that differ in `turnIndex` alone one that says another at each turn. What cannot be carried
over is told by its file, its place and the reason. Sources: those of `aimock_fixture`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from mockllm.cassettes.cassette import CassetteError
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError
from mockllm.record.aimock_fixture import CHAT, HURRIED, Made, NotCarried, Words, made, spelled

NO_MATCH = {
    "status": 404,
    "message": "No fixture matched",
    "error_type": "invalid_request_error",
    "code": "no_fixture_match",
}
"""What aimock answers where no fixture matches."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A profile, and what is not in it."""

    text: str
    fixtures: int
    """How many fixtures it holds."""
    notes: tuple[str, ...]


def from_aimock(path: Path) -> Imported:
    """A profile of a file of fixtures, or of all in a folder, in aimock's order.

    Raises `CassetteError` for what is no such file, and `OSError`.
    """
    notes: list[str] = []
    found = [one for file in files_of(path) for one in fixtures_of(file, path, notes)]
    if not found:
        raise CassetteError([*notes, f"{path}: expected fixtures of which one can be carried over"])
    text = written(path.name, routes_of(found, notes), notes)
    try:
        load(text, name=path.stem, file="the profile that was made")
    except ProfileError as error:
        raise CassetteError([f"{path}: {error}"]) from None
    return Imported(text, len(found), tuple(notes))


def files_of(path: Path) -> Iterable[Path]:
    """The files of a folder, then those of its folders, as aimock reads them."""
    if not path.is_dir():
        return (path,)
    inside = sorted(path.iterdir())
    files = [one for one in inside if one.suffix == ".json" and one.is_file()]
    return [*files, *(file for one in inside if one.is_dir() for file in files_of(one))]


def fixtures_of(file: Path, top: Path, notes: list[str]) -> Iterable[Made]:
    """The fixtures of a file that can be carried over."""
    where = str(file.relative_to(top)) if top.is_dir() else str(file)
    try:
        document = json.loads(file.read_text("utf-8"), parse_float=number)
    except (ValueError, RecursionError) as error:
        raise CassetteError([f"{where}: expected JSON: {error}"]) from None
    entries = document.get("fixtures") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        what = "expected the key 'fixtures' with a list"
        if isinstance(document, dict) and isinstance(document.get("llm"), dict):
            what += "; this configures aimock: import what its llm.fixtures names"
        if not top.is_dir():
            raise CassetteError([f"{where}: {what}"])
        notes.append(f"{where}: {what}; it is left out")
        return
    notes += [
        f"{where}: {key}: is not carried over"
        for key in document
        if key not in ("fixtures", "$comment")
    ]
    for index, entry in enumerate(entries):
        place = f"{where}: fixtures[{index}]"
        try:
            yield made(place, f"{file.stem}-{index}", entry, notes)
        except NotCarried as error:
            notes.append(f"{place}.{error}; the fixture is left out")


def number(text: str) -> int | float:
    """A number as JavaScript has it: 1.0 is 1."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


# Routes


def routes_of(found: Sequence[Made], notes: list[str]) -> list[Words]:
    """The routes, in the order of the fixtures, and what is said where none matches."""
    routes: list[Words] = []
    groups: dict[str, list[Made]] = {}
    for one in found:
        groups.setdefault(spelled(one.match), []).append(one)
    done: set[str] = set()
    for first in found:
        if first.place in done:
            continue
        alike = [one for one in groups[spelled(first.match)] if one.place not in done]
        if first.sequence is not None:
            plain = next((place for place, one in enumerate(alike) if one.sequence is None), None)
            members = alike if plain is None else alike[: plain + 1]
            if plain is None and len(found) - len(done) > len(members):
                what = "no later fixture answers behind the last of the sequence"
                notes.append(f"{first.place}.match.sequenceIndex: {what}")
            routes.append(sequence(members, notes))
        elif first.turn is not None or any(one.turn is not None for one in alike):
            members = [one for one in alike if one.sequence is None]
            notes += elsewhere(members, found)
            routes += turns(members, notes) if len(members) > 1 else single(first)
        else:
            members = [first]
            routes += single(first)
        done.update(one.place for one in members)
    fallback = {"name": "no-fixture", "match": {"wire": CHAT}, "faults": [{"fail": NO_MATCH}]}
    return [*routes, fallback]


def elsewhere(members: Sequence[Made], found: Iterable[Made]) -> Iterable[str]:
    """The turns of other conditions that aimock weighs against these."""
    own = conditions(members[0])
    for one in members:
        for other in found:
            theirs = conditions(other)
            both = one.turn is not None and other.turn is not None
            if both and (own < theirs or theirs < own):
                what = f"is not weighed against that of {other.name}: the first route answers"
                yield f"{one.place}.match.turnIndex: {what}"


def conditions(one: Made) -> frozenset[str]:
    """The conditions of a fixture, to be compared."""
    return frozenset(spelled(pair) for pair in one.match.items())


def route(name: str, match: Words, script: Words | None, pacing: Words, faults: Any) -> Words:
    """A route without what it does not need."""
    made: Words = {"name": name, "match": match}
    if script is not None:
        made |= {"script": script, "pacing": pacing}
    if faults:
        made["faults"] = list(faults)
    return made


def single(one: Made) -> list[Words]:
    """The route of one fixture; two where streams alone take their time, or are cut."""
    if not one.cuts and one.pacing == HURRIED:
        return [route(one.name, one.match, one.script, HURRIED, one.faults)]
    streams = {**one.match, "stream": True}
    return [
        route(f"{one.name}-stream", streams, one.script, one.pacing, (*one.faults, *one.cuts)),
        route(one.name, one.match, one.script, HURRIED, one.faults),
    ]


def sequence(members: Sequence[Made], notes: list[str]) -> Words:
    """The route of fixtures that are said one after the other."""
    steps: dict[int, Made] = {}
    last = next((one for one in members if one.sequence is None), None)
    for one in members:
        if one.turn is not None:
            notes.append(f"{one.place}.match.turnIndex: is not carried over beside a sequenceIndex")
        if one.sequence is not None and steps.setdefault(one.sequence, one) is not one:
            what = "is left out: an earlier fixture has the same number"
            notes.append(f"{one.place}.match.sequenceIndex: {what}")
    count = max(steps) + 1
    said = [steps.get(number) for number in range(count)]
    scripts: list[Words] = [SILENT if one is None else one.script or SILENT for one in said]
    faults: list[Words] = []
    for number, step in enumerate(said, 1):
        acts = ({"fail": NO_MATCH},) if step is None else (*step.faults, *step.cuts)
        faults += ({**fault, "nth": number} for fault in acts)
    if last is not None:
        scripts.append(last.script or SILENT)
    acts = (*last.faults, *last.cuts) if last is not None else ({"fail": NO_MATCH},)
    faults += ({**fault, "skip": count} for fault in acts)
    pacing = common_pacing([*steps.values(), *([last] if last else [])], notes)
    return route(members[0].name, members[0].match, {"sequence": scripts}, pacing, faults)


SILENT: Words = {"text": ""}
"""Stands where a fault answers."""


def turns(members: Sequence[Made], notes: list[str]) -> list[Words]:
    """The route of fixtures that belong to turns of a conversation."""
    notes += [
        f"{one.place}: what goes wrong at one turn alone is not carried over"
        for one in members
        if one.script is None or one.faults or one.cuts
    ]
    able = [one for one in members if one.script is not None] or list(members)
    chosen = [at_turn(able, turn) for turn in range(max(one.turn or 0 for one in able) + 1)]
    scripts = [one.script or SILENT for one in chosen]
    first, pacing = members[0], common_pacing(chosen, notes)
    return [route(first.name, first.match, {"turns": scripts}, pacing, ())]


def at_turn(members: Sequence[Made], answers: int) -> Made:
    """The fixture that aimock takes where a conversation holds so many answers: the one of the
    latest turn that has come, else one of no turn, else that of the earliest turn."""
    plain = next((one for one in members if one.turn is None), None)
    come = [one for one in members if one.turn is not None and one.turn <= answers]
    if come:
        best = max(come, key=turn_of)
        first = plain is not None and members.index(plain) < members.index(best)
        return plain if plain is not None and first and best.turn == answers else best
    return plain if plain is not None else min(members, key=turn_of)


def turn_of(one: Made) -> int:
    """The turn that a fixture names."""
    return one.turn or 0


def common_pacing(members: Iterable[Made], notes: list[str]) -> Words:
    """The pacing of the first that has one; others are noted."""
    speaking = [one for one in members if one.script is not None]
    pacing = next((one.pacing for one in speaking if one.pacing != HURRIED), HURRIED)
    others = dict.fromkeys(one.place for one in speaking if one.pacing != pacing)
    notes += [f"{one}: its timing is not carried over: one route has one pacing" for one in others]
    return pacing


# The file


class Dumper(yaml.SafeDumper):
    """YAML in which texts of several lines stand as they are, and nothing is an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        """Repeat what is equal."""
        return True


def text_node(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    """A text."""
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


Dumper.add_representer(str, text_node)


def written(name: str, routes: list[Words], notes: Sequence[str]) -> str:
    """The profile as a file; what is not in it stands above."""
    about = [f"# {note}\n" for note in notes]
    if about:
        about = ["# Not as in aimock:\n", *about]
    document = {"mockllm": 1, "about": f"The fixtures of aimock in {name}.", "routes": routes}
    body = yaml.dump(
        document,
        Dumper=Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=100,
        default_flow_style=None,
    )
    return "".join(about) + body
