"""Each matcher says yes, or why not; and refuses values that it does not take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from mockllm.matchers.call import Call
from mockllm.matchers.matcher import Matcher, glob
from mockllm.matchers.method import Method
from mockllm.matchers.model import Model
from mockllm.matchers.path import Path
from mockllm.matchers.stream import Stream
from mockllm.matchers.wire import Wire

CALL = Call("POST", "/v1/chat/completions", wire="openai.chat", model="gpt-4o-mini", stream=True)
BARE = Call("GET", "/nowhere")


@pytest.mark.parametrize(
    ("matcher", "call", "why"),
    [
        (Method("POST"), CALL, None),
        (Method("GET"), CALL, "method is 'POST', wanted GET"),
        (Method(["GET", "POST"]), CALL, None),
        (Model("gpt-4o*"), CALL, None),
        (Model("*"), CALL, None),
        (Model("gpt-4o"), CALL, "model is 'gpt-4o-mini', wanted gpt-4o"),
        (Model(["a", "b"]), CALL, "model is 'gpt-4o-mini', wanted a or b"),
        (Model("*"), BARE, "model is nothing, wanted *"),
        (Path("/v1/*"), CALL, None),
        (Path("/v2/*"), CALL, "path is '/v1/chat/completions', wanted /v2/*"),
        (Wire("openai.*"), CALL, None),
        (Wire("openai.chat"), BARE, "wire is nothing, wanted openai.chat"),
        (Stream(True), CALL, None),
        (Stream(False), BARE, None),
        (Stream(False), CALL, "a stream was asked for"),
        (Stream(True), BARE, "no stream was asked for"),
    ],
)
def test_why_not(matcher: Matcher, call: Call, why: str | None) -> None:
    """A call that matches has no reason against it, any other has one."""
    assert matcher.why_not(call) == why


TEXTS = "expected a text, or a list of texts (* stands for any text), got "


@pytest.mark.parametrize(
    ("matcher", "value", "message"),
    [
        (Model, 4, TEXTS + "4"),
        (Model, [], TEXTS + "a list of 0"),
        (Path, ["a", 1], TEXTS + "a list of 2"),
        (Wire, None, TEXTS + "nothing"),
        (Stream, "on", "expected true or false, got 'on'"),
        (Stream, 1, "expected true or false, got 1"),
    ],
)
def test_refusals(matcher: type[Matcher], value: object, message: str) -> None:
    """A value that the matcher does not take is refused when the profile is read."""
    with pytest.raises(PydanticCustomError) as refused:
        matcher(value)
    assert refused.value.message() == message


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("gpt-4o*", "gpt-4o", True),
        ("gpt-?o", "gpt-4o", True),
        ("gpt-?o", "gpt-o", False),
        ("a.c", "abc", False),
        ("[ab]", "a", False),
        ("[ab]", "[ab]", True),
        ("a*c", "a\nb/c", True),
        ("GPT", "gpt", False),
        ("", "", True),
    ],
)
def test_globs(pattern: str, text: str, matches: bool) -> None:
    """Only `*` and `?` are special, and a glob is about the whole text."""
    assert bool(glob(pattern).fullmatch(text)) is matches


@given(st.text())
def test_a_text_without_signs_matches_itself(text: str) -> None:
    """A glob made of a text and nothing else matches that text alone."""
    plain = re.sub(r"[*?]", "", text)
    assert glob(plain).fullmatch(plain)
    assert not glob(plain).fullmatch(plain + "x")
    assert glob(plain + "*").fullmatch(text.replace("*", "").replace("?", "") + "x")


def test_matchers_are_values() -> None:
    """Equal conditions are equal and hash alike; another kind or value is not; they show both."""
    assert Model("a") == Model(["a"])
    assert hash(Model("a")) == hash(Model(["a"]))
    assert Model("a") != Model("b")
    assert Model("a") != Path("a")
    assert repr(Model(["a", "b"])) == "model: ('a', 'b')"


def test_matchers_are_types_of_a_profile() -> None:
    """Pydantic reads a matcher from its value, keeps one that is made, and knows its schema."""
    adapter = TypeAdapter(Stream)
    assert adapter.validate_python(True) == Stream(True)
    made = Stream(False)
    assert adapter.validate_python(made) is made
    assert adapter.json_schema() == {
        "type": "boolean",
        "description": "Whether the client asked for a stream.",
    }
    assert TypeAdapter(Model).json_schema() == {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "The model, such as gpt-4o*.",
    }
