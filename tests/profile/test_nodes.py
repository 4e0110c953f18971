"""YAML as the loader reads it: values, places, and what is no YAML."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mockllm.profile.nodes import MAX_BYTES, MAX_DEPTH, MAX_NODES, Document, plain, read, scalar
from mockllm.profile.problems import Problem, ProfileError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        # YAML 1.1 would make these something else
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("1:30", "1:30"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        ("+1", "+1"),
        ("2026-11-21", "2026-11-21"),
        ("=", "="),
        ("<<", "<<"),
        ("1" * 20, "1" * 20),
        # what they look like
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-7", -7),
        ("503", 503),
        ("0.5", 0.5),
        ("-1.50", -1.5),
        ("1.5e3", 1500.0),
    ],
)
def test_plain_scalars(text: str, value: object) -> None:
    """A plain word is a number or a switch only where it can be nothing else."""
    made = read(f"a: {text}", "f").data["a"]
    assert (made, type(made) in (type(value), type(scalar(text)))) == (value, True)
    assert isinstance(made, bool) is isinstance(value, bool)


def test_a_decimal_keeps_its_spelling() -> None:
    """A number with a point remembers how it was written, for places where it is a text."""
    assert scalar("1.50").text == "1.50"


@pytest.mark.parametrize("text", ["'true'", '"true"', "|-\n  true", ">-\n  true"])
def test_what_is_quoted_is_a_text(text: str) -> None:
    """Quotes and blocks make a text of anything."""
    assert read(f"a: {text}", "f").data == {"a": "true"}


def test_structure() -> None:
    """Mappings, lists and aliases are what they are; keys are texts."""
    document = read("a: &x {b: [1, {c: d}]}\n2: *x\non: [*x]", "f")
    inner = {"b": [1, {"c": "d"}]}
    assert document.data == {"a": inner, "2": inner, "on": [inner]}
    assert document.problems == []


@pytest.mark.parametrize(
    ("loc", "key", "place"),
    [
        (("a", "b"), False, (1, 8, "a.b")),
        (("a", "b"), True, (1, 5, "a.b")),
        (("c", 1, "d"), False, (3, 8, "c[1].d")),
        (("c", 1, "d"), True, (3, 5, "c[1].d")),
        (("c", 0), False, (2, 6, "c[0]")),
        (("c", "<tag>", 0), False, (2, 6, "c[0]")),
        (("a", "nothing"), False, (1, 4, "a")),
        (("nothing",), True, (1, 1, "")),
        ((), False, (1, 1, "")),
    ],
)
def test_places(loc: tuple[Any, ...], key: bool, place: tuple[int, int, str]) -> None:
    """A location has its line, column and path; what is no key is passed over."""
    document = read("a: {b: 1}\nc: [ 5,\n  { d: e}]\n", "f")
    assert document.place(loc, key=key) == place


def refused(text: str) -> list[Problem]:
    """The problems of a text that cannot be read."""
    with pytest.raises(ProfileError) as error:
        read(text, "f")
    return error.value.problems


QUOTE = (
    "a value that begins with '{0}' is read as {1}; if it is meant as text, quote it: \"{2}\" ({3})"
)
ALIAS = "did not find expected alphabetic or numeric character"
START = "found character that cannot start any token"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("m: *", Problem(1, 4, "", QUOTE.format("*", "an alias", "*", ALIAS))),
        ("m: {a: *, b: 1}", Problem(1, 8, "", QUOTE.format("*", "an alias", "*", ALIAS))),
        ("m: *x", Problem(1, 4, "", QUOTE.format("*", "an alias", "*x", "found undefined alias"))),
        ("m: &", Problem(1, 4, "", QUOTE.format("&", "an anchor", "&", ALIAS))),
        ("m: >=4", Problem(1, 4, "", QUOTE.format(">", "a folded text", ">=4", "did not find expected comment or line break"))),
        ("m: {a: >=4}", Problem(1, 8, "", QUOTE.format(">", "a folded text", ">=4", START))),
        ("m: |q", Problem(1, 4, "", QUOTE.format("|", "a literal text", "|q", "did not find expected comment or line break"))),
        ("m: {a", Problem(1, 4, "", "a mapping begins here and '}' is missing, or a text in it has to be quoted (did not find expected ',' or '}')")),
        ("m: [a\nb: c", Problem(1, 4, "", "a list begins here and ']' is missing, or a text in it has to be quoted (did not find expected ',' or ']')")),
        ("m: !<", Problem(1, 4, "", QUOTE.format("!", "a tag", "!<", "did not find expected tag URI"))),
        ("m: %a", Problem(1, 4, "", QUOTE.format("%", "a directive", "%a", START))),
        ("m: @a", Problem(1, 4, "", QUOTE.format("@", "a reserved sign", "@a", START))),
        ("m: `a", Problem(1, 4, "", QUOTE.format("`", "a reserved sign", "`a", START))),
        ("m: a\n\tb: c", Problem(2, 1, "", "a tab cannot indent YAML; use spaces")),
        ("a: b: c", Problem(1, 5, "", "expected YAML: mapping values are not allowed in this context")),
        ("- a\nb: c", Problem(2, 1, "", "expected YAML: did not find expected '-' indicator")),
        ("--- a\n--- b", Problem(2, 1, "", "expected YAML: but found another document")),
        ('m: "a', Problem(1, 6, "", "expected YAML: found unexpected end of stream")),
        ("", Problem(1, 1, "", "expected a profile, got an empty file")),
        ("# nothing", Problem(1, 1, "", "expected a profile, got an empty file")),
        ("\n- a", Problem(2, 1, "", "expected a mapping that begins with `mockllm: 1`")),
        ("text", Problem(1, 1, "", "expected a mapping that begins with `mockllm: 1`")),
        ("a: 1\nb: é\x07", Problem(2, 5, "", "expected UTF-8 text, got the character U+0007")),
        ("a: \x00", Problem(1, 4, "", "expected UTF-8 text, got the character U+0000")),
        ("a: \udcff", Problem(1, 4, "", "expected UTF-8 text, got the character U+DCFF")),
        ("a" * (MAX_BYTES + 1), Problem(1, 1, "", "expected at most 1048576 bytes")),
        ("é" * (MAX_BYTES // 2) + "x", Problem(1, 1, "", "expected at most 1048576 bytes")),
    ],
)  # fmt: skip
def test_what_is_no_yaml(text: str, problem: Problem) -> None:
    """What cannot be read has a place, and signs that were meant as text are told to be quoted."""
    assert refused(text) == [problem]


def test_duplicate_keys_are_all_found() -> None:
    """A key that comes again is a problem at its second place; the first one counts."""
    document = read("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n", "f")
    assert document.problems == [
        Problem(4, 3, "b.c", "duplicate key 'c', first at line 3"),
        Problem(5, 1, "a", "duplicate key 'a', first at line 1"),
    ]
    assert document.data == {"a": 1, "b": {"c": 1}}


def test_keys_are_texts() -> None:
    """A mapping as a key is the mark of braces that were meant as text."""
    document = read("a: {{now}: 1}", "f")
    assert document.problems == [
        Problem(1, 5, "a", "expected a text as key; if {…} is meant as text, quote it")
    ]


def nested(levels: int) -> str:
    """A profile whose innermost value is so deep."""
    return "a: " + "[" * levels + "]" * levels


def test_depth() -> None:
    """Thirty-two levels are read, one more is refused before it is composed."""
    assert read(nested(MAX_DEPTH - 1), "f").problems == []
    assert refused(nested(MAX_DEPTH)) == [Problem(1, 35, "", "expected at most 32 levels")]


@pytest.mark.parametrize("text", ["a: " + "[" * 400_000, "a: " + "{b: " * 200_000, "- " * 300_000])
def test_depth_that_would_overflow_the_stack(text: str) -> None:
    """However deep the nesting, it is refused and not followed."""
    assert [problem.message for problem in refused(text)] == ["expected at most 32 levels"]


def test_aliases_count_as_often_as_they_are_used() -> None:
    """A few lines of aliases that stand for millions of values are refused."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
        for old, new in zip("abcdef", "bcdefg", strict=True)
    )
    (problem,) = refused(bomb)
    assert problem.message == f"expected at most {MAX_NODES} values (aliases count each time)"


def test_an_alias_of_itself() -> None:
    """A value that holds itself is too deep."""
    (problem,) = refused("a: &a [*a]")
    assert problem.message == "expected at most 32 levels (aliases count each time)"


def test_a_node_of_no_kind() -> None:
    """PyYAML makes scalars, lists and mappings; anything else is a mistake of ours."""
    node = yaml.Node("tag", "value", yaml.Mark("f", 0, 0, 0, None, 0), None)
    with pytest.raises(TypeError, match="unknown kind of node: Node"):
        plain(Document("f", node), node, "", 0)
