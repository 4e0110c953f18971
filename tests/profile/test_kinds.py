"""JSON Schema in words."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from mockllm.faults.values import Duration, DurationOrForever, Flag, Rate, Share, Size, Text
from mockllm.profile.expect import Count, HowMany
from mockllm.profile.kinds import kind


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (Duration, "duration"),
        (DurationOrForever, "`forever` or duration"),
        (Duration | None, "duration"),
        (Size, "size"),
        (Rate, "bandwidth"),
        (Share, "share"),
        (Text, "text"),
        (Flag, "nothing"),
        (Count, "`{min, max}`"),
        (HowMany, "whole number from 0 or `{min, max}`"),
        (int | tuple[int, ...], "whole number or a list of them"),
        (tuple[str, ...], "list of texts"),
        (dict[str, Any], "mapping of names to values"),
    ],
)
def test_types(annotation: Any, words: str) -> None:
    """The types of the language are said as a profile's author would say them."""
    schema = TypeAdapter(annotation).json_schema()
    assert kind(schema, schema.get("$defs", {})) == words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({}, "anything"),
        ({"const": True}, "`true`"),
        ({"enum": ["a", "b", "c"]}, "`a`, `b` or `c`"),
        ({"type": "boolean"}, "`true` or `false`"),
        ({"type": "number", "exclusiveMinimum": 0}, "number above 0"),
        ({"type": "integer", "minimum": 1}, "whole number from 1"),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "whole number from 1 to 9"),
        ({"type": ["integer", "string", "null"]}, "whole number, text or null"),
        ({"type": "array", "prefixItems": [{"type": "string"}] * 2}, "[text, text]"),
        ({"type": "object", "properties": {"not": {}}}, "`{not: …}`"),
        ({"type": "object", "properties": {"present": {}}}, "`{present: true}`"),
        ({"type": "object", "properties": {key: {} for key in "abcdefghi"}}, "mapping"),
    ],
)
def test_schemas(schema: dict[str, Any], words: str) -> None:
    """Limits, choices and conditions are said."""
    assert kind(schema, {}) == words
