"""What orjson 3.13 says of a document that is not JSON (observed with kserve 0.21.0).

Python's own parser finds the place; this says it in orjson's words. Two things that orjson refuses
pass here, as everywhere in this server: NaN, and half of a surrogate pair in an escape.
"""

from __future__ import annotations

import json
import re
from json import JSONDecodeError

from mockllm.wires.json_errors import as_captured

EMPTY = "Input is a zero-length, empty document"
NOT_UTF8 = "str is not valid UTF-8: surrogates not allowed"
CUT = "unexpected end of data"
EXTRA = "unexpected content after document"
COMMA = "trailing comma is not allowed"
LITERALS = {"t": "true", "f": "false", "n": "null"}
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def orjson_problem(body: bytes) -> str | None:
    """Why a document is not JSON, with line, column and character; None if it is."""
    if not body:
        return str(JSONDecodeError(EMPTY, "", 0))
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return str(JSONDecodeError(NOT_UTF8, "", 0))
    try:
        json.loads(text)
    except JSONDecodeError as error:
        return str(JSONDecodeError(*in_its_words(as_captured(error), text)))
    except RecursionError:
        return str(JSONDecodeError("Recursion limit reached", "", 0))
    return None


def in_its_words(error: JSONDecodeError, text: str) -> tuple[str, str, int]:
    """Message, document and place as orjson has them."""
    place, message = error.pos, error.msg
    if message.startswith("Unterminated string"):
        return CUT, text, len(text)
    if message.startswith("Extra data"):
        return number_problem(text, place) or (EXTRA, text, place)
    if message.startswith("Invalid control character"):
        return "unexpected control character in string", text, place
    if message.startswith("Invalid \\"):
        return "invalid escaped sequence in string", text, place
    if not text[place:].strip():
        return CUT, text, len(text)
    if text[place] in "}]" and text[:place].rstrip().endswith(","):
        return COMMA, text, text.rindex(",", 0, place)
    if message.startswith("Expecting ','"):
        return number_problem(text, place) or (
            expected(f"',' or '{closing(text, place)}'"),
            text,
            place,
        )
    if message.startswith("Expecting ':'"):
        return expected("':' after key"), text, place
    if message.startswith("Expecting property name"):
        return expected("a string key"), text, place
    return value_problem(text, place)


def expected(what: str) -> str:
    """The message about a character that cannot stand where it does."""
    return f"unexpected character, expected {what}"


def closing(text: str, place: int) -> str:
    """The bracket that would close what is open at a place."""
    opened = []
    for character in STRINGS.sub("", text[:place]):
        if character in "{[":
            opened.append("}" if character == "{" else "]")
        elif character in "}]":
            opened.pop()
    return opened[-1]


def number_problem(text: str, place: int) -> tuple[str, str, int] | None:
    """What is wrong with the number before a place, if that is why the rest does not fit."""
    if not (text[place - 1 : place].isdigit() and place):
        return None
    rest = text[place:]
    if rest[0].isdigit() and text[place - 1] == "0":
        return "number with leading zero is not allowed", text, place - 1
    for start, message in (
        (r"\.", "no digit after decimal point"),
        (r"[eE][+-]?", "no digit after exponent sign"),
    ):
        found = re.match(start, rest)
        if found:
            after = place + found.end()
            return (message, text, after) if after < len(text) else (CUT, text, len(text))
    return None


def value_problem(text: str, place: int) -> tuple[str, str, int]:
    """What is wrong with something that stands for a value."""
    literal = LITERALS.get(text[place])
    rest = text[place:]
    if literal is not None:
        if literal.startswith(rest):
            return CUT, text, len(text)
        return f"invalid literal, expected '{literal}'", text, place
    if rest[0] == "-":
        if len(rest) == 1:
            return CUT, text, len(text)
        return "no digit after minus sign", text, place + 1
    return expected("a JSON value"), text, place
