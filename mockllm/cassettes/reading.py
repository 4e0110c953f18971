"""A cassette read from its text: every mistake with its place, and nothing that is half-written.

A cassette is edited by hand, so each mistake tells where it stands, what was expected and what to
do. Only what ends with a line `...` is read: an exchange that a crash has cut has no such line.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from mockllm.cassettes.cassette import (
    ENDINGS,
    VERSION,
    Cassette,
    CassetteError,
    Exchange,
    Piece,
    Recording,
    Request,
    merged,
)
from mockllm.cassettes.redacting import steps_of
from mockllm.cassettes.response import LAST, ResponseReader, chunk
from mockllm.cassettes.text import KEY, head_bytes
from mockllm.faults.values import expected, hint_for

try:
    from yaml import CSafeLoader as Loader
except ImportError:  # a PyYAML without libyaml
    from yaml import SafeLoader as Loader  # type: ignore[assignment]

DOCUMENT = re.compile(r"^\.\.\.[ \t]*$\n?", re.MULTILINE)
NOTHING = re.compile(r"(?:[ \t]*(?:#.*)?(?:\n|$))*")
"""Blank lines and comments."""
MAX_DEPTH = 8
MAX_PROBLEMS = 20
HEADER = (KEY, "upstream", "wire", "redacted")
REQUEST = ("time", "line", "headers", "headers64", "body", "body64")
PARTS = ("head", "data", "data64", "raw", "raw64", "end")


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file, and where it stands."""

    value: Any
    """A text, a list of nodes, or nodes by key."""
    line: int
    column: int


