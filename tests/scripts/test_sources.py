"""Every kind of script in a profile: what it says to a call, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mockllm.matchers.call import Call, Conversation
from mockllm.profile.library import Library
from mockllm.profile.loader import load
from mockllm.profile.models import Profile
from mockllm.profile.nodes import read
from mockllm.profile.problems import ProfileError
from mockllm.profile.schema import schema
from mockllm.scripts.canonical import CANONICAL
from mockllm.scripts.named import NAMED
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text, ToolCall

CALL = Call("POST", "/v1/chat/completions", conversation=Conversation("What is the time?"))
EDITORS = Draft202012Validator(schema())


def source(text: str) -> Source:
    """The script of a profile, which editors accept as well."""
    loaded = load(f"mockllm: 1\nscript: {text}", name="p")
    found = loaded.profile.script
    assert found is not None
    return found


def said(text: str, seed: int = 1, **conversation: Any) -> Script:
    """What a script says to a conversation."""
    call = replace(CALL, conversation=replace(CALL.conversation, **conversation))
    return source(text).script(call, Random(seed))


def refusal(text: str) -> str:
    """Why a script is refused."""
    with pytest.raises(ProfileError) as refused:
        source(text)
    (problem,) = refused.value.problems
    return problem.message


def words(text: str, kind: Any = "content") -> Text:
    """A text in pieces."""
    return Text(pieces(text), kind)


R60 = (
    "r01 r02 r03 r04 r05 r06 r07 r08 r09 r10 r11 r12 r13 r14 r15 r16 r17 r18 r19 r20 "
    "r21 r22 r23 r24 r25 r26 r27 r28 r29 r30 r31 r32 r33 r34 r35 r36 r37 r38 r39 r40 "
    "r41 r42 r43 r44 r45 r46 r47 r48 r49 r50 r51 r52 r53 r54 r55 r56 r57 r58 r59 r60"
)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("{reasoning: Hm}", Script((words("Hm", "reasoning"), words(CANONICAL)))),
        ("{finish: length}", Script((words(CANONICAL),), "length")),
        ("{n: 2}", Script((words(CANONICAL),), choices=2)),
        ("{n: 0, text: a}", Script((words("a"),), choices=0)),
        ("{usage: absent}", Script((words(CANONICAL),), has_usage=False)),
        ("{text: a, usage: {prompt_tokens: null}}", Script((words("a"),), usage={"prompt_tokens": None})),
        ("{refusal: I may not.}", Script((words("I may not.", "refusal"),))),
        ("{refusal: No, reasoning: Hm}", Script((words("Hm", "reasoning"), words("No", "refusal")))),
        ("echo", Script((words("What is the time?"),))),
        ("{echo: }", Script((words("What is the time?"),))),
        ("{echo: whole}", Script((words("What is the time?"),))),
        ('{echo: {prefix: "You: "}}', Script((words("You: What is the time?"),))),
        ("refusal60", Script((words(R60, "refusal"),))),
        ("{turns: [text60, echo]}", NAMED["text60"].script(CALL, Random(1))),
        ("{text: a bcd, characters: 2}", Script((Text(("a ", "bc", "d")),))),
        ("{text: '', characters: 2}", Script((Text(()),))),
        ("{tool_calls: [{name: f, id: call_1}]}", Script((ToolCall("f", ("{", "}"), "call_1"),), "tool_calls")),
        ("{parts: [{text: a}, {tool_calls: [{name: f}]}, {text: b}]}", Script((words("a"), ToolCall("f", ("{", "}")), words("b")), "tool_calls")),
        ("{parts: [{text: a}, {text: b, finish: length}], n: 2}", Script((words("a"), words("b")), "length", choices=2)),
        ("{sequence: [text60, echo]}", NAMED["text60"].script(CALL, Random(1))),
        ("{schema: {const: a b}}", Script((words('"a b"'),))),
        ("{schema: request}", Script((words(CANONICAL),))),
        ("{tool_calls: auto}", Script((words(CANONICAL),))),
    ],
)  # fmt: skip
def test_scripts(text: str, script: Script) -> None:
    """A script says just this; editors accept it too."""
    assert said(text) == script
    assert EDITORS.is_valid(read(f"mockllm: 1\nscript: {text}", "p").data)


def test_reasoning60() -> None:
    """Sixty pieces are thought, then sixty are said."""
    script = said("reasoning60")
    assert (script.tokens, script.tokens_of("reasoning"), script.tokens_of("content")) == (
        120,
        60,
        60,
    )
    assert script.text_of("reasoning") == R60
    assert script.text == said("text60").text


def test_an_echo_of_nothing() -> None:
    """Where the user said nothing, nothing comes back."""
    assert said("echo", message=None) == Script((Text(()),))


@pytest.mark.parametrize(
    ("turn", "text"), [(1, "one"), (2, "two"), (3, "What is the time?"), (9, "What is the time?")]
)
def test_turns(turn: int, text: str) -> None:
    """Each turn has its script, and the last one repeats."""
    assert said("{turns: [{text: one}, {text: two}, echo]}", turn=turn).text == text


def test_turns_keep_what_their_scripts_want() -> None:
    """The script of a turn brings its own ending; what stands beside `turns` wins."""
    inner = "{turns: [{text: a, finish: length, usage: absent, n: 2}]"
    assert said(inner + "}") == Script((words("a"),), "length", has_usage=False, choices=2)
    assert said(inner + ", finish: stop, n: 3}").finish == "stop"
    assert said(inner + ", n: 3}").choices == 3
    assert said("{turns: [{turns: [{text: deep}]}]}").text == "deep"


@pytest.mark.parametrize(("visit", "text"), [(1, "one"), (2, "two"), (3, "two")])
def test_sequences(visit: int, text: str) -> None:
    """Each call has its script, and the last one repeats; what scripts count is counted."""
    found = source("{sequence: [{text: one}, {text: two}]}")
    assert found.script(replace(CALL, visit=visit), Random(1)).text == text
    assert found.scopes == {"session"}


def test_templates() -> None:
    """Placeholders are filled by Faker, in the language that is asked for; the rest stays."""
    text = said("{template: 'Dear {{ first_name }}, {x} {{city}}!'}").text
    assert text.startswith("Dear ")
    assert ", {x} " in text
    assert "{{" not in text
    german = "{template: '{{city}} {{city}} {{city}}', locale: de_DE}"
    assert said(german) == said(german)
    assert said(german) != said(german, seed=2)
    assert said("{template: none}").text == "none"


TOOLS: dict[str, Any] = {
    "get_weather": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
    "stop": {"type": "object", "properties": {}},
}


@pytest.mark.parametrize(("tool", "name"), [(None, "get_weather"), ("stop", "stop")])
def test_tool_calls_of_the_request(tool: str | None, name: str) -> None:
    """`auto` calls the tool that is demanded, else the first, with arguments that fit."""
    script = said("{tool_calls: auto}", tools=TOOLS, tool=tool)
    (call,) = script.tools
    arguments = "".join(call.arguments)
    assert (call.name, script.finish) == (name, "tool_calls")
    Draft202012Validator(TOOLS[name]).validate(json.loads(arguments))
    assert name == "get_weather" or arguments == "{}"


def test_a_tool_that_is_not_offered() -> None:
    """A demanded tool that nobody offers is not called."""
    assert said("{tool_calls: auto}", tools=TOOLS, tool="other").text == CANONICAL


def test_schemas() -> None:
    """The answer is JSON that fits the request's schema, or the profile's."""
    asked = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    for text in ("{schema: request}", "{schema: " + json.dumps(asked) + "}"):
        answer = json.loads(said(text, schema=asked).text)
        Draft202012Validator(asked).validate(answer)
        assert list(answer) == ["age"]


def test_files(tmp_path: Path) -> None:
    """A text file in the profile's folder is read with the profile."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "answer.txt").write_text("one\ntwo", "utf-8")
    profile = tmp_path / "p.yaml"
    profile.write_text("mockllm: 1\nscript: {file: sub/answer.txt}", "utf-8")
    loaded = Library().load_path(profile).profile
    (tmp_path / "sub" / "answer.txt").unlink()
    assert loaded.script is not None
    assert loaded.script.script(CALL, Random(1)) == Script((words("one\ntwo"),))
    assert loaded.model_dump(exclude_unset=True)["script"] == {"file": "sub/answer.txt"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../secret.txt", "expected a file in the profile's own folder, got '../secret.txt'"),
        ("/etc/passwd", "expected a file in the profile's own folder, got '/etc/passwd'"),
        ("link.txt", "expected a file in the profile's own folder, got 'link.txt'"),
        ("none.txt", "expected a file that can be read, got 'none.txt'; No such file or directory"),
        (".", "expected a file that can be read, got '.'; Is a directory"),
        ("latin.txt", "expected a file of UTF-8 text, got 'latin.txt'"),
        ("large.txt", "expected a file of at most 1048576 bytes, got 'large.txt'"),
        ('"a\\0b"', "expected a file of UTF-8 text, got 'a\0b'"),
        ("5", "expected the name of a text file beside the profile, got 5"),
    ],
)
def test_files_that_cannot_be(tmp_path: Path, name: str, message: str) -> None:
    """No file outside the folder is read, and what is no text is refused when the profile is read."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "latin.txt").write_bytes(b"\xe9")
    (folder / "large.txt").write_bytes(b"x" * (1 << 20) + b"x")
    (folder / "p.yaml").write_text(f"mockllm: 1\nscript: {{file: {name}}}", "utf-8")
    with pytest.raises(ProfileError) as refused:
        Library().load_path(folder / "p.yaml")
    assert [problem.message for problem in refused.value.problems] == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{file: a.txt}", "expected a text; only a profile in a folder may name files, got 'a.txt'"),
        ("{usage: 3}", "expected a mapping that is merged over the computed usage, or absent, got 3"),
        ("{usage: null}", "expected a mapping that is merged over the computed usage, or absent, got nothing"),
        ("{n: -1}", "expected a number of at least 0, got -1"),
        ("{n: 129}", "expected a number of at most 128, got 129"),
        ("{turns: []}", "expected at least 1 of them, got a list of 0"),
        ("{turns: [{wrds: 1}]}", "expected a script (echo, file, parts, refusal, replay, schema, sequence, template, text, tool_calls, turns, words), got a mapping with wrds; did you mean 'words'?"),
        ("{text: a, characters: 0}", "expected a number of at least 1, got 0"),
        ("{parts: [{text: a, n: 2}]}", "expected parts of an answer, got a mapping with n; say it beside `parts`"),
        ("{echo: all}", "expected whole, or a mapping with prefix, got 'all'"),
        ("{echo: {suffix: x}}", "unknown key 'suffix'; known keys: prefix"),
        ("{schema: text}", "expected request, or a JSON Schema as a mapping, got 'text'"),
        ("{tool_calls: always}", "expected a list, got 'always'"),
        ("{template: '{{nme}}'}", "expected placeholders that Faker can fill, such as {{name}} or {{city}}, got '{{nme}}'; did you mean 'name'?"),
        ("{template: '{{__class__}}'}", "expected placeholders that Faker can fill, such as {{name}} or {{city}}, got '{{__class__}}'"),
        ("{template: '{{binary}}'}", "expected placeholders that Faker can fill, such as {{name}} or {{city}}, got '{{binary}}'"),
        ("{template: x, locale: xx}", "expected a locale of Faker, such as en_US or de_DE, got 'xx'"),
    ],
)  # fmt: skip
def test_refusals(text: str, message: str) -> None:
    """What a script does not take is refused when the profile is read."""
    assert refusal(text) == message


def test_a_limit_keeps_what_the_profile_wants() -> None:
    """A limit cuts the text and leaves usage and choices as they are."""
    script = Script((words("a b c"),), usage={"x": 1}, choices=2)
    assert script.limited(2) == Script((words("a b"),), "length", {"x": 1}, choices=2)
    thought = Script((words("a b", "reasoning"), words("c d")))
    assert thought.limited(3) == Script((words("a b", "reasoning"), words("c")), "length")


def test_a_profile_says_a_script_once() -> None:
    """Scripts are values: equal profiles have equal scripts."""
    text = "{turns: [tools2, {schema: {type: object}}], reasoning: x}"
    assert source(text) == source(text)
    assert isinstance(load("mockllm: 1", name="p").profile, Profile)
    assert said("tools2").tools[0] == ToolCall("get_weather", ('{"cit', 'y": "P', 'aris"}'))
