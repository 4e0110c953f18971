"""Values that fit a JSON Schema, readable and the same for the same seed.

Supported is what language models are asked for: types, `enum`, `const`, `default`, `examples`,
nested objects and arrays, local `$ref` (also recursive ones), `anyOf`, `oneOf`, `allOf`, bounds of
numbers, lengths and counts, `multipleOf`, `uniqueItems`, `prefixItems`, the usual formats, and a
small subset of `pattern`. That covers OpenAI's strict subset. Not looked at: `not`,
`if`/`then`/`else`, `contains`, `propertyNames`, `dependent…`; of `oneOf` one branch is taken, and
another that fits as well is not noticed. Recursion ends at a depth: from there on only what is
required is made, by the shortest way.
"""

from __future__ import annotations

import json
import math
import operator
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import unquote

from mockllm.faults.values import one_or_many
from mockllm.scripts.faking import seeded
from mockllm.scripts.regex import matching

if TYPE_CHECKING:
    from faker import Faker

DEEP = 4
"""From this depth on only what is required is made."""
DEEPEST = 24
"""From this depth on nothing is made: the schema has no end."""
BUDGET = 2_000
"""Values in all after which only what is required is made."""
STEPS = 100_000
"""Steps of looking for an end of a schema, which are then given up."""
COUNT = 1_000
"""The most items of an array."""
SPAN = 100
"""How far from a single bound numbers are."""
TRIES = 50
TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": int | float,
}
CLUES = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("pattern", "format", "minLength", "maxLength"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
"""Keywords that tell the type where none is given."""
HINTS = {
    "email": "email", "mail": "email", "name": "name", "firstname": "first_name",
    "lastname": "last_name", "surname": "last_name", "fullname": "name", "username": "user_name",
    "author": "name", "user": "user_name", "person": "name", "phone": "phone_number",
    "telephone": "phone_number", "mobile": "phone_number", "city": "city", "town": "city",
    "country": "country", "state": "state", "region": "state", "street": "street_address",
    "address": "street_address", "zip": "postcode", "zipcode": "postcode", "postcode": "postcode",
    "location": "city", "place": "city", "company": "company", "organization": "company",
    "employer": "company", "job": "job", "occupation": "job", "profession": "job", "url": "url",
    "website": "url", "link": "url", "domain": "domain_name", "color": "safe_color_name",
    "colour": "safe_color_name", "currency": "currency_code", "language": "language_name",
    "ip": "ipv4", "filename": "file_name", "file": "file_name", "timezone": "timezone",
    "description": "sentence", "summary": "sentence", "text": "sentence", "content": "sentence",
    "message": "sentence", "reason": "sentence", "comment": "sentence", "answer": "sentence",
    "question": "sentence", "explanation": "sentence", "reasoning": "sentence", "title": "catch_phrase",
    "subject": "catch_phrase", "headline": "catch_phrase", "unit": "word", "category": "word",
}  # fmt: skip
"""What Faker makes for the name of a property, or for its last word."""
RANGES = {
    "age": (18, 90), "year": (1990, 2030), "month": (1, 12), "day": (1, 28), "hour": (0, 23),
    "minute": (0, 59), "count": (1, 20), "quantity": (1, 20), "rating": (1, 5), "percent": (0, 100),
    "confidence": (0, 1), "probability": (0, 1), "latitude": (-90, 90), "lat": (-90, 90),
    "longitude": (-180, 180), "lon": (-180, 180), "lng": (-180, 180), "temperature": (-10, 35),
}  # fmt: skip
"""Readable numbers for the name of a property, where the schema has no bounds."""

Schema = Any
"""A mapping, or true or false; anything else counts as true."""


def make_value(schema: Schema, random: Random, locale: str = "en_US") -> Any:
    """A value that fits the schema."""
    return Maker(schema, random, seeded(locale, random)).make(schema, "", 0)


@dataclass(slots=True)
class Maker:
    """Makes the parts of one value."""

    root: Schema
    random: Random
    faker: Faker
    made: int = 0
    steps: int = 0

    def make(self, schema: Schema, name: str, depth: int) -> Any:
        """A value for a schema; `name` is the property that holds it."""
        self.made += 1
        if depth > DEEPEST:
            return None
        schema = self.plain(schema, depth)
        fixed = list(fixed_values(schema))
        if fixed:
            return self.random.choice(fixed)
        kind = self.kind(schema, depth)
        match kind:
            case "object":
                return self.make_object(schema, depth)
            case "array":
                return self.make_array(schema, name, depth)
            case "integer" | "number":
                return self.make_number(schema, name, whole=kind == "integer")
            case "boolean":
                return self.random.random() < 0.5
            case "null":
                return None
            case _:
                return self.make_string(schema, name)

    def lean(self, depth: int) -> bool:
        """Whether only what is required is made."""
        return depth >= DEEP or self.made > BUDGET

    # Schemas

    def plain(self, schema: Schema, depth: int) -> Mapping[str, Any]:
        """A schema without references and branches: those are followed, taken and merged."""
        for _ in range(64):
            if not isinstance(schema, Mapping):
                return {}
            branches = [key for key in ("$ref", "allOf", "anyOf", "oneOf") if key in schema]
            if not branches:
                return schema
            key = branches[0]
            rest = {other: value for other, value in schema.items() if other != key}
            schema = merged(rest, self.branch(key, schema[key], depth))
        return {}

    def branch(self, key: str, value: Any, depth: int) -> Schema:
        """What a keyword of composition stands for."""
        if key == "$ref":
            return resolve(self.root, value)
        parts = [part for part in value if part is not False] if isinstance(value, list) else []
        if not parts:
            return {}
        if key == "allOf":
            every: Schema = {}
            for part in parts:
                every = merged(every, self.plain(part, depth))
            return every
        if self.lean(depth):
            return min(parts, key=lambda part: self.cost(part, ()))
        ending = [part for part in parts if math.isfinite(self.cost(part, ()))]
        return self.random.choice(ending or parts)

    def kind(self, schema: Mapping[str, Any], depth: int) -> str:
        """The type that the value will have."""
        kinds = schema.get("type")
        if isinstance(kinds, list) and kinds:
            if self.lean(depth) and "null" in kinds:
                return "null"
            return str(self.random.choice(kinds))
        if isinstance(kinds, str):
            return kinds
        return next(
            (kind for kind, clues in CLUES.items() if any(clue in schema for clue in clues)),
            "string",
        )

    def cost(self, schema: Schema, seen: tuple[str, ...]) -> float:
        """The depth that a value needs at least; infinite where every value would have no end."""
        self.steps += 1
        if not isinstance(schema, Mapping) or self.steps > STEPS:
            return 1
        if any(True for _ in fixed_values(schema)):
            return 0
        needs: list[float] = [self.own_cost(schema, seen)]
        ref = schema.get("$ref")
        if isinstance(ref, str):
            if ref in seen:
                return math.inf
            needs.append(self.cost(resolve(self.root, ref), (*seen, ref)))
        needs += [self.cost(part, seen) for part in parts_of(schema, "allOf")]
        for key in ("anyOf", "oneOf"):
            branches = [self.cost(part, seen) for part in parts_of(schema, key)]
            needs += [min(branches)] if branches else []
        return max(needs)

    def own_cost(self, schema: Mapping[str, Any], seen: tuple[str, ...]) -> float:
        """The cost of what stands in the schema itself."""
        if "null" in one_or_many(schema.get("type")):
            return 0
        properties = mapping_of(schema, "properties")
        inner = [self.cost(properties.get(name, {}), seen) for name in required(schema)]
        if whole(schema.get("minItems"), 0) > 0:
            inner += [self.cost(part, seen) for part in parts_of(schema, "prefixItems")]
            inner += [self.cost(schema["items"], seen)] if "items" in schema else []
        return 1 + max(inner, default=0)

    # Values

    def make_object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """An object with its properties in the order of the schema."""
        properties, needed = mapping_of(schema, "properties"), required(schema)
        other = schema.get("additionalProperties", {})
        most = whole(schema.get("maxProperties"), len(properties) + len(needed) + 8)
        names = [
            name
            for name, part in properties.items()
            if name in needed or (not self.lean(depth) and math.isfinite(self.cost(part, ())))
        ]
        optional = [name for name in names if name not in needed]
        left_out = optional[max(0, most - len(names) + len(optional)) :]
        names = [name for name in names if name not in left_out]
        names += [name for name in needed if name not in properties]
        made = {name: self.make(properties.get(name, other), name, depth + 1) for name in names}
        wanted = whole(schema.get("minProperties"), 0)
        if "properties" not in schema and not self.lean(depth) and not made:
            if "additionalProperties" not in schema and depth == 0:
                made["answer"] = self.make({"type": "string"}, "answer", depth + 1)
            elif isinstance(other, Mapping) and "additionalProperties" in schema:
                wanted = max(wanted, min(2, most))
        for number in range(wanted * 20):
            if len(made) >= wanted or other is False:
                break
            key = self.faker.word() if number < 10 * wanted else f"key{number}"
            if key not in made:
                made[key] = self.make(other, key, depth + 1)
        return made

    def make_array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        """An array of one to three items, or as many as there must be."""
        fixed = parts_of(schema, "prefixItems")
        items = schema.get("items", {})
        least = whole(schema.get("minItems"), 0)
        most = whole(schema.get("maxItems"), max(least, 1) + 2)
        if self.lean(depth) or math.isinf(self.cost(items, ())):
            count = least
        elif fixed:
            count = max(least, len(fixed))
        else:
            count = self.random.randint(max(least, 1), max(least, 1) + 2)
        count = min(count, most, COUNT)
        if items is False:
            count = min(count, len(fixed))
        inner = name.removesuffix("s")
        made: list[Any] = []
        unique = schema.get("uniqueItems") is True
        seen: set[str] = set()
        for _ in range(count * (20 if unique else 1)):
            if len(made) >= count:
                break
            part = fixed[len(made)] if len(made) < len(fixed) else items
            value = self.make(part, inner, depth + 1)
            text = json.dumps(value, sort_keys=True)
            if not unique or text not in seen:
                made.append(value)
                seen.add(text)
        return made

    def make_number(self, schema: Mapping[str, Any], name: str, *, whole: bool) -> float:
        """A number within its bounds."""
        low, high = self.bounds(schema, name)
        given = step_of(schema)
        step = given
        if whole:
            step = 1 if given is None else Fraction(str(given)).numerator
        for _ in range(TRIES):
            if step is None:
                value = round(self.random.uniform(low, high), 2)
            else:
                first, last = math.ceil(low / step), math.floor(high / step)
                value = round(self.random.randint(first, max(first, last)) * step, 10)
            if inside(value, schema) and (given is None or is_multiple(value, given)):
                return int(value) if whole else value
        middle = (low + high) / 2
        return int(middle) if whole else middle

    def bounds(self, schema: Mapping[str, Any], name: str) -> tuple[float, float]:
        """The least and the greatest number, not too far apart."""
        lows = [
            schema[key] for key in ("minimum", "exclusiveMinimum") if is_number(schema.get(key))
        ]
        highs = [
            schema[key] for key in ("maximum", "exclusiveMaximum") if is_number(schema.get(key))
        ]
        if not lows and not highs:
            words = words_of(name)
            return next((RANGES[word] for word in reversed(words) if word in RANGES), (1, 100))
        if not highs:
            return max(lows), max(lows) + SPAN
        if not lows:
            return min(highs) - SPAN, min(highs)
        low, high = max(lows), min(highs)
        if high - low > 10 * SPAN and low <= 0 <= high - SPAN:
            return 0, SPAN
        return low, high

    def make_string(self, schema: Mapping[str, Any], name: str) -> str:
        """A text: by its pattern, its format, or the name of its property."""
        least, most = whole(schema.get("minLength"), 0), whole(schema.get("maxLength"), 0)
        limit = most if "maxLength" in schema else None
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            text = matching(pattern, self.random, least, limit)
            if text is not None:
                return text
        form = FORMATS.get(str(schema.get("format")))
        text = form(self.faker, self.random) if form else self.readable(name)
        if len(text) < least:
            filler = " ".join(self.faker.words(max(1, (least - len(text)) // 3)))
            text = f"{text} {filler} {'x' * least}"[:least]
        return text if limit is None else text[:limit]

    def readable(self, name: str) -> str:
        """A text that a property of this name may have."""
        words = words_of(name)
        if words[-1:] == ["id"] or words[-1:] == ["uuid"]:
            return f"{words[0] if len(words) > 1 else 'id'}_{self.random.getrandbits(32):08x}"
        for key in ("".join(words), *reversed(words)):
            if key in HINTS:
                return str(self.faker.format(HINTS[key]))
        if words and words[-1] in DATES:
            return FORMATS[DATES[words[-1]]](self.faker, self.random)
        return " ".join(self.faker.words(2))


def uuid(faker: Faker, random: Random) -> str:
    """A UUID of version 4."""
    text = f"{random.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def date(faker: Faker, random: Random) -> str:
    """A day that does not depend on today."""
    return f"{random.randint(2000, 2030)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"


def clock(faker: Faker, random: Random) -> str:
    """A time of day in UTC."""
    return f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}Z"


Form = Callable[["Faker", Random], str]
FORMATS: dict[str, Form] = {
    "date": date,
    "time": clock,
    "date-time": lambda faker, random: f"{date(faker, random)}T{clock(faker, random)}",
    "duration": lambda faker, random: f"PT{random.randint(1, 48)}H",
    "email": lambda faker, random: faker.ascii_safe_email(),
    "idn-email": lambda faker, random: faker.ascii_safe_email(),
    "hostname": lambda faker, random: f"{faker.domain_word()}.example",
    "idn-hostname": lambda faker, random: f"{faker.domain_word()}.example",
    "ipv4": lambda faker, random: faker.ipv4(),
    "ipv6": lambda faker, random: faker.ipv6(),
    "uri": lambda faker, random: f"https://{faker.domain_word()}.example/{faker.word()}",
    "iri": lambda faker, random: f"https://{faker.domain_word()}.example/{faker.word()}",
    "url": lambda faker, random: f"https://{faker.domain_word()}.example/{faker.word()}",
    "uri-reference": lambda faker, random: f"/{faker.word()}",
    "iri-reference": lambda faker, random: f"/{faker.word()}",
    "uri-template": lambda faker, random: f"/{faker.word()}/{{id}}",
    "uuid": uuid,
    "json-pointer": lambda faker, random: f"/{faker.word()}/0",
    "relative-json-pointer": lambda faker, random: "0#",
    "regex": lambda faker, random: "^[a-z]+$",
    "byte": lambda faker, random: b64encode(faker.word().encode()).decode(),
}
DATES = {
    "date": "date", "day": "date", "birthday": "date", "birthdate": "date", "deadline": "date",
    "time": "time", "timestamp": "date-time", "datetime": "date-time", "created": "date-time",
    "updated": "date-time", "at": "date-time", "since": "date-time", "until": "date-time",
}  # fmt: skip


def words_of(name: str) -> list[str]:
    """The words of a property's name, in lower case: `firstName`, `first_name`, `first-name`."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", name)]


def fixed_values(schema: Mapping[str, Any]) -> Iterator[Any]:
    """The values that the schema itself names: the first kind of them that there is."""
    if "const" in schema:
        yield schema["const"]
        return
    for key in ("enum", "examples"):
        values = schema.get(key)
        if isinstance(values, list):
            fitting = [value for value in values if fits(value, schema)]
            if fitting:
                yield from fitting
                return
    if "default" in schema and fits(schema["default"], schema):
        yield schema["default"]


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether a value is of the schema's own type and within its bounds."""
    kinds = schema.get("type")
    if isinstance(value, dict | list) and "enum" not in schema:
        return False  # its inside is not looked at
    if kinds is not None and not any(is_a(value, kind) for kind in one_or_many(kinds)):
        return False
    if isinstance(value, str):
        length = whole(schema.get("maxLength"), len(value))
        return whole(schema.get("minLength"), 0) <= len(value) <= length
    return not is_number(value) or inside(value, schema)


def is_a(value: Any, kind: Any) -> bool:
    """Whether a value is of a type of JSON Schema."""
    if isinstance(value, bool):
        return bool(kind == "boolean")
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(kind, str) and kind in TYPES and isinstance(value, TYPES[kind])


def inside(value: float, schema: Mapping[str, Any]) -> bool:
    """Whether a number is within the schema's bounds."""
    return all(
        holds(value, schema[key])
        for key, holds in BOUNDS.items()
        if key in schema and is_number(schema[key])
    )


BOUNDS: dict[str, Callable[[float, float], bool]] = {
    "minimum": operator.ge,
    "maximum": operator.le,
    "exclusiveMinimum": operator.gt,
    "exclusiveMaximum": operator.lt,
}


def step_of(schema: Mapping[str, Any]) -> float | None:
    """What a number must be a multiple of."""
    step = schema.get("multipleOf")
    return float(step) if is_number(step) and step > 0 else None


def is_multiple(value: float, step: float) -> bool:
    """Whether validators, which divide, take a number for a multiple of another."""
    return float(value / step).is_integer()


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is a number, and a finite one."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def whole(value: Any, default: int) -> int:
    """A count, or the default where there is none."""
    return int(value) if is_number(value) and value >= 0 else default


def required(schema: Mapping[str, Any]) -> list[str]:
    """The names of the properties that must be there."""
    names = schema.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def mapping_of(schema: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A mapping in a schema; empty where there is none."""
    found = schema.get(key)
    return found if isinstance(found, Mapping) else {}


def parts_of(schema: Mapping[str, Any], key: str) -> list[Schema]:
    """A list of schemas in a schema; empty where there is none."""
    found = schema.get(key)
    return found if isinstance(found, list) else []


def resolve(root: Schema, ref: Any) -> Schema:
    """What a local reference means; anything where it means nothing here."""
    if not isinstance(ref, str) or not ref.startswith("#"):
        return {}
    here = root
    for step in unquote(ref[1:]).split("/")[1:]:
        step = step.replace("~1", "/").replace("~0", "~")
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, list) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            return {}
    return here


def merged(one: Schema, two: Schema) -> Schema:
    """A schema that asks for what both ask for; of what cannot be joined the first counts."""
    if not isinstance(one, Mapping) or not isinstance(two, Mapping):
        return one if isinstance(one, Mapping) else two
    out: dict[str, Any] = {**two, **one}
    for key in one.keys() & two.keys():
        mine, theirs = one[key], two[key]
        match key:
            case "properties" if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
                shared = {n: merged(mine[n], theirs[n]) for n in mine.keys() & theirs.keys()}
                out[key] = {**theirs, **mine, **shared}
            case "required" if isinstance(mine, list) and isinstance(theirs, list):
                out[key] = [*mine, *(name for name in theirs if name not in mine)]
            case "enum" if isinstance(mine, list) and isinstance(theirs, list):
                out[key] = [value for value in mine if value in theirs] or mine
            case "type":
                out[key] = joined(one_or_many(mine), one_or_many(theirs))
            case "allOf" if isinstance(mine, list) and isinstance(theirs, list):
                out[key] = [*mine, *theirs]
            case "$ref" | "anyOf" | "oneOf":
                out["allOf"] = [*parts_of(out, "allOf"), {key: theirs}]
            case _ if key in TIGHTER and is_number(mine) and is_number(theirs):
                out[key] = TIGHTER[key](mine, theirs)
            case "additionalProperties" if theirs is False:
                out[key] = False
    return out


TIGHTER: dict[str, Callable[[float, float], float]] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"), max),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"), min),
}


def joined(mine: list[Any], theirs: list[Any]) -> list[Any]:
    """The types that both allow; an integer is a number."""
    both = [kind for kind in mine if kind in theirs]
    if "integer" in (*mine, *theirs) and "number" in (*mine, *theirs) and not both:
        both = ["integer"]
    return both or mine
