"""What a value looks like, in words, from its JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mockllm.faults.values import DURATION, SHARE, SIZE

PATTERNS = {
    DURATION: "duration",
    SHARE: "share",
    SIZE: "size",
    f"{SIZE[:-1]}/s$": "bandwidth",
}
"""The scalar values of the language, by the pattern that tells them."""
CONDITIONS = ("not", "present", "absent")
"""The keys that turn a condition round, or ask whether there is a value at all."""
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` or `false`",
    "null": "null",
}
MANY = 8
"""So many keys of a mapping are named."""


def kind(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """A value in words: `duration or 'forever'`."""
    *others, last = dict.fromkeys(alternatives(schema, defs)) or ["anything"]
    return f"{', '.join(others)} or {last}" if others else last


def alternatives(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Iterator[str]:
    """Everything that a value can be. A null that only means "not given" is not said."""
    match schema:
        case {"$ref": str(ref)}:
            yield from alternatives(defs[ref.rpartition("/")[2]], defs)
        case {"const": value}:
            yield code(value)
        case {"enum": list(values)}:
            yield from ["nothing"] if None in values else map(code, values)
        case {"anyOf": list(parts)} | {"oneOf": list(parts)}:
            known: list[str] = []
            for part in parts:
                if part == {"type": "null"}:
                    continue
                found = list(alternatives(part, defs))
                if part.get("type") == "array" and known:
                    items = set(alternatives(part.get("items", {}), defs))
                    found = ["a list of them"] if items <= set(known) else found
                known += found
            yield from known
        case {"pattern": pattern} if pattern in PATTERNS:
            yield PATTERNS[pattern]
        case {"type": list(types)} if "string" in types and "boolean" in types:
            yield "text"
        case {"type": list(types)}:
            yield from (WORDS[one] for one in types)
        case {"type": "array"}:
            yield sequence(schema, defs)
        case {"type": "object"}:
            yield mapping(schema)
        case {"type": "integer" | "number" as one}:
            yield number(schema, WORDS[one])
        case {"type": str(one)}:
            yield WORDS[one]


def code(value: object) -> str:
    """A value as it is written."""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def sequence(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """A list, or several values of a fixed number."""
    parts = schema.get("prefixItems")
    if parts:
        return f"[{', '.join(kind(part, defs) for part in parts)}]"
    return f"list of {plural(kind(schema.get('items', {}), defs))}"


def plural(words: str) -> str:
    """Several of a kind."""
    return words.replace("number", "numbers").replace("text", "texts")


def mapping(schema: Mapping[str, Any]) -> str:
    """A mapping, with its keys if they are few."""
    keys = list(schema.get("properties", ()))
    if len(keys) == 1 and keys[0] in CONDITIONS:
        return f"`{{{keys[0]}: {'…' if keys[0] == 'not' else 'true'}}}`"
    if keys and len(keys) <= MANY:
        return f"`{{{', '.join(keys)}}}`"
    if "additionalProperties" in schema and not keys:
        return "mapping of names to values"
    return "mapping"


def number(schema: Mapping[str, Any], word: str) -> str:
    """A number and its limits."""
    low, high, above = (schema.get(key) for key in ("minimum", "maximum", "exclusiveMinimum"))
    if low is not None and high is not None:
        return f"{word} from {low} to {high}"
    if low is not None:
        return f"{word} from {low}"
    if above is not None:
        return f"{word} above {above:g}"
    return word
