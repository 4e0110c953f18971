"""The scalar values of the language: durations, shares, and text that keeps its spelling.

Units are written. A bare number where a unit belongs is refused, because nobody can tell whether
`timeout: 30` means seconds or milliseconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from mockllm.timeline.events import FOREVER

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
TERM = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
DURATION = r"^(\d+(\.\d+)?(us|ms|s|m|h))+$"
SHARE = r"^\d+(\.\d+)?%$"
SIZES = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
SIZE = r"^\d+(B|KiB|MiB|GiB)$"


class Strict(BaseModel):
    """The base of every part of a profile: frozen, and no key that is not declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


def expected(what: str, got: object, hint: str = "") -> PydanticCustomError:
    """The one form in which a value is refused: what was expected, what came, what to do."""
    message = f"expected {what}, got {spelled(got)}" + (f"; {hint}" if hint else "")
    # Braces would be read as placeholders of the message template.
    return PydanticCustomError("expected", "{message}", {"message": message})


def spelled(value: object) -> str:
    """A value as its author would recognise it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case str():
            return f"'{value}'"
        case dict():
            keys = ", ".join(map(str, value))
            return f"a mapping with {keys}" if keys else "an empty mapping"
        case list() | tuple():
            return f"a list of {len(value)}"
        case _:
            return str(getattr(value, "text", value))


def parse_duration(value: object) -> float:
    """Seconds from a text such as `300ms`, `2s` or `1m30s`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = spelled(value)
        raise expected("a duration", value, f"write the unit, such as {text}s or {text}ms")
    if not isinstance(value, str) or not re.fullmatch(DURATION, value):
        raise expected("a duration such as 300ms, 2s or 1m30s", value)
    return sum(float(number) * UNITS[unit] for number, unit in TERM.findall(value))


def parse_duration_or_forever(value: object) -> float:
    """Seconds, or `forever`."""
    if value == "forever":
        return FOREVER
    if isinstance(value, str) and not re.fullmatch(DURATION, value):
        raise expected("a duration such as 300ms or 2s, or forever", value)
    return parse_duration(value)


def parse_size(value: object) -> int:
    """Bytes from a text such as `512B`, `64KiB` or `1MiB`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        text = spelled(value)
        raise expected("a size", value, f"write the unit, such as {text}B or {text}KiB")
    found = re.fullmatch(SIZE, value) if isinstance(value, str) else None
    if not found or not isinstance(value, str):
        raise expected("a size such as 512B, 64KiB or 1MiB", value)
    return int(value.removesuffix(found[1])) * SIZES[found[1]]


def parse_rate(value: object) -> float:
    """Bytes a second from a text such as `1KiB/s`."""
    if isinstance(value, str) and value.endswith("/s"):
        rate = parse_size(value.removesuffix("/s"))
        if rate > 0:
            return float(rate)
    raise expected("a bandwidth such as 1KiB/s", value)


def parse_share(value: object) -> float:
    """A fraction from a text such as `20%`."""
    if not isinstance(value, str) or not re.fullmatch(SHARE, value):
        raise expected("a share such as 20%", value)
    share = float(value[:-1]) / 100
    if share > 1:
        raise expected("a share of at most 100%", value)
    return share


def parse_text(value: object) -> str:
    """A text; a number keeps the spelling it has in the file (`007`, `1.50`)."""
    if isinstance(value, str):
        return value
    text = getattr(value, "text", None)
    if isinstance(value, bool):
        text = str(value).lower()
    if isinstance(text, str):
        return text
    if isinstance(value, int | float):
        return str(value)
    raise expected("a text", value)


def parse_flag(value: object) -> bool:
    """A word without a value: alone, or `true`."""
    if value is None or value is True:
        return True
    raise expected("no value (or true)", value)


def format_seconds(seconds: float) -> str:
    """A duration as a profile would spell it."""
    if seconds == FOREVER:
        return "forever"
    if seconds == 0 or seconds >= 1:
        return f"{plain_number(seconds)}s"
    return f"{plain_number(seconds * 1000)}ms"


def plain_number(number: float) -> str:
    """Six digits that count, without an exponent."""
    text = f"{number:g}"
    return f"{Decimal(text):f}" if "e" in text else text


def spell_seconds(seconds: float) -> str:
    """A duration that reads back as exactly this one."""
    text = format_seconds(seconds)
    if parse_duration_or_forever(text) == seconds:
        return text
    return f"{Decimal(repr(seconds)):f}s"


def spell_size(size: int) -> str:
    """A size in the largest unit that has no fraction."""
    unit = next(u for u, n in reversed(SIZES.items()) if size % n == 0 and (size or n == 1))
    return f"{size // SIZES[unit]}{unit}"


def spell_rate(rate: float) -> str:
    """A bandwidth as a profile would spell it."""
    return f"{spell_size(int(rate))}/s"


def spell_share(share: float) -> str:
    """A share as a profile would spell it."""
    return f"{Decimal(f'{share * 100:.10g}'):f}%"


PLAIN = re.compile(r"[A-Za-z_][\w./-]*( [\w./-]+)*|[\d.]+(us|ms|s|m|h|%)|\d+(B|KiB|MiB|GiB)(/s)?")


def flow(value: object) -> str:
    """A value as a profile would spell it on one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{key}: {flow(part)}" for key, part in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(flow, value)) + "]"
        case str() if PLAIN.fullmatch(value) and value not in ("true", "false", "null"):
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)