class Problems:
    """What is wrong with a file."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[str] = []

    def note(self, node: Node, what: str, got: object, hint: str = "") -> None:
        """What was expected at a place, what is there, and what to do."""
        message = expected(what, got, hint).context
        self.say(node.line, node.column, message["message"] if message else what)

    def say(self, line: int, column: int, text: str) -> None:
        """A problem at a place."""
        if len(self.found) < MAX_PROBLEMS:
            self.found.append(f"{self.file}:{line}:{column}: {text}")

    def raise_any(self) -> None:
        """Raise `CassetteError` if there are any."""
        if self.found:
            raise CassetteError(self.found)


def read(text: str, file: str) -> Cassette:
    """Read a cassette; raises `CassetteError` with what is wrong.

    An exchange at the end that was not written whole is left out, with a warning.
    """
    problems = Problems(file)
    documents, rest, line = divided(text)
    if not documents:
        what = f"expected a cassette that begins with `{KEY}: {VERSION}` and a line `...`"
        problems.say(1, 1, f"{what}, got a file without a line `...`")
    problems.raise_any()
    header = tree(documents[0][0], documents[0][1], problems)
    found = header_of(header, problems)
    problems.raise_any()
    exchanges = []
    for document, start in documents[1:]:
        node = tree(document, start, problems)
        made = exchange_of(node, problems) if node is not None else None
        if made is not None:
            exchanges.append(made)
    problems.raise_any()
    torn = not NOTHING.fullmatch(rest)
    warning = (
        f"{file}:{line}: the last exchange does not end with a line `...`, so it was not written "
        "whole and is left out; if it is whole, add that line"
    )
    return Cassette(
        tuple(exchanges),
        **found,
        file=file,
        warnings=(warning,) if torn else (),
        torn=len(text) - len(rest) if torn else None,
    )


def divided(text: str) -> tuple[list[tuple[str, int]], str, int]:
    """The documents that have an end, each with its first line; the rest, and its first line."""
    documents = []
    start, line = 0, 1
    for end in DOCUMENT.finditer(text):
        document = text[start : end.start()]
        documents.append((document, line))
        line += document.count("\n") + 1
        start = end.end()
    rest = text[start:]
    blank = re.match(r"\s*", rest)
    return documents, rest, line + (blank[0].count("\n") if blank else 0)


def tree(text: str, line: int, problems: Problems) -> Node | None:
    """A document as nodes; None where it is no YAML, or nothing."""
    offset = line - 1
    stack: list[tuple[Node, list[Node]]] = []
    try:
        for event in yaml.parse(text, Loader):
            place = place_of(event.start_mark, offset)
            match event:
                case yaml.AliasEvent():
                    problems.say(*place, "expected a value, got an alias; quote a text with *")
                    return None
                case yaml.ScalarEvent(value=value):
                    done: Node | None = Node(value, *place)
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    if len(stack) == MAX_DEPTH:
                        problems.say(*place, f"expected at most {MAX_DEPTH} levels")
                        return None
                    mapping = isinstance(event, yaml.MappingStartEvent)
                    stack.append((Node({} if mapping else [], *place), []))
                    continue
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    node, items = stack.pop()
                    fill(node, items, problems)
                    done = node
                case _:
                    continue
            if not stack:
                return done
            if done is not None:
                stack[-1][1].append(done)
    except yaml.MarkedYAMLError as error:
        place = place_of(error.problem_mark or error.context_mark, offset)
        problems.say(*place, f"expected YAML: {error.problem}")
    except yaml.YAMLError as error:
        problems.say(line, 1, f"expected YAML of printable UTF-8: {error}")
    return None


def place_of(mark: Any, offset: int) -> tuple[int, int]:
    """The line and column of a mark of PyYAML or libyaml, in the whole file, from 1."""
    return mark.line + 1 + offset, mark.column + 1


def fill(node: Node, items: list[Node], problems: Problems) -> None:
    """Put what was read into a mapping or a list."""
    if isinstance(node.value, list):
        node.value.extend(items)
        return
    for key, value in zip(items[::2], items[1::2], strict=True):
        if not isinstance(key.value, str):
            problems.note(key, "a word as key", key.value)
        elif key.value in node.value:
            problems.say(key.line, key.column, f"duplicate key '{key.value}'")
        else:
            node.value[key.value] = value


def header_of(node: Node | None, problems: Problems) -> dict[str, Any]:
    """What the first document says."""
    if node is None or not isinstance(node.value, dict) or KEY not in node.value:
        place = node or Node(None, 1, 1)
        problems.note(place, f"a cassette that begins with `{KEY}: {VERSION}`", plain(node))
        return {}
    version = node.value[KEY]
    if str(version.value).isdecimal() and int(version.value) > VERSION:
        what = f"a cassette of version {VERSION}"
        hint = "it was made by a newer mockllm: pip install -U mockllm-server"
        problems.note(version, what, f"version {version.value}", hint)
        return {}
    if version.value != str(VERSION):
        problems.note(version, f"version {VERSION}", plain(version))
        return {}
    known(node, HEADER, problems)
    return {
        "upstream": text_at(node, "upstream", problems) or "",
        "wire": text_at(node, "wire", problems) or "",
        "redacted": paths_at(node, "redacted", problems),
    }


def known(node: Node, keys: tuple[str, ...], problems: Problems) -> None:
    """Refuse keys that nothing reads."""
    for key, value in node.value.items():
        if key not in keys:
            hint = hint_for([key], keys) or f"known keys: {', '.join(keys)}"
            problems.say(value.line, value.column, f"unknown key '{key}'; {hint}")


def text_at(node: Node, key: str, problems: Problems) -> str | None:
    """The text under a key; None where there is none."""
    found = node.value.get(key)
    if found is None:
        return None
    if isinstance(found.value, str):
        return found.value
    problems.note(found, "a text", plain(found))
    return None


def paths_at(node: Node, key: str, problems: Problems) -> tuple[str, ...]:
    """The paths in a list under a key."""
    found = node.value.get(key)
    if found is None:
        return ()
    items = found.value if isinstance(found.value, list) else [found]
    for item in items:
        if not isinstance(item.value, str):
            problems.note(item, "a text", plain(item))
        else:
            try:
                steps_of(item.value)
            except ValueError as error:
                problems.say(item.line, item.column, str(error))
    return tuple(item.value for item in items if isinstance(item.value, str))


def bytes_at(node: Node, key: str, problems: Problems) -> bytes | None:
    """The bytes under a key, as text or in base64 under the key with 64; None for none."""
    text = text_at(node, key, problems)
    packed = text_at(node, f"{key}64", problems)
    if packed is None:
        return None if text is None else text.encode("utf-8", "surrogatepass")
    found = node.value[f"{key}64"]
    if text is not None:
        problems.note(found, f"either {key} or {key}64", plain(node))
    try:
        return b64decode("".join(packed.split()), validate=True)
    except binascii.Error as error:
        problems.note(found, "base64", packed[:20], str(error))
        return None


def plain(node: Node | None) -> Any:
    """A node as a message shows it."""
    return node.value if node is not None else None


def exchange_of(node: Node, problems: Problems) -> Exchange | None:
    """One exchange; None where its request or response cannot be read."""
    if not isinstance(node.value, dict):
        problems.note(node, "an exchange: a mapping with request and response", node.value)
        return None
    known(node, ("request", "response"), problems)
    request, response = node.value.get("request"), node.value.get("response")
    if request is None or response is None:
        missing = "request" if request is None else "response"
        problems.note(node, f"an exchange with the key '{missing}'", node.value)
        return None
    asked = request_of(request, problems)
    answered = recording_of(response, asked.method if asked else "POST", problems)
    if asked is None or answered is None:
        return None
    return Exchange(asked, answered, node.line)


def request_of(node: Node, problems: Problems) -> Request | None:
    """The request of an exchange."""
    if not isinstance(node.value, dict):
        problems.note(node, "a mapping with line, headers, body", node.value)
        return None
    known(node, REQUEST, problems)
    line = text_at(node, "line", problems)
    method, _, target = (line or "").partition(" ")
    if not method or not target.startswith("/"):
        place = node.value.get("line", node)
        problems.note(place, "a line such as POST /v1/chat/completions", line)
        return None
    headers = (bytes_at(node, "headers", problems) or b"").decode("utf-8", "surrogateescape")
    pairs = [(name, colon, value) for name, colon, value in split_headers(headers)]
    for name, colon, _ in pairs:
        if not colon:
            problems.note(node.value["headers"], "lines such as `name: value`", name)
    return Request(
        method,
        target,
        tuple((name, value) for name, _, value in pairs),
        bytes_at(node, "body", problems) or b"",
        text_at(node, "time", problems) or "",
    )


def split_headers(text: str) -> Iterator[tuple[str, str, str]]:
    """Name, colon and value of each line."""
    for line in text.split("\n"):
        if line.strip():
            name, colon, value = line.partition(":")
            yield name, colon, value.strip(" \t")


def recording_of(node: Node, method: str, problems: Problems) -> Recording | None:
    """The response of an exchange; None where it cannot be read."""
    if not isinstance(node.value, list) or not node.value:
        problems.note(node, "a list of what came, each with its time", plain(node))
        return None
    pieces: list[Piece] = []
    reader = ResponseReader(method)
    before = 0
    for item in node.value[:-1]:
        before = time_of(item, before, problems) or before
        data = part_bytes(item, reader, problems)
        if data is not None:
            reader.feed(data)
            pieces.append(Piece(before, data))
    last = node.value[-1]
    ended = time_of(last, before, problems)
    if ended is None:
        return None
    end = text_at(last, "end", problems)
    known(last, ("at", "end"), problems)
    ending = next((one for one in ENDINGS if one == end), None)
    if ending is None:
        hint = hint_for([end], ENDINGS)
        place = last.value.get("end", last)
        what = f"how it ended, as the last of the response: end: {', '.join(ENDINGS)}"
        problems.note(place, what, end, hint)
        return None
    if ending == "complete" and not reader.complete and reader.framing != "close":
        hint = (
            "a chunked body ends with an empty data"
            if reader.framing == "chunked"
            else "change content-length, or say `end: fin`"
        )
        text = f"expected a response that is whole, as its head says; {hint}"
        problems.say(last.line, last.column, text)
    return Recording(merged(pieces), ending, ended, method)


def time_of(node: Node, before: int, problems: Problems) -> int | None:
    """The time of a part; None where it has none that can be."""
    if not isinstance(node.value, dict):
        problems.note(node, "a mapping with at and what came", plain(node))
        return None
    at = node.value.get("at")
    text = plain(at)
    if not isinstance(text, str) or not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        what = "`at`: whole microseconds since the request, such as at: 250000"
        problems.note(at or node, what, text)
        return None
    if int(text) < before:
        problems.note(at or node, f"a time that is not before {before}", text, "times only grow")
        return None
    return int(text)


def part_bytes(node: Node, reader: ResponseReader, problems: Problems) -> bytes | None:
    """The bytes of a part as they stood on the wire; None where they cannot be told."""
    if not isinstance(node.value, dict):
        return None
    known(node, ("at", *PARTS), problems)
    given = [key.removesuffix("64") for key in node.value if key in PARTS]
    if len(set(given)) != 1 or given[0] == "end":
        hint = "`end` stands last, once" if "end" in given else ""
        problems.note(node, "one of head, data, raw", plain(node), hint)
        return None
    data = bytes_at(node, given[0], problems)
    if data is None:
        return None
    match given[0]:
        case "head":
            if not data.startswith(b"HTTP/"):
                what = "a head that begins as HTTP/1.1 200 OK does"
                first = data.split(b"\n")[0].decode("utf-8", "replace")
                problems.note(node.value["head"], what, first)
                return None
            return head_bytes(data.decode("utf-8", "surrogatepass"))
        case "data" if reader.head is None:
            text = "expected a head before the data; without one, write raw"
            problems.say(node.line, node.column, text)
            return None
        case "data" if reader.framing == "chunked":
            return chunk(data) if data else LAST
        case _:
            return data
