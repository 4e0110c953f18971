"""What scripts say."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from pydantic import ValidationError

from mockllm.matchers.call import Call
from mockllm.scripts.named import NAMED
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.scripts.text import TextSource
from mockllm.scripts.tools import ToolsSource, tool
from mockllm.scripts.words import WordsSource

CALL = Call("POST", "/v1/chat/completions")


def said(name: str) -> Script:
    """What a named script says."""
    return NAMED[name].script(CALL, Random(1))


CANONICAL = (
    "This is a test answer from a small mock server, and it has exactly sixty words. "
    "Each word arrives as one piece, so a client can count them. "
    "If the last word is missing, the answer was cut short. "
    "Nothing here was made by a model. "
    "The same text comes back every time, on every machine, until the very end."
)
SIXTY = (
    "w01 w02 w03 w04 w05 w06 w07 w08 w09 w10 w11 w12 w13 w14 w15 w16 w17 w18 w19 w20 "
    "w21 w22 w23 w24 w25 w26 w27 w28 w29 w30 w31 w32 w33 w34 w35 w36 w37 w38 w39 w40 "
    "w41 w42 w43 w44 w45 w46 w47 w48 w49 w50 w51 w52 w53 w54 w55 w56 w57 w58 w59 w60"
)


@pytest.mark.parametrize(("name", "text"), [("canonical", CANONICAL), ("text60", SIXTY)])
def test_texts_never_change(name: str, text: str) -> None:
    """The named texts are these, in sixty pieces of a word each."""
    script = said(name)
    assert script == Script((Text(tuple(pieces(text))),))
    assert (script.text, script.tokens, script.finish) == (text, 60, "stop")


def test_cjk60_is_a_piece_a_character() -> None:
    """Sixty different characters of three bytes each, without a space."""
    script = said("cjk60")
    assert script.tokens == len(set(script.text)) == 60
    assert len(script.text.encode()) == 180


def test_tools2_calls_two_tools() -> None:
    """Two calls with their arguments in three pieces, of which the first two are no JSON."""
    assert said("tools2") == Script(
        (
            ToolCall("get_weather", ('{"cit', 'y": "P', 'aris"}')),
            ToolCall("get_time", ('{"tz', '": "', 'UTC"}')),
        ),
        "tool_calls",
    )


def test_text_source() -> None:
    """`text` says its text, for the finish reason that the profile wants."""
    source = TextSource(text="a b", finish="length")
    assert source.script(CALL, Random(1)) == Script((Text(("a", " b")),), "length")
    assert TextSource(text="").script(CALL, Random(1)) == Script((Text(()),))


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ({"arguments": {"a": "é"}}, '{"a": "é"}'),
        ({"arguments": "{broken"}, "{broken"),
        ({}, "{}"),
    ],
)
def test_arguments(arguments: dict[str, Any], sent: str) -> None:
    """A mapping is written as JSON, a text is sent as it is, and without either it is `{}`."""
    source = ToolsSource.model_validate({"tool_calls": [{"name": "f", **arguments}]})
    (call,) = source.script(CALL, Random(1)).tools
    assert (call.name, "".join(call.arguments)) == ("f", sent)


def test_tool_in_short() -> None:
    """`tool` builds what a profile would hold."""
    made = tool("f", a=1)
    assert (made.name, json.loads(made.arguments)) == ("f", {"a": 1})


@pytest.mark.parametrize("value", [[], [{"arguments": {}}], [{"name": "f", "arguments": 3}]])
def test_bad_tools_are_refused(value: object) -> None:
    """There is at least one call, each has a name, and arguments are a mapping or a text."""
    with pytest.raises(ValidationError):
        ToolsSource.model_validate({"tool_calls": value})


@pytest.mark.parametrize("count", [1, 6, 7, 100])
def test_words_are_as_many_as_asked_for(count: int) -> None:
    """So many words in sentences: each begins with a capital and ends with a full stop."""
    text = WordsSource(words=count).script(CALL, Random(1)).text
    assert len(text.split()) == count
    sentences = text.split(". ")
    assert text.endswith(".")
    assert all(sentence[0].isupper() for sentence in sentences)
    assert all(len(sentence.split()) <= 12 for sentence in sentences)


def test_words_follow_the_generator() -> None:
    """The same generator gives the same words, another one others, another locale others."""
    english, german = WordsSource(words=30), WordsSource(words=30, locale="de_DE")
    one = english.script(CALL, Random(1))
    german.script(CALL, Random(9))
    assert english.script(CALL, Random(1)) == one
    assert english.script(CALL, Random(2)) != one
    assert german.script(CALL, Random(1)) != one


@pytest.mark.parametrize(
    "keys",
    [{"words": 0}, {"words": 100_001}, {"words": "5"}, {"words": True}, {"words": 5, "locale": "xx"}],
)  # fmt: skip
def test_bad_words_are_refused(keys: dict[str, Any]) -> None:
    """The number of words has bounds, and Faker must know the locale."""
    with pytest.raises(ValidationError):
        WordsSource.model_validate(keys)


TWO = Script((Text(("a", "b")), Text(("c", "d"))))
TOOLS = Script((Text(("a",)), ToolCall("f", ("{", "}"))), "tool_calls")


@pytest.mark.parametrize(
    ("script", "limit", "result"),
    [
        (TWO, None, TWO),
        (TWO, 5, TWO),
        (TWO, 4, TWO),
        (TWO, 3, Script((Text(("a", "b")), Text(("c",))), "length")),
        (TWO, 1, Script((Text(("a",)), Text(())), "length")),
        (TOOLS, 1, TOOLS),
    ],
)
def test_limit(script: Script, limit: int | None, result: Script) -> None:
    """A limit cuts text with the reason `length`, but never a tool call in half."""
    assert script.limited(limit) == result


def test_what_a_script_is_made_of() -> None:
    """Text, tool calls and tokens are read off the parts."""
    assert (TOOLS.text, TOOLS.tools, TOOLS.tokens) == ("a", (ToolCall("f", ("{", "}")),), 3)
