"""Values for JSON Schemas, judged by an independent validator."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from mockllm.scripts.json_value import BUDGET, make_value

FORMATS = Draft202012Validator.FORMAT_CHECKER
STRICT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"explanation": {"type": "string"}, "output": {"type": "string"}},
                "required": ["explanation", "output"],
                "additionalProperties": False,
            },
        },
        "final_answer": {"type": "string"},
    },
    "required": ["steps", "final_answer"],
    "additionalProperties": False,
}
"""The example of OpenAI's guide to structured outputs."""
LINKED = {
    "type": "object",
    "properties": {"linked_list": {"$ref": "#/$defs/node"}},
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "number"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "additionalProperties": False,
            "required": ["next", "value"],
        }
    },
    "additionalProperties": False,
    "required": ["linked_list"],
}
ROOT = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["div", "button", "field"]},
        "label": {"type": "string"},
        "children": {"type": "array", "items": {"$ref": "#"}},
        "attributes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "value": {"type": "string"}},
                "required": ["name", "value"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["type", "label", "children", "attributes"],
    "additionalProperties": False,
}
PYDANTIC = {
    "$defs": {
        "Cat": {
            "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer", "maximum": 9}},
            "required": ["kind", "lives"],
            "type": "object",
        },
        "Dog": {
            "properties": {"kind": {"const": "dog"}, "name": {"type": "string", "default": None}},
            "required": ["kind", "name"],
            "type": "object",
        },
        "Color": {"enum": ["red", "green"], "type": "string"},
    },
    "properties": {
        "pet": {
            "discriminator": {"propertyName": "kind"},
            "oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}],
        },
        "color": {"allOf": [{"$ref": "#/$defs/Color"}], "default": "red"},
        "nick": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        "scores": {"type": "object", "additionalProperties": {"type": "integer"}},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "minItems": 2, "maxItems": 2},
    },
    "required": ["pet", "color", "scores", "pair"],
    "type": "object",
}  # fmt: skip
SCHEMAS: list[Any] = [
    STRICT,
    LINKED,
    ROOT,
    PYDANTIC,
    True,
    {},
    {"type": "object"},
    {"type": "null"},
    {"type": "boolean"},
    {"const": {"a": [1]}},
    {"enum": [1, "a", None]},
    {"type": ["string", "null"]},
    {"type": "integer", "minimum": 5, "maximum": 6},
    {"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7},
    {"type": "integer", "maximum": -1000},
    {"type": "integer", "multipleOf": 7, "minimum": 100},
    {"type": "integer", "multipleOf": 2.5},
    {"type": "integer", "multipleOf": 0.1},
    {"type": "integer", "minimum": 0.5, "maximum": 1.5},
    {"type": "number", "multipleOf": 0.01},
    {"type": "number", "minimum": 0, "maximum": 0.001},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001},
    {"minimum": 3},
    {"type": "integer", "minimum": -(2**63), "maximum": 2**63},
    {"type": "string", "minLength": 200},
    {"type": "string", "minLength": 3, "maxLength": 3},
    {"type": "string", "maxLength": 0},
    {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    {"type": "string", "pattern": "^(draft|final)_v[0-9]+(\\.[0-9]+)?$"},
    {"type": "string", "pattern": "^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$"},
    {"type": "string", "pattern": "^\\+?[1-9]\\d{1,14}$"},
    {"type": "string", "pattern": "^\\w+$", "minLength": 40, "maxLength": 45},
    {"type": "string", "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$"},
    {"type": "string", "pattern": "^#(?:[0-9a-fA-F]{3}){1,2}$"},
    {"type": "array", "items": {"type": "integer"}, "minItems": 7},
    {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
    {"type": "array", "maxItems": 0},
    {"type": "array", "items": False},
    {"type": "array", "prefixItems": [{"const": 1}], "items": False},
    {"type": "object", "minProperties": 4},
    {"type": "object", "additionalProperties": False},
    {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}},
    {"type": "object", "maxProperties": 1, "properties": {"a": {}, "b": {}}, "required": ["b"]},
    {"properties": {"a": {"const": 1}}, "required": ["a"]},
    {"allOf": [{"type": "number"}, {"type": "integer", "minimum": 4}, {"maximum": 5}]},
    {"allOf": [{"properties": {"a": {"type": "integer"}}}, {"required": ["a"]}], "type": "object"},
    {"anyOf": [{"type": "integer"}, False]},
    {"anyOf": [{"type": "integer"}, {"type": "string"}], "minimum": 3, "minLength": 2},
    {"$ref": "#/definitions/a~1b", "definitions": {"a/b": {"type": "integer"}}},
    {"type": "string", "default": 5},
    {"type": "string", "examples": [3, "three"]},
    {"type": "integer", "default": 3, "minimum": 4},
    *({"type": "string", "format": name} for name in ("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uri", "uuid", "json-pointer", "regex", "unknown")),
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: json.dumps(schema)[:60])
def test_values_are_valid(schema: Any) -> None:
    """Twenty values of each schema are valid, formats included, and are JSON."""
    validator = Draft202012Validator(schema, format_checker=FORMATS)
    for seed in range(20):
        value = make_value(schema, Random(seed))
        validator.validate(json.loads(json.dumps(value)))


def require_one(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its first property required."""
    return schema | {"required": list(schema["properties"])[:1]}


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Schemas that hold schemas."""
    return (
        st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
                "additionalProperties": st.booleans(),
            }
        ).map(require_one)
        | st.fixed_dictionaries({"type": st.just("array"), "items": inner, "minItems": st.integers(0, 4)})
        | st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)})
    )  # fmt: skip


