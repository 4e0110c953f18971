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
from yaml.reader import Reader

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
        return *place_of(mark), path

    def problem(self, loc: tuple[Key, ...], message: str, *, key: bool = False) -> Problem:
        """A problem at a location."""
        return Problem(*self.place(loc, key=key), message)

    def note(self, node: yaml.Node, path: str, message: str) -> None:
        """Remember a problem at a node."""
        self.problems.append(Problem(*place_of(node.start_mark), path, message))


def read(text: str, file: str) -> Document:
    """Read YAML; raises `ProfileError` where it is no YAML at all.

    Duplicate keys and exceeded limits stand in the document's `problems`.
    """
    if len(text.encode("utf-8", "replace")) > MAX_BYTES:
        raise ProfileError(file, [Problem(1, 1, "", f"expected at most {MAX_BYTES} bytes")])
    strange = Reader.NON_PRINTABLE.search(text)
    if strange:
        found = f"expected UTF-8 text, got the character U+{ord(strange[0]):04X}"
        raise ProfileError(file, [Problem(*position(text, strange.start()), "", found)])
    try:
        check_depth(text, file)
        root = yaml.compose(text, Loader)
    except yaml.MarkedYAMLError as error:
        raise ProfileError(file, [scanner_problem(text, error)]) from None
    if root is None:
        raise ProfileError(file, [Problem(1, 1, "", "expected a profile, got an empty file")])
    document = Document(file, root)
    document.data = plain(document, root, "", 0)
    if not isinstance(root, yaml.MappingNode):
        document.note(root, "", "expected a mapping that begins with `mockllm: 1`")
        raise ProfileError(file, document.problems)
    return document


def position(text: str, offset: int) -> tuple[int, int]:
    """The line and column of a character, from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - before.rfind("\n")


def place_of(mark: Any) -> tuple[int, int]:
    """The line and column of a mark of PyYAML or libyaml, from 1."""
    return mark.line + 1, mark.column + 1


def check_depth(text: str, file: str) -> None:
    """Refuse nesting that would overflow the stack of libyaml's composer, which recurses in C."""
    depth = 0
    message = f"expected at most {MAX_DEPTH} levels"
    try:
        for event in yaml.parse(text, Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ProfileError(file, [Problem(*place_of(event.start_mark), "", message)])
    except yaml.MarkedYAMLError as error:
        # libyaml looks ahead in `[[[…`, and has a limit of its own since 0.2.6.
        if error.problem is None or "nesting depth" not in error.problem:
            raise
        raise ProfileError(file, [Problem(*place_of(error.problem_mark), "", message)]) from None


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


CLOSING = {"[": "]", "{": "}"}


def scanner_problem(text: str, error: yaml.MarkedYAMLError) -> Problem:
    """What PyYAML's scanner or parser could not read, in words that say what to do."""
    lines = [*text.splitlines(), ""]
    for mark in filter(None, (error.problem_mark, error.context_mark)):
        token = (lines[mark.line][mark.column :].split() or [""])[0].rstrip(",]}")
        if token[:1] in CLOSING and "did not find expected" in str(error.problem):
            message = (
                f"{SPECIAL[token[0]]} begins here and '{CLOSING[token[0]]}' is missing, or a text "
                f"in it has to be quoted ({error.problem})"
            )
            return Problem(*place_of(mark), "", message)
        if token[:1] in SPECIAL:
            message = (
                f"a value that begins with '{token[0]}' is read as {SPECIAL[token[0]]}; "
                f'if it is meant as text, quote it: "{token}" ({error.problem})'
            )
            return Problem(*place_of(mark), "", message)
    line, column = place_of(error.problem_mark)
    here = lines[line - 1]
    tabbed = "\t" in here[: len(here) - len(here.lstrip())]
    message = (
        "a tab cannot indent YAML; use spaces" if tabbed else f"expected YAML: {error.problem}"
    )
    return Problem(line, column, "", message)
