"""The JSON Schema accepts what the loader accepts, and refuses what an editor should mark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from mockllm.profile.library import shipped
from mockllm.profile.nodes import read
from mockllm.profile.schema import schema, text
from mockllm.shapes.answer import answers
from mockllm.shapes.shape import shapes

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PROFILES = sorted(shipped().rglob("*.y*ml"))


def errors(source: str) -> list[str]:
    """What the schema says against a profile."""
    return [error.message for error in VALIDATOR.iter_errors(read(source, "f").data)]


def test_it_is_a_schema() -> None:
    """The schema is one itself, and names the dialect that it is written in."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMA["title"] == "mockllm profile"


def test_the_file_is_the_schema() -> None:
    """The text is the schema as a file, and ends with a line end."""
    assert json.loads(text()) == SCHEMA
    assert text().endswith("}\n")


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_shipped_profiles_are_valid(path: Path) -> None:
    """Every profile that ships is valid."""
    assert errors(path.read_text("utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "mockllm: 1",
        "mockllm: 1\nfaults: [reset, error, {edit: drop, at: content 1}, {encode: no-space}]",
        "mockllm: 1\nfaults: [{reset: }, {reset: true}, {error: openai}, {send: {error: true}}]",
        "mockllm: 1\nfaults: [{stall: forever, nth: 3}, {hang: 1m30s, nth: [1, 2], during: [0s, 20s], chance: 10%}]",
        "mockllm: 1\nfaults: [{fail: 503}, {fail: {status: 429, code: null, headers: {retry-after: 7}}}]",
        "mockllm: 1\nfaults: [{reply: envoy.no-healthy-upstream}, {reply: {body: x}}]",
        "mockllm: 1\nscript: text60",
        "mockllm: 1\nscript: {tool_calls: [{name: f, arguments: {a: 1}}]}",
        "mockllm: 1\nroutes: [{match: {model: [a, b*], stream: true}, script: {words: 5}, pacing: {tps: 20}}]",
    ],
)
def test_what_the_loader_takes_is_valid(source: str) -> None:
    """Short forms are valid too."""
    assert errors(source) == []


@pytest.mark.parametrize(
    "source",
    [
        "about: no version",
        "mockllm: 2",
        "mockllm: 1\nfoults: []",
        "mockllm: 1\nfaults: [stall]",
        "mockllm: 1\nfaults: [{stall: 30}]",
        "mockllm: 1\nfaults: [{stall: 30, first: 0}]",
        "mockllm: 1\nfaults: [{reset: , chance: 0.1}]",
        "mockllm: 1\nfaults: [{reset: , during: [1s]}]",
        "mockllm: 1\nfaults: [{reset: , frist: 1}]",
        "mockllm: 1\nfaults: [{close: tidy}]",
        "mockllm: 1\nfaults: [{reset: 5}]",
        "mockllm: 1\nscript: {tool_calls: []}",
        "mockllm: 1\nscript: {words: 0}",
        "mockllm: 1\nstrict: on",
        "mockllm: 1\nmatch: {stream: maybe}",
        "mockllm: 1\npacing: {ttft: 3}",
    ],
)
def test_what_the_loader_refuses_is_not(source: str) -> None:
    """What an editor can see to be wrong is invalid."""
    assert errors(source)


def found(part: Any, key: str) -> list[Any]:
    """All values of a key, wherever in the schema."""
    if isinstance(part, dict):
        here = [part[key]] if key in part else []
        return here + [value for inner in part.values() for value in found(inner, key)]
    if isinstance(part, list):
        return [value for inner in part for value in found(inner, key)]
    return []


def test_names_are_offered() -> None:
    """An editor offers the shapes and answers of today, and no mark of ours is left."""
    offered = found(SCHEMA, "examples")
    assert sorted(shapes()) in offered
    assert sorted(answers()) in offered
    assert found(SCHEMA, "x-names") == []


def described(field: dict[str, Any]) -> bool:
    """Whether a field, or what it refers to, has a description."""
    name = field.get("$ref", "").rpartition("/")[2]
    return "description" in field or "description" in SCHEMA["$defs"].get(name, ())


def test_everything_is_described() -> None:
    """Each key of a fault, a route and a profile has its sentence."""
    for name in ("EditFault", "Route", "Pacing", "Match", "WordsSource"):
        fields = SCHEMA["$defs"][name]["properties"]
        assert [key for key, field in fields.items() if not described(field)] == []
    assert [key for key, field in SCHEMA["properties"].items() if not described(field)] == []