LEAVES = (
    st.sampled_from([{"type": "null"}, {"type": "boolean"}, {"const": 1}, {"enum": ["a", "b"]}])
    | st.fixed_dictionaries({"type": st.just("integer"), "minimum": st.integers(-5, 5)})
    | st.fixed_dictionaries({"type": st.just("number"), "maximum": st.integers(-5, 5)})
    | st.fixed_dictionaries({"type": st.just("string"), "minLength": st.integers(0, 30)})
    | st.just({"$ref": "#/$defs/leaf"})
)


@given(st.recursive(LEAVES, nested, max_leaves=8), st.integers(0, 3))
def test_any_schema_of_the_subset(schema: dict[str, Any], seed: int) -> None:
    """Whatever is put together from what is supported gives valid values."""
    schema = {**schema, "$defs": {"leaf": {"type": "string", "format": "date"}}}
    value = make_value(schema, Random(seed))
    Draft202012Validator(schema, format_checker=FORMATS).validate(value)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["string", "#", "object", "("]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["type", "properties", "items", "required", "enum", "allOf", "anyOf", "$ref", "pattern", "minLength", "maxItems", "minimum", "multipleOf", "additionalProperties", "format", "default", "examples", "prefixItems"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JUNK)
def test_no_schema_is_refused(schema: Any) -> None:
    """A schema of a request that makes no sense gives some JSON, and no error."""
    json.dumps(make_value(schema, Random(0)))


def test_the_same_seed_gives_the_same_value() -> None:
    """Values follow the generator that is given."""
    assert make_value(PYDANTIC, Random(1)) == make_value(PYDANTIC, Random(1))
    values = {json.dumps(make_value(PYDANTIC, Random(seed))) for seed in range(10)}
    assert len(values) == 10


def test_values_are_readable() -> None:
    """Names of properties choose what Faker makes, in the language that is asked for."""
    names = ["email", "userName", "city", "created_at", "customer_id", "age", "latitude", "phone"]
    schema = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in names}
        | {"age": {"type": "integer"}, "latitude": {"type": "number"}},
        "required": names,
    }
    made = make_value(schema, Random(1))
    assert "@" in made["email"]
    assert " " not in made["userName"]
    assert made["created_at"][10] == "T"
    assert made["customer_id"].startswith("customer_")
    assert 18 <= made["age"] <= 90
    assert -90 <= made["latitude"] <= 90
    assert list(made) == names
    assert make_value(schema, Random(1), "ja_JP")["city"] != made["city"]


def test_recursion_ends() -> None:
    """A tree that may grow for ever stays small, and one that must is cut."""
    tree = {
        "type": "object",
        "properties": {name: {"type": "array", "items": {"$ref": "#"}} for name in "abcdef"},
    }
    assert len(json.dumps(make_value(tree, Random(0)))) < 40 * BUDGET
    endless = {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}
    assert len(json.dumps(make_value(endless, Random(0)))) < 300
    assert make_value({"$ref": "#"}, Random(0)) is not None
    either = {"anyOf": [{"$ref": "#"}, {"const": 1}]}
    assert make_value(either, Random(0)) == 1


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#/nowhere"},
        {"$ref": 5},
        {"type": "string", "pattern": "(?=a)b"},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "\\bword"},
    ],
)
def test_what_is_not_supported(schema: dict[str, Any]) -> None:
    """Other files are never read, and a pattern outside the subset is passed over: any text."""
    assert isinstance(make_value(schema, Random(0)), str)
