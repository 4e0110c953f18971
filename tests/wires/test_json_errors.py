"""What is said of bodies that are not JSON: to the letter, whichever Python runs."""

from __future__ import annotations

import json
from json import JSONDecodeError

import pytest

from mockllm.engine.engine import parse
from mockllm.wires.json_errors import as_captured
from mockllm.wires.orjson_errors import orjson_problem
from tests.engine.build import ask, engine
from tests.wires.kserve_requests import INFER, JSON, PROFILE
from tests.wires.test_kserve_capture import said

NAME = "Expecting property name enclosed in double quotes"
VALUE = "Expecting value"
COMMAS = [
    ('{"a":1,}', f"{NAME}: line 1 column 8 (char 7)", 6),
    ('{"a":1, }', f"{NAME}: line 1 column 9 (char 8)", 6),
    ('{"a":1 ,\n\t\r }', f"{NAME}: line 2 column 4 (char 12)", 7),
    ('{"a":1,}x', f"{NAME}: line 1 column 8 (char 7)", 6),
    ('{"a":[1],\n"b":{"c":2,}}', f"{NAME}: line 2 column 12 (char 21)", 20),
    ('[{"a":1,}]', f"{NAME}: line 1 column 9 (char 8)", 7),
    ("[1,]", f"{VALUE}: line 1 column 4 (char 3)", 2),
    ("[1, ]", f"{VALUE}: line 1 column 5 (char 4)", 2),
    ("[1 ,\n\n ]", f"{VALUE}: line 3 column 2 (char 7)", 3),
    ('{"a":[1,],}', f"{VALUE}: line 1 column 9 (char 8)", 7),
    ("[[1,],2", f"{VALUE}: line 1 column 5 (char 4)", 3),
    ('["ü€😀",]', f"{VALUE}: line 1 column 8 (char 7)", 6),
]
"""Commas with nothing behind them: what Python says before 3.13, and where the comma is."""
OTHERS = [
    ("[,]", f"{VALUE}: line 1 column 2 (char 1)"),
    ("{,}", f"{NAME}: line 1 column 2 (char 1)"),
    ('{"a":1,', f"{NAME}: line 1 column 8 (char 7)"),
    ('{"a":1, ', f"{NAME}: line 1 column 9 (char 8)"),
    ("[1,", f"{VALUE}: line 1 column 4 (char 3)"),
    ("[1, ", f"{VALUE}: line 1 column 5 (char 4)"),
    ("[1,,2]", f"{VALUE}: line 1 column 4 (char 3)"),
    ('{"a":1,,}', f"{NAME}: line 1 column 8 (char 7)"),
    ('{"a":1,]', f"{NAME}: line 1 column 8 (char 7)"),
    ("[1,}", f"{VALUE}: line 1 column 4 (char 3)"),
    ("[1,\v]", f"{VALUE}: line 1 column 4 (char 3)"),
    ('{"a":1,\xa0}', f"{NAME}: line 1 column 8 (char 7)"),
    ("{", f"{NAME}: line 1 column 2 (char 1)"),
    ("nul", f"{VALUE}: line 1 column 1 (char 0)"),
    ('{"a"', "Expecting ':' delimiter: line 1 column 5 (char 4)"),
    ('{"a":', f"{VALUE}: line 1 column 6 (char 5)"),
    ('{"a" 1}', "Expecting ':' delimiter: line 1 column 6 (char 5)"),
    ('{"a":1 2}', "Expecting ',' delimiter: line 1 column 8 (char 7)"),
    ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
    ("{} x", "Extra data: line 1 column 4 (char 3)"),
    ('"\\x"', "Invalid \\escape: line 1 column 2 (char 1)"),
    ('"\\u12"', "Invalid \\uXXXX escape: line 1 column 3 (char 2)"),
    ('"a\nb"', "Invalid control character at: line 1 column 3 (char 2)"),
    ('{"a":"b', "Unterminated string starting at: line 1 column 6 (char 5)"),
]
"""Other mistakes, of which every Python says the same."""
NO_TEXT = [
    (b"\xff", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
    (b'{"a":"\xff"}', "'utf-8' codec can't decode byte 0xff in position 6: invalid start byte"),
    (b'\xef\xbb\xbf{"a":1,}', f"{NAME}: line 1 column 8 (char 7)"),
    ('{"a":1,}'.encode("utf-16"), f"{NAME}: line 1 column 8 (char 7)"),
    (b'{"a":"\xed\xa0\x80",}', f"{NAME}: line 1 column 10 (char 9)"),
    (b"[" * 100_000, "maximum recursion depth exceeded"),
    (b'{"a":' * 100_000, "maximum recursion depth exceeded"),
    (
        b"1" * 5000,
        "Exceeds the limit (4300 digits) for integer string conversion: value has 5000 digits; "
        "use sys.set_int_max_str_digits() to increase the limit",
    ),
]
"""Bytes that are no text in UTF-8, or more than Python reads."""


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        *((text.encode(), problem) for text, problem, _ in COMMAS),
        *((text.encode(), problem) for text, problem in OTHERS),
        *NO_TEXT,
    ],
)
def test_the_problem_of_a_body(body: bytes, problem: str) -> None:
    """What wires say in answers."""
    assert parse(body) == ({}, problem)


@pytest.mark.parametrize(("text", "problem", "comma"), COMMAS)
def test_the_words_of_a_newer_python(text: str, problem: str, comma: int) -> None:
    """From 3.13 on it names the comma; here is what it says, so that an older one knows it too."""
    kind = "object" if problem.startswith(NAME) else "array"
    error = JSONDecodeError(f"Illegal trailing comma before end of {kind}", text, comma)
    assert str(as_captured(error)) == problem


def test_other_words_stay() -> None:
    """An error is what it is."""
    with pytest.raises(JSONDecodeError) as caught:
        json.loads("[1 2]")
    assert as_captured(caught.value) is caught.value


@pytest.mark.parametrize(("text", "problem", "comma"), COMMAS)
def test_fastapis_list(text: str, problem: str, comma: int) -> None:
    """KServe's V2 has the words and the place apart."""
    message, _, place = problem.rpartition(": ")
    server = engine(PROFILE.partition("\n")[2])
    plan = ask(server, INFER, headers=tuple(JSON.items()), body=text.encode())
    number = place.partition("(char ")[2].removesuffix(")")
    assert said(plan).body == (
        f'{{"detail":[{{"type":"json_invalid","loc":["body",{number}],"msg":"JSON decode error",'
        f'"input":{{}},"ctx":{{"error":"{message}"}}}}]}}'
    )


@pytest.mark.parametrize(("text", "comma"), [(text, comma) for text, _, comma in COMMAS])
def test_orjson_points_at_the_comma(text: str, comma: int) -> None:
    """KServe's V1 has orjson's words, whatever Python's are."""
    expected = JSONDecodeError("trailing comma is not allowed", text, comma)
    assert orjson_problem(text.encode()) == str(expected)
