"""YAML read as nodes, so that every value keeps its line.

PyYAML's constructors would lose duplicate keys and turn `on`, `no`, `1:30` and `010` into something
else; walking the nodes keeps them as text. Plain `true`, `false`, `null`, whole numbers without
leading zeros and decimal numbers are what they look like; everything else is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from mockllm.profile.problems import Problem, ProfileError

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 100_000
WHOLE = re.compile(r"-?(0|[1-9]\d*)")
DECIMAL = re.compile(r"-?(0|[1-9]\d*)\.\d+([eE][-+]?\d+)?")
WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}

Key = str | int


class Decimal(float):
    """A number that remembers how it was spelled, for places where it is a text (`1.50`)."""

    text: str


@dataclass(slots=True)
class Document:
    """A file as plain values, and where each of them stands."""

    file: str
    root: yaml.Node
    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def place(self, loc: tuple[Key, ...], *, key: bool = False) -> tuple[int, int, str]:
        """Line, column and readable path of a location; unknown parts of it are passed over.

        With `key` the place of the last key itself, not of its value.
        """
        node, path, mark = self.root, "", self.root.start_mark
        for index, item in enumerate(loc):
            last = key and index == len(loc) - 1
            if isinstance(node, yaml.MappingNode):
                pair = next(
                    ((k, v) for k, v in node.value if getattr(k, "value", None) == str(item)), None
                )
                if pair is None:
                    continue
                node, mark = pair[1], (pair[0] if last else pair[1]).start_mark
                path += f".{item}" if path else str(item)
            elif isinstance(node, yaml.SequenceNode) and isinstance(item, int):
                node = node.value[item]
                mark = node.start_mark
                path += f"[{item}]"
        return mark.line + 1, mark.column + 1, path

    def note(self, node: yaml.Node, path: str, message: str) -> None:
        """Remember a problem at a node."""
        mark = node.start_mark
        self.problems.append(Problem(mark.line + 1, mark.column + 1, path, message))


def read(text: str, file: str) -> Document:
    """Read YAML; raises `ProfileError` where it is no YAML at all.

    Duplicate keys and exceeded limits stand in the document's `problems`.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ProfileError(file, [Problem(1, 1, "", f"expected at most {MAX_BYTES} bytes")])
    try:
        root = yaml.compose(text, Loader)
    except yaml.YAMLError as error:
        raise ProfileError(file, [scanner_problem(text, error)]) from None
    if root is None:
        raise ProfileError(file, [Problem(1, 1, "", "expected a profile, got an empty file")])
    document = Document(file, root)
    document.data = plain(document, root, "", 0)
    if not isinstance(root, yaml.MappingNode):
        document.note(root, "", "expected a mapping that begins with `mockllm: 1`")
        raise ProfileError(file, document.problems)
    return document


def plain(document: Document, node: yaml.Node, path: str, depth: int) -> Any:
    """The value of a node. Aliases count as often as they are used."""
    document.count += 1
    if document.count > MAX_NODES or depth > MAX_DEPTH:
        limit = f"{MAX_NODES} values" if depth <= MAX_DEPTH else f"{MAX_DEPTH} levels"
        document.note(node, path, f"expected at most {limit} (aliases count each time)")
        raise ProfileError(document.file, document.problems)
    match node:
        case yaml.MappingNode():
            return dict(pairs(document, node, path, depth))
        case yaml.SequenceNode(value=items):
            return [
                plain(document, item, f"{path}[{index}]", depth + 1)
                for index, item in enumerate(items)
            ]
        case yaml.ScalarNode(value=value):
            return value if node.style in ("'", '"', "|", ">") else scalar(value)
        case _:
            raise TypeError(f"unknown kind of node: {type(node).__name__}")


def pairs(
    document: Document, node: yaml.MappingNode, path: str, depth: int
) -> Iterator[tuple[str, Any]]:
    """Keys and values of a mapping; a key that comes twice is a problem."""
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            document.note(
                key_node, path, "expected a text as key; if {…} is meant as text, quote it"
            )
            continue
        key = key_node.value
        here = f"{path}.{key}" if path else key
        if key in seen:
            document.note(key_node, here, f"duplicate key '{key}', first at line {seen[key]}")
            continue
        seen[key] = key_node.start_mark.line + 1
        yield key, plain(document, value_node, here, depth + 1)


def scalar(text: str) -> Any:
    """A plain scalar as what it looks like."""
    if text in WORDS:
        return WORDS[text]
    if WHOLE.fullmatch(text) and len(text) < 20:
        return int(text)
    if DECIMAL.fullmatch(text):
        number = Decimal(text)
        number.text = text
        return number
    return text


SPECIAL = {
    "*": "an alias",
    "&": "an anchor",
    "!": "a tag",
    "%": "a directive",
    "@": "a reserved sign",
    "`": "a reserved sign",
    ">": "a folded text",
    "|": "a literal text",
    "{": "a mapping",
    "[": "a list",
}


def scanner_problem(text: str, error: yaml.YAMLError) -> Problem:
    """What PyYAML's scanner or parser could not read, in words that say what to do."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return Problem(1, 1, "", f"expected YAML: {error}")
    said = getattr(error, "problem", None) or "it cannot be read"
    message = f"expected YAML: {said}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    token = (line[mark.column :].split() or [""])[0].rstrip(",]}")
    if token and token[0] in SPECIAL:
        message = (
            f"a value that begins with '{token[0]}' is read as {SPECIAL[token[0]]}; "
            f'if it is meant as text, quote it: "{token}" ({said})'
        )
    elif "\t" in line[: len(line) - len(line.lstrip())]:
        message = "a tab cannot indent YAML; use spaces"
    return Problem(mark.line + 1, mark.column + 1, "", message)
