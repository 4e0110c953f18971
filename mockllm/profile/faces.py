"""The typed face of the language in Python, as source text: `mockllm/face.py`.

Editors complete and type checkers know what stands in a file, so the methods are written out: made
from the models, and a test holds the file against them. `python -m mockllm.profile.faces` prints it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from mockllm.faults.fault import ErrorSpec
from mockllm.faults.named import NAMED, SHORTHANDS, Shorthand
from mockllm.faults.often import Often
from mockllm.faults.reply import ReplyBody
from mockllm.profile.models import Match
from mockllm.scripts.script import Beside

HEAD = '''"""The short way to say what a server answers and what goes wrong, for editors and type checkers.

Made from the language's models by `python -m mockllm.profile.faces`; do not edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from mockllm.saying import Saying
'''

BODIES: dict[str, type[BaseModel]] = {"fail": ReplyBody, "error": ErrorSpec}
"""What the mapping of a named fault holds."""
FIRST = {"fail": "status: int", "hang": 'time: str = "forever"', "stall": 'time: str = "forever"'}
"""The argument that has no name."""

WITH = {
    "at": ("str", "Where it acts, such as `after content 5`."),
    "after_content": ("int", "Short for `at: after content N` (`content N+1` for garble)."),
    "may_not_fire": ("bool", "Whether it is in order if it never acts."),
}
"""What any fault may be given beside how often it acts."""


def type_of(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> str:
    """The Python type of what a JSON Schema allows."""
    if "$ref" in schema:
        return type_of(defs[schema["$ref"].rpartition("/")[2]], defs)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return joined(type_of(one, defs) for one in schema[union])
    if "enum" in schema:
        return f"Literal[{', '.join(quoted(one) for one in schema['enum'])}]"
    if "const" in schema:
        return f"Literal[{quoted(schema['const'])}]"
    match schema.get("type"):
        case list() as several:
            return joined(type_of({**schema, "type": one}, defs) for one in several)
        case "array":
            return f"Sequence[{type_of(element(schema), defs)}]"
        case "object":
            return "Mapping[str, Any]"
        case str() as one:
            plain = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
            return plain.get(one, "None")
        case _:
            return "Any"


def element(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a list holds."""
    items: Mapping[str, Any] = schema.get("items") or (schema.get("prefixItems") or [{}])[0]
    return items


def joined(types: Iterator[str]) -> str:
    """A union, each type once, None last."""
    known = list(dict.fromkeys(one for several in types for one in split(several)))
    ordered = sorted(known, key=lambda one: one == "None")
    return "Any" if "Any" in ordered else " | ".join(ordered)


def split(union: str) -> list[str]:
    """The members of a union that is not inside brackets."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(union):
        depth += (char == "[") - (char == "]")
        if char == "|" and depth == 0:
            parts.append(union[start:place].strip())
            start = place + 1
    return [*parts, union[start:].strip()]


def quoted(value: object) -> str:
    """A literal in double quotes."""
    return f'"{value}"' if isinstance(value, str) else repr(value)


def keys_of(model: type[BaseModel], skip: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """Name, type and meaning of each field, as a caller gives it."""
    schema = model.model_json_schema()
    for name, field in schema["properties"].items():
        if name not in skip:
            kind = type_of(field, schema.get("$defs", {}))
            nullable = field.get("default", 0) is None and name not in ("code", "param")
            yield name, kind.removesuffix(" | None") if nullable else kind, field["description"]


def table(name: str, base: str, about: str, keys: Iterator[tuple[str, str, str]]) -> str:
    """One TypedDict."""
    lines = [f"class {name}({base}, total=False):", f'    """{about}"""', ""]
    for key, kind, meaning in keys:
        lines += [f"    {key}: {kind}", *doc(meaning)]
    return "\n".join(lines)


def doc(meaning: str, indent: str = "    ") -> list[str]:
    """A docstring, folded."""
    words, lines = f'"""{meaning}"""'.split(), [indent.rstrip("\n")]
    lines = [""]
    for word in words:
        if len(indent) + len(lines[-1]) + 1 + len(word) > 99:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return [indent + line for line in lines]


def method(shorthand: Shorthand) -> list[str]:
    """The method of one named fault."""
    name = shorthand.name
    first = FIRST.get(name)
    argument = f" {first}, /," if first else ""
    value = first.partition(":")[0] if first else "None"
    keys = f"{name.capitalize()}Keys" if name in BODIES else "FaultKeys"
    return [
        f"    def {name}(self,{argument} **keys: Unpack[{keys}]) -> Self:",
        *doc(shorthand.about, " " * 8),
        f'        return self._fault("{name}", {value}, keys)',
    ]


def source() -> str:
    """The whole file."""
    beside = ((name, *rest) for name, rest in WITH.items())
    often = keys_of(Often)
    parts = [
        HEAD,
        table(
            "FaultKeys", "TypedDict", "Where and how often a fault acts.", iter([*beside, *often])
        ),
    ]
    for name, model in BODIES.items():
        skip = ("status",) if name in FIRST else ()
        about = f"What `{name}` says, where it acts, and how often."
        parts.append(table(f"{name.capitalize()}Keys", "FaultKeys", about, keys_of(model, skip)))
    parts.append(table("MatchKeys", "TypedDict", "For whom; all must hold.", keys_of(Match)))
    parts.append(
        table("ScriptKeys", "TypedDict", "What may be different in an answer.", keys_of(Beside))
    )
    face = [
        "class Face(Saying):",
        '    """The named faults, and what a server says, as methods."""',
    ]
    for shorthand in SHORTHANDS:
        assert shorthand.name in NAMED
        face += ["", *method(shorthand)]
    return "\n\n\n".join([part.strip("\n") for part in [*parts, "\n".join(face)]]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(source())
