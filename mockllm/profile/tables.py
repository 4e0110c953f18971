"""Tables of the reference: the rows that a model's fields and docstrings make."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mockllm.faults.fault import Fault
from mockllm.faults.often import Often
from mockllm.faults.values import flow, format_seconds
from mockllm.profile.expect import Expect
from mockllm.profile.kinds import code, kind
from mockllm.profile.loader import models_in
from mockllm.profile.models import Listener, Profile, Route
from mockllm.scripts.script import Source

LINKS = {
    "routes": "list of [routes](#routes)",
    "match": "[conditions](#matchers)",
    "script": "[script](#scripts)",
    "parts": "list of [scripts](#scripts)",
    "sequence": "list of [scripts](#scripts)",
    "turns": "list of [scripts](#scripts)",
    "pacing": "[pacing](#pacing)",
    "faults": "list of faults: [verbs](#verbs) or [named faults](#named-faults)",
    "account": "[account](#account)",
    "listeners": "list of [listeners](#listeners)",
    "expect": "[expect](#expect)",
    "client": "[client](#expectclient)",
    "server": "[server](#expectserver)",
    "policy": "[policy](#expectpolicy)",
}
"""Keys that have a part of the page."""

Row = tuple[str, ...]


def word_name(model: type[BaseModel]) -> str:
    """The name of a mapping's own first key."""
    return own_first(model)[0]


def word_of(model: type[BaseModel]) -> FieldInfo | None:
    """The key that tells a mapping from others; None where it is told otherwise."""
    field = model.model_fields[word_name(model)]
    return field if field.is_required() else None


def alias_of(model: type[BaseModel]) -> str:
    """The word of a mapping."""
    name = word_name(model)
    return model.model_fields[name].alias or name


def text_of(part: type) -> str:
    """A docstring on one line; nothing where a class has none of its own."""
    return text(vars(part).get("__doc__") or "")


def doc(part: type) -> str:
    """A docstring in its paragraphs."""
    return cleandoc(vars(part).get("__doc__") or "")


def text(words: str) -> str:
    """Words on one line."""
    return " ".join(words.split())


def table(head: Row, rows: Iterable[Row]) -> str:
    """A table of Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines
    )


def plain_kind(schema: dict[str, Any], defs: dict[str, Any], models: list[type[BaseModel]]) -> str:
    """What a value can be beside the mappings that have rows of their own."""
    names = {one.__name__ for one in models}

    def scalars(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if "$ref" in part and part["$ref"].rpartition("/")[2] in names:
            return
        alternatives = part.get("anyOf") or part.get("oneOf")
        if alternatives is None:
            yield part
        for inner in alternatives or ():
            yield from scalars(inner)

    found = [part for part in scalars(schema) if not standing_alone(part, models)]
    return kind({"anyOf": found}, defs) if found else ""


def standing_alone(part: dict[str, Any], models: list[type[BaseModel]]) -> bool:
    """Whether an alternative is the list of the mappings' words that need no value."""
    words = {alias_of(one) for one in models}
    return "enum" in part and set(part["enum"]) <= words


def model_rows(model: type[BaseModel], default_at: str = "") -> Iterator[Row]:
    """The rows of a mapping: of one that is told by its word, first that, then the keys beside."""
    schema, defs = schema_of(model)
    word = word_of(model)
    at = getattr(model, "default_at", default_at)
    about = text_of(model) + (f" Without `at`: `{at}`." if at != default_at else "")
    if word is None:
        yield "mapping", "", about
    else:
        key = word.alias or word_name(model)
        takes = LINKS.get(key) or kind(schema[key], defs)
        yield code(key), takes, f"{about} {news(word.description or '', takes)}".strip()
    inherited = Source.model_fields if issubclass(model, Source) else {}
    for name in own_first(model):
        field = model.model_fields[name]
        if field is not word and name not in inherited:
            yield field_row(name, model, before="… ")
        yield from inner_rows(field, name)


def nested_rows(model: type[BaseModel]) -> Iterator[Row]:
    """The rows of a mapping, with those of the mappings in it."""
    for name, field in model.model_fields.items():
        yield field_row(name, model)
        yield from inner_rows(field, name)


def inner_rows(field: FieldInfo, name: str) -> Iterator[Row]:
    """The rows of the mapping inside a value, if there is exactly one."""
    for inner in inner_models(field.annotation):
        for one in inner.model_fields:
            yield field_row(one, inner, f"{field.alias or name}.", before="… ")


def inner_models(annotation: Any) -> list[type[BaseModel]]:
    """The mapping inside a value, if there is exactly one."""
    found = list(models_in(annotation))
    return found if len(found) == 1 else []


def keys_table(model: type[BaseModel]) -> str:
    """The keys of a mapping."""
    return table(("Key", "Takes", "Meaning"), field_rows(model))


def field_rows(model: type[BaseModel]) -> Iterator[Row]:
    """A row for each key of a mapping."""
    return (field_row(name, model) for name in own_first(model))


def own_first(model: type[BaseModel]) -> list[str]:
    """The keys of a mapping, those that it shares with others last."""
    own = [name for name in vars(model).get("__annotations__", ()) if name in model.model_fields]
    return [*own, *(name for name in model.model_fields if name not in own)]


def field_row(name: str, model: type[BaseModel], path: str = "", before: str = "") -> Row:
    """One key, what it takes, and what it means."""
    field = model.model_fields[name]
    schema, defs = schema_of(model)
    key = field.alias or name
    linked = LINKS.get(key) if model in (Profile, Route, Listener, Expect) else None
    takes = linked or kind(schema[key], defs)
    return (
        before + code(path + key),
        takes,
        with_default(text(field.description or ""), field, takes),
    )


def with_default(said: str, field: FieldInfo, takes: str) -> str:
    """A meaning, with the value that is taken where none is given."""
    default = field.default
    if field.is_required() or field.default_factory or default in (None, "", (), {}):
        return said
    if not isinstance(default, float):
        return f"{said} Default: {code(flow(default))}."
    # A share or a number of zero says what no value says.
    return f"{said} Default: {code(format_seconds(default))}." if "duration" in takes else said


def news(said: str, takes: str) -> str:
    """A description, unless it only repeats what the value takes."""
    words = set(re.findall(r"[\w+-]+", said)) - {"or", "and", "a"}
    return "" if words <= set(re.findall(r"[\w+-]+", takes)) else text(said)


def schema_of(model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The JSON Schema of each key, and what they refer to."""
    made = model.model_json_schema()
    defs = made.get("$defs", {})
    # What may hold itself is only referred to at the top.
    own = defs[made["$ref"].rpartition("/")[2]] if "$ref" in made else made
    return own["properties"], defs


def value_rows(verb: type[Fault]) -> Iterator[Row]:
    """Every value of a verb."""
    schema, defs = schema_of(verb)
    models = [one for one in models_in(verb.model_fields[verb.verb].annotation) if text_of(one)]
    plain = plain_kind(schema[verb.verb], defs, models)
    if plain:
        yield plain, "", text(verb.model_fields[verb.verb].description or "")
    for one in models:
        yield from model_rows(one, verb.default_at)
    for name in verb.model_fields:
        if name not in (*Often.model_fields, "at", verb.verb):
            yield field_row(name, verb, before="… ")
