"""Each matcher says yes, or why not; and refuses values that it does not take."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter
from pydantic_core import PydanticCustomError

from mockllm.matchers.attempt import Attempt
from mockllm.matchers.body_over import BodyOver
from mockllm.matchers.call import Call, Conversation
from mockllm.matchers.header import Header
from mockllm.matchers.json import Json
from mockllm.matchers.key import Key
from mockllm.matchers.matcher import Matcher, glob
from mockllm.matchers.message import Message
from mockllm.matchers.method import Method
from mockllm.matchers.model import Model
from mockllm.matchers.path import Path
from mockllm.matchers.stream import Stream
from mockllm.matchers.system import System
from mockllm.matchers.tool_result import ToolResult
from mockllm.matchers.tools import Tools
from mockllm.matchers.wire import Wire

CALL = Call(
    "POST",
    "/v1/chat/completions",
    headers=(
        ("X-Team", "red"),
        ("x-team", "blue"),
        ("Authorization", "Bearer sk-0123456789abcdef"),
    ),
    body=b"x" * 1024,
    wire="openai.chat",
    model="gpt-4o-mini",
    stream=True,
    attempt=2,
    data={
        "messages": [{"role": "system"}, {"role": "user", "content": "Hi"}],
        "tools": [{"function": {"name": "get_time"}}],
        "temperature": 1,
        "seed": None,
        "stream": True,
        "0": "zero",
    },
    conversation=Conversation("What is the time\nin Paris?", tools={"get_time": {}, "say": {}}),
)
BARE = Call("GET", "/nowhere")
OLD = {"role": "tool", "tool_call_id": "1", "content": "of the turn before"}
TALK = Call(
    "POST",
    "/",
    data={
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
            OLD,
            {"role": "user", "content": "Well?"},
            {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "sunny"}]},
        ]
    },
)
RESPONSES = Call(
    "POST",
    "/",
    data={
        "instructions": "Be kind.",
        "input": [{"type": "function_call_output", "call_id": "1", "output": "sunny"}],
    },
)
ANTHROPIC = Call(
    "POST",
    "/",
    data={
        "system": [{"type": "text", "text": "Be kind."}],
        "messages": [
            {"role": "user", "content": "Well?"},
            {"role": "user", "content": [{"type": "tool_result", "content": "sunny"}]},
        ],
    },
)
NOT_GPT = "model is 'gpt-4o-mini', wanted anything but llama* or gpt*"
NOT_BLUE = "header x-team is 'red', 'blue', wanted anything but blue"
TWO_REASONS = "header x-a is nothing, wanted 1, header x-b is nothing, wanted any"
SECRET_HEADER = "header authorization is 'Bearer ***cdef', wanted Bearer ***"
NOT_IN = "message is 'What is the time\\nin Paris?', wanted anything but /(?m)^in/"


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
        (Model({"not": "gpt-4o"}), CALL, None),
        (Model({"not": ["llama*", "gpt*"]}), CALL, NOT_GPT),
        (Model({"not": "gpt-4o"}), BARE, None),
        (Model({"present": True}), CALL, None),
        (Model({"present": True}), BARE, "model is nothing, wanted any"),
        (Model({"absent": True}), BARE, None),
        (Model({"absent": True}), CALL, "model is 'gpt-4o-mini', wanted none"),
        (Header({"X-TEAM": "red"}), CALL, None),
        (Header({"x-team": "blue"}), CALL, None),
        (Header({"x-team": "b*"}), CALL, None),
        (Header({"x-team": "green"}), CALL, "header x-team is 'red', 'blue', wanted green"),
        (Header({"x-team": {"not": "blue"}}), CALL, NOT_BLUE),
        (Header({"x-a": "1", "x-team": "red"}), CALL, "header x-a is nothing, wanted 1"),
        (Header({"x-a": "1", "x-b": {"present": True}}), CALL, TWO_REASONS),
        (Header({"x-a": {"absent": True}}), CALL, None),
        (Header({"authorization": "Bearer sk-*f"}), CALL, None),
        (Header({"authorization": "Bearer x"}), CALL, SECRET_HEADER),
        (Key("sk-*"), CALL, None),
        (Key(["mock-a", "sk-a"]), CALL, "key is '***cdef', wanted mock-a or ***"),
        (Key("mock-a"), BARE, "key is nothing, wanted mock-a"),
        (Message("the time"), CALL, None),
        (Message("/time\\s+in (Paris|Rome)/"), CALL, None),
        (Message(["London", "Paris"]), CALL, None),
        (Message("paris"), CALL, "message is 'What is the time\\nin Paris?', wanted 'paris'"),
        (Message("/^in/"), CALL, "message is 'What is the time\\nin Paris?', wanted /^in/"),
        (Message({"not": "/(?m)^in/"}), CALL, NOT_IN),
        (Message("//"), BARE, "message is nothing, wanted '//'"),
        (Json({"messages.1.content": "H*"}), CALL, None),
        (Json({"messages[-1].role": "user"}), CALL, None),
        (Json({"tools[0].function.name": "get_*"}), CALL, None),
        (Json({"temperature": 1, "stream": True, "seed": None, "0": "zero"}), CALL, None),
        (Json({"temperature": 1.0}), CALL, None),
        (Json({"temperature": True}), CALL, "json temperature is 1, wanted true"),
        (Json({"temperature": "1"}), CALL, "json temperature is 1, wanted 1"),
        (Json({"temperature": [0, 2]}), CALL, "json temperature is 1, wanted 0 or 2"),
        (Json({"messages.2.role": "user"}), CALL, "json messages.2.role is nothing, wanted user"),
        (Json({"messages.role": "user"}), CALL, "json messages.role is nothing, wanted user"),
        (Json({"temperature.x": {"absent": True}}), CALL, None),
        (Json({"seed": {"present": True}}), CALL, None),
        (Json({"tools": "x"}), CALL, "json tools is [{function: {name: get_time}}], wanted x"),
        (Attempt(2), CALL, None),
        (Attempt([1, 2]), CALL, None),
        (Attempt(1), CALL, "attempt is 2, wanted 1"),
        (Attempt({"not": [1, 2]}), CALL, "attempt is 2, wanted anything but 1 or 2"),
        (Attempt({"not": 1}), BARE, "attempt is 1, wanted anything but 1"),
        (Tools(True), CALL, None),
        (Tools(False), CALL, "tools is 'get_time', 'say', wanted none"),
        (Tools(False), BARE, None),
        (Tools(True), BARE, "tools is nothing, wanted any"),
        (Tools("say"), CALL, None),
        (Tools(["x*", "get_*"]), CALL, None),
        (Tools("sing"), CALL, "tools is 'get_time', 'say', wanted sing"),
        (Tools({"not": "sing"}), CALL, None),
        (System("Be bri"), TALK, None),
        (System("/^You/"), TALK, "system is 'Be brief.\\nBe kind.', wanted /^You/"),
        (System({"absent": True}), CALL, None),
        (System("kind"), RESPONSES, None),
        (System(["rude", "kind"]), ANTHROPIC, None),
        (System("kind"), BARE, "system is nothing, wanted 'kind'"),
        (ToolResult(True), TALK, None),
        (ToolResult(False), TALK, "tool_result is 'sunny', wanted none"),
        (ToolResult("sun"), TALK, None),
        (ToolResult("sun"), RESPONSES, None),
        (ToolResult(["rain", "sun"]), ANTHROPIC, None),
        (ToolResult("rain"), ANTHROPIC, "tool_result is 'sunny', wanted 'rain'"),
        (ToolResult(False), CALL, None),
        (ToolResult({"not": "sun"}), BARE, None),
        (BodyOver("1023B"), CALL, None),
        (BodyOver("1KiB"), CALL, "the body has 1024 bytes, wanted over 1024"),
    ],
)
def test_why_not(matcher: Matcher, call: Call, why: str | None) -> None:
    """A call that matches has no reason against it, any other has one."""
    assert matcher.why_not(call) == why


CONDITIONS = "expected {not: …}, {present: true} or {absent: true}, got "
ATTEMPTS = "expected the number of an attempt, or a list of numbers, got "
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
        (Model, {}, CONDITIONS + "an empty mapping"),
        (Model, {"not": "a", "present": True}, CONDITIONS + "a mapping with not, present"),
        (Model, {"not": {"present": True}}, CONDITIONS + "a mapping with not"),
        (Model, {"present": False}, CONDITIONS + "a mapping with present"),
        (Model, {"not": 4}, TEXTS + "4"),
        (Header, "x", "expected a mapping of header to value, got 'x'"),
        (Header, {}, "expected a mapping of header to value, got an empty mapping"),
        (Header, {"x-a": 1}, "expected x-a: " + TEXTS.removeprefix("expected ") + "1"),
        (
            Header,
            {"x-a": {"x": 1}},
            "expected x-a: " + CONDITIONS.removeprefix("expected ") + "a mapping with x",
        ),
        (
            Message,
            "/(/",
            "expected a regular expression, got '/(/'; missing ), unterminated subpattern at position 0",
        ),
        (Message, 1, "expected a text, a list of texts, or /a regex/, got 1"),
        (Json, {"a..b": 1}, "expected a path such as messages.0.role or tools[0].type, got 'a..b'"),
        (Json, {"a[x]": 1}, "expected a path such as messages.0.role or tools[0].type, got 'a[x]'"),
        (
            Json,
            {"a": [[1]]},
            "expected a: a text, a number, true, false, null, or a list of them, got a list of 1",
        ),
        (Attempt, 0, ATTEMPTS + "0"),
        (Attempt, "1", ATTEMPTS + "'1'"),
        (Attempt, True, ATTEMPTS + "true"),
        (Attempt, {"present": True}, "expected {not: …}, got a mapping with present"),
        (
            Tools,
            1,
            "expected true, false, the name of a tool, or a list of names (* stands for any text), got 1",
        ),
        (
            Tools,
            [],
            "expected true, false, the name of a tool, or a list of names (* stands for any text), got a list of 0",
        ),
        (BodyOver, 100, "expected a size, got 100; write the unit, such as 100B or 100KiB"),
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
    assert repr(Model(["a", "b"])) == "model: a or b"
    assert Header({"a": "b"}) == Header({"a": ["b"]}) != Header({"b": "b"})
    assert repr(Header({"a": "b", "c": {"absent": True}})) == "header: a b, c none"


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
    size = TypeAdapter(BodyOver).json_schema()
    assert (size["type"], size["pattern"]) == ("string", r"^\d+(B|KiB|MiB|GiB)$")


@pytest.mark.parametrize(
    ("matcher", "value", "fits"),
    [
        (Model, "a", True),
        (Model, ["a", "b"], True),
        (Model, [], False),
        (Model, {"not": ["a"]}, True),
        (Model, {"not": {"present": True}}, False),
        (Model, {"present": True}, True),
        (Model, {"present": False}, False),
        (Model, 4, False),
        (Header, {"x-a": {"absent": True}}, True),
        (Header, {}, False),
        (Header, "x", False),
        (Message, {"not": "/a/"}, True),
        (Json, {"a[0].b.1": [1, None, "x", True]}, True),
        (Json, {"a..b": 1}, False),
        (Json, {"a": {}}, False),
        (Attempt, 0, False),
        (Attempt, [1, 2], True),
        (Attempt, {"not": 1}, True),
        (Attempt, {"present": True}, False),
        (Tools, True, True),
        (Tools, ["a*"], True),
        (Tools, {"not": True}, False),
        (System, "/a/", True),
        (ToolResult, False, True),
        (ToolResult, {"present": True}, True),
        (ToolResult, 1, False),
        (BodyOver, "1KiB", True),
        (BodyOver, 100, False),
    ],
)
def test_editors_and_the_loader_agree(matcher: type[Matcher], value: object, fits: bool) -> None:
    """The JSON Schema of a matcher takes what the matcher itself takes, and no more."""
    validator = Draft202012Validator(TypeAdapter(matcher).json_schema())
    assert validator.is_valid(value) is fits
    try:
        matcher(value)
    except PydanticCustomError:
        assert not fits
    else:
        assert fits


def test_long_values_are_cut_in_reasons() -> None:
    """A reason stays short whatever the client has sent."""
    long = Call("POST", "/", conversation=Conversation("x" * 10_000))
    why = Message("y").why_not(long)
    assert why == f"message is '{'x' * 59}…, wanted 'y'"


def test_present_or_absent_is_all_there_is() -> None:
    """For any text one of the two holds, and `not` is the opposite of its own value."""
    for call in (CALL, BARE):
        for matcher in (Model, Key, Message):
            holds = [matcher({word: True}).why_not(call) is None for word in ("present", "absent")]
            assert sorted(holds) == [False, True]
            yes, no = matcher("*a*").why_not(call), matcher({"not": "*a*"}).why_not(call)
            assert (yes is None) is not (no is None)