def one_or_many(value: Any) -> Any:
    """A single value where a list is expected stands for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(spell_seconds),
    WithJsonSchema(
        {"type": "string", "pattern": DURATION, "description": "A duration: 300ms, 2s, 1m30s."}
    ),
]
DurationOrForever = Annotated[
    float,
    BeforeValidator(parse_duration_or_forever),
    PlainSerializer(spell_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"const": "forever"}, {"type": "string", "pattern": DURATION}],
            "description": "A duration (300ms, 2s, 1m30s), or forever.",
        }
    ),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(spell_size),
    WithJsonSchema(
        {"type": "string", "pattern": SIZE, "description": "A size: 512B, 64KiB, 1MiB."}
    ),
]
Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    PlainSerializer(spell_rate),
    WithJsonSchema(
        {"type": "string", "pattern": SIZE[:-1] + "/s$", "description": "A bandwidth: 1KiB/s."}
    ),
]
Share = Annotated[
    float,
    BeforeValidator(parse_share),
    PlainSerializer(spell_share),
    WithJsonSchema({"type": "string", "pattern": SHARE, "description": "A share: 20%."}),
]
Flag = Annotated[bool, BeforeValidator(parse_flag), WithJsonSchema({"enum": [True, None]})]
Text = Annotated[
    str, BeforeValidator(parse_text), WithJsonSchema({"type": ["string", "number", "boolean"]})
]


def tag_of(model: type[BaseModel]) -> str:
    """The tag of a class: its own first field, marked so that it is never taken for a key."""
    fields = model.model_fields
    name = next(name for name in model.__annotations__ if name in fields)
    return f"<{fields[name].alias or name}>"


@dataclass(frozen=True, slots=True)
class Words:
    """Tells editors which classes may be named by their word alone."""

    models: tuple[type[BaseModel], ...]

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        words = [tag_of(model)[1:-1] for model in self.models if stands_alone(model)]
        mapping = handler(schema)
        return {"anyOf": [{"enum": words}, mapping]} if words else mapping


def stands_alone(model: type[BaseModel]) -> bool:
    """Whether a class takes its word without a value."""
    try:
        model.model_validate({tag_of(model)[1:-1]: None})
    except ValidationError:
        return False
    return True


def chooser(what: str, *models: type[BaseModel]) -> tuple[Discriminator, BeforeValidator, Words]:
    """Choose among classes by the key that is present; a text is a key without a value (`drop`)."""
    keys = [tag_of(model)[1:-1] for model in models]
    common = {name for model in models for name in model.model_fields}.difference(keys)

    def name_it(value: object) -> object:
        if isinstance(value, str):
            value = {value: None}
        if isinstance(value, BaseModel):
            return value
        found = [key for key in keys if key in value] if isinstance(value, dict) else []
        if len(found) == 1:
            return value
        if found:
            raise expected(f"{what} of one kind", value, f"write {' and '.join(found)} one by one")
        words = [key for key in value if key not in common] if isinstance(value, dict) else []
        raise expected(f"{what} ({', '.join(keys)})", value, hint_for(words, keys))

    def tag(value: object) -> str:
        if isinstance(value, BaseModel):
            return tag_of(type(value))
        return next(f"<{key}>" for key in keys if isinstance(value, dict) and key in value)

    return Discriminator(tag), BeforeValidator(name_it), Words(models)


def hint_for(words: Iterable[object], known: Iterable[str]) -> str:
    """What somebody who wrote an unknown word should do."""
    choices = list(known)
    for word in map(str, words):
        near = get_close_matches(word, choices, n=1)
        if near:
            return f"did you mean '{near[0]}'?"
    return ""
