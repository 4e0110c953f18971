"""Every mistake in a profile has its place and says what was expected; all of them come at once."""

from __future__ import annotations

import pytest

from mockllm.profile.loader import Loaded, load
from mockllm.profile.problems import ProfileError
from mockllm.shapes.answer import answers


def refused(text: str) -> str:
    """What is said of a profile."""
    with pytest.raises(ProfileError) as error:
        load(text, name="p", file="p.yaml")
    return str(error.value)


FAULTS = (
    "wait, reply, send, edit, encode, close, fail, hang, stall, reset, cut, truncate, garble, error"
)
SELECTORS = "a selector such as content 5, content 3..5, frame -1 or finish"
"""How the refusal of a selector begins."""


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        # the profile
        ("abuot: x", "2:1: abuot: unknown key 'abuot'; did you mean 'about'?"),
        ("zzz: x", "2:1: zzz: unknown key 'zzz'; known keys: about, account, bundles, cite, dialect, expect, extends, faults, listeners, loading, match, mockllm, models, pacing, routes, scalable, script, seed, sinks, story, strict"),
        ("about: [a]", "2:8: about: expected a text, got a list of 1"),
        ("about: {a: b}", "2:8: about: expected a text, got a mapping with a"),
        ("about:", "2:7: about: expected a text, got nothing"),
        ("seed: x", "2:7: seed: expected a whole number, got 'x'"),
        ("seed: 1.50", "2:7: seed: expected a whole number, got 1.50"),
        ("seed: 010", "2:7: seed: expected a whole number, got '010'"),
        ("seed: 1:30", "2:7: seed: expected a whole number, got '1:30'"),
        ("strict: on", "2:9: strict: expected true or false, got 'on'"),
        ("strict: no", "2:9: strict: expected true or false, got 'no'"),
        ("strict: 1", "2:9: strict: expected true or false, got 1"),
        ("models: gpt", "2:9: models: expected a list, got 'gpt'"),
        ("models: [[]]", "2:10: models[0]: expected a text, got a list of 0"),
        ("routes: 5", "2:9: routes: expected a list, got 5"),
        ("routes: [5]", "2:10: routes[0]: expected a mapping, got 5"),
        ("routes: [{nam: a}]", "2:11: routes[0].nam: unknown key 'nam'; did you mean 'name'?"),
        ("routes: []\nscript: text60\nfaults: []", "1:1: expected either routes, or one route at the top level, got a mapping with routes, script, faults; move script and faults into a route"),
        ("mockllm: 1", "2:1: mockllm: duplicate key 'mockllm', first at line 1"),
        # matchers
        ("match: {strem: true}", "2:9: match.strem: unknown key 'strem'; did you mean 'stream'?"),
        ("match: {stream: on}", "2:17: match.stream: expected true or false, got 'on'"),
        ("match: {model: 4}", "2:16: match.model: expected a text, or a list of texts (* stands for any text), got 4"),
        ("match: {model: *}", "2:16: a value that begins with '*' is read as an alias; if it is meant as text, quote it: \"*\" (did not find expected alphabetic or numeric character)"),
        ("match: x", "2:8: match: expected a mapping, got 'x'"),
        # pacing
        ("pacing: 3", "2:9: pacing: expected a mapping, got 3"),
        ("pacing: {ttft: 3}", "2:16: pacing.ttft: expected a duration, got 3; write the unit, such as 3s or 3ms"),
        ("pacing: {ttft: forever}", "2:16: pacing.ttft: expected a duration such as 300ms, 2s or 1m30s, got 'forever'"),
        ("pacing: {itl: 1ms, tps: 4}", "2:9: pacing: expected either itl or tps, got a mapping with itl, tps"),
        ("pacing: {tps: 0}", "2:15: pacing.tps: expected a number above 0.0, got 0"),
        ("pacing: {tps: '20'}", "2:15: pacing.tps: expected a number, got '20'"),
        ("pacing: {jitter: 0.2}", "2:18: pacing.jitter: expected a share such as 20%, got 0.2"),
        ("pacing: {jitter: 200%}", "2:18: pacing.jitter: expected a share of at most 100%, got '200%'"),
        # scripts
        ("script: text6", "2:9: script: expected the name of a script (canonical, cjk60, echo, reasoning60, refusal60, text60, tools2) or a mapping (echo, file, parts, refusal, replay, schema, sequence, template, text, tool_calls, turns, words), got 'text6'; did you mean 'text60'?"),
        ("script: 3", "2:9: script: expected the name of a script (canonical, cjk60, echo, reasoning60, refusal60, text60, tools2) or a mapping (echo, file, parts, refusal, replay, schema, sequence, template, text, tool_calls, turns, words), got 3"),
        ("script: {txt: a}", "2:9: script: expected a script (echo, file, parts, refusal, replay, schema, sequence, template, text, tool_calls, turns, words), got a mapping with txt; did you mean 'text'?"),
        ("script: {text: a, words: 5}", "2:9: script: expected a script of one kind, got a mapping with text, words; write text and words one by one"),
        ("script: {words: 0}", "2:17: script.words: expected a number of at least 1, got 0"),
        ("script: {words: 100001}", "2:17: script.words: expected a number of at most 100000, got 100001"),
        ("script: {words: 3, locale: xx}", "2:28: script.locale: expected a locale of Faker, such as en_US or de_DE, got 'xx'"),
        ("script: {words: 3, locle: xx}", "2:20: script.locle: unknown key 'locle'; did you mean 'locale'?"),
        ("script: {tool_calls: []}", "2:22: script.tool_calls: expected at least 1 of them, got a list of 0"),
        ("models: []", "2:9: models: expected at least 1 of them, got a list of 0"),
        ("script: {tool_calls: [{}]}", "2:23: script.tool_calls[0]: expected the key 'name', got nothing"),
        ("script: {tool_calls: [{name: 3}]}", "2:30: script.tool_calls[0].name: expected a text, got 3"),
        ("script: {tool_calls: [{name: a, arguments: 3}]}", "2:44: script.tool_calls[0].arguments: expected a mapping, or the JSON as a text, got 3"),
        ("script: {text: {{now}}}", "2:16: script.text: expected a text, got an empty mapping\np.yaml:2:17: script.text: expected a text as key; if {…} is meant as text, quote it"),
        # faults
        ("faults: reset", "2:9: faults: expected a list, got 'reset'"),
        ("faults: [5]", f"2:10: faults[0]: expected a fault ({FAULTS}), got 5"),
        ("faults: [{}]", f"2:10: faults[0]: expected a fault ({FAULTS}), got an empty mapping"),
        ("faults: [{rest: }]", f"2:10: faults[0]: expected a fault ({FAULTS}), got a mapping with rest; did you mean 'reset'?"),
        ("faults: [{first: 2}]", f"2:10: faults[0]: expected a fault ({FAULTS}), got a mapping with first"),
        ("faults: [{reset: , cut: }]", "2:10: faults[0]: expected a fault of one kind, got a mapping with reset, cut; write reset and cut one by one"),
        ("faults: [{reset: , frist: 2}]", "2:20: faults[0].frist: unknown key 'frist'; did you mean 'first'?"),
        ("faults: [{reset: , reset: }]", "2:20: faults[0].reset: duplicate key 'reset', first at line 2"),
        ("faults: [{reset: 5}]", "2:18: faults[0].reset: expected no value (or true), got 5"),
        ("faults: [stall]", "2:10: faults[0]: expected a duration such as 300ms, 2s or 1m30s, got nothing"),
        ("faults: [{stall: 30}]", "2:18: faults[0].stall: expected a duration, got 30; write the unit, such as 30s or 30ms"),
        ("faults: [{stall: ever}]", "2:18: faults[0].stall: expected a duration such as 300ms or 2s, or forever, got 'ever'"),
        ("faults: [{fail: 5}]", "2:17: faults[0].fail: expected a number of at least 200, got 5"),
        ("faults: [{fail: {status: 1000}}]", "2:26: faults[0].fail.status: expected a number of at most 999, got 1000"),
        ("faults: [{fail: {code: 1.5}}]", "2:24: faults[0].fail.code: expected a number, a text or null, got 1.5"),
        ("faults: [{fail: {stats: 500}}]", "2:18: faults[0].fail.stats: unknown key 'stats'; did you mean 'status'?"),
        ("faults: [{fail: {headers: [a]}}]", "2:27: faults[0].fail.headers: expected a mapping, got a list of 1"),
        ("faults: [{fail: {headers: {a: }}}]", "2:31: faults[0].fail.headers.a: expected a text, got nothing"),
        ("faults: [{reply: 503}]", "2:18: faults[0].reply: expected the name of an answer, or a mapping with status, shape, message, …, got 503; write {status: 503}"),
        ("faults: [{reply: [a]}]", "2:18: faults[0].reply: expected the name of an answer, or a mapping with status, shape, message, …, got a list of 1"),
        ("faults: [{reply: {bdy: x}}]", "2:19: faults[0].reply.bdy: unknown key 'bdy'; did you mean 'body'?"),
        ("faults: [{close: tidy}]", "2:18: faults[0].close: expected 'clean', 'fin', 'rst', 'half', 'refuse' or 'never-accept', got 'tidy'"),
        ("faults: [{edit: {drop: , duplicate: 2}}]", "2:17: faults[0].edit: expected a change of one kind, got a mapping with drop, duplicate; write drop and duplicate one by one"),
        ("faults: [{edit: {duplicate: 1}}]", "2:29: faults[0].edit.duplicate: expected a number of at least 2, got 1"),
        ("faults: [{edit: {truncate: 1, at: x}}]", "2:31: faults[0].edit.at: unknown key 'at'; known keys: truncate"),
        ("faults: [{encode: {split: {bytes: 0}}}]", "2:35: faults[0].encode.split.bytes: expected a number of at least 1, got 0"),
        ("faults: [{encode: {split: {byte: 1}}}]", "2:28: faults[0].encode.split.byte: unknown key 'byte'; did you mean 'bytes'?"),
        ("faults: [{send: comment}]", "2:17: faults[0].send: expected a text, got nothing"),
        ("faults: [{send: {frame: 3}}]", "2:25: faults[0].send.frame: expected a mapping, got 3"),
        ("faults: [{send: {error: , done: 1}}]", "2:33: faults[0].send.done: expected true, false or server, got 1"),
        # frequencies
        ("faults: [{reset: , first: 0}]", "2:27: faults[0].first: expected a number of at least 1, got 0"),
        ("faults: [{reset: , first: true}]", "2:27: faults[0].first: expected a whole number, got true"),
        ("faults: [{reset: , nth: [0]}]", "2:26: faults[0].nth[0]: expected a number of at least 1, got 0"),
        ("faults: [{reset: , chance: 110%}]", "2:28: faults[0].chance: expected a share of at most 100%, got '110%'"),
        ("faults: [{reset: , chance: 10}]", "2:28: faults[0].chance: expected a share such as 20%, got 10"),
        ("faults: [{reset: , during: [1s]}]", "2:28: faults[0].during: expected a window of two times such as [0s, 20s], got a list of 1"),
        ("faults: [{reset: , during: [1s, 2]}]", "2:33: faults[0].during[1]: expected a duration, got 2; write the unit, such as 2s or 2ms"),
        # anchors
        ("faults: [{reset: , at: 3}]", "2:24: faults[0].at: expected an anchor such as request, after content 5 or t 30s, got 3"),
        ("faults: [{reset: , at: after content}]", "2:24: faults[0].at: expected a number after content, such as content 5 or content *, got 'after content'"),
        ("faults: [{reset: , at: t 30}]", "2:24: faults[0].at: expected a duration such as 300ms, 2s or 1m30s, got '30'"),
        ("faults: [{edit: drop, at: after content 5}]", "2:27: faults[0].at: expected an anchor for edit: SELECTOR, head, got 'after content 5'; edit changes a frame or the head, so name it: content 6, head"),
        ("faults: [{encode: no-space, at: request}]", "2:33: faults[0].at: expected an anchor for encode: body, SELECTOR, head, got 'request'; encode changes how something is written, so name it: body, frame 1, head"),
        ("faults: [{fail: 503, at: head}]", "2:26: faults[0].at: expected an anchor for reply: request, upload SIZE, got 'head'; once the head is sent there is no other answer"),
    ],
)  # fmt: skip
def test_one_mistake(second: str, problem: str) -> None:
    """A mistake in the second line is told with its line, column, path, and what would be right."""
    assert refused(f"mockllm: 1\n{second}") == f"p.yaml:{problem}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("about: x", "1:1: expected the key 'mockllm', got nothing"),
        ("mockllm: 2", "1:10: mockllm: expected 1, got 2"),
        ('mockllm: "1"', "1:10: mockllm: expected 1, got '1'"),
        ("{}", "1:1: expected the key 'mockllm', got nothing"),
    ],
)
def test_the_version(text: str, problem: str) -> None:
    """A profile says in which version of the language it is written."""
    assert refused(text) == f"p.yaml:{problem}"


@pytest.mark.parametrize(
    ("fault", "kind", "near"),
    [
        ("reply: envoy.no-healthy-upstrem", "answer", "envoy.no-healthy-upstream"),
        ("reply: {shape: opnai}", "shape", "openai"),
        ("fail: {status: 500, shape: opnai}", "shape", "openai"),
        ("error: opnai", "shape", "openai"),
        ("error: {shape: opnai}", "shape", "openai"),
    ],
)
def test_names_that_nothing_has(fault: str, kind: str, near: str) -> None:
    """An unknown name of a shape or an answer gets the list of them and the nearest one."""
    message = refused(f"mockllm: 1\nfaults: [{{{fault}}}]")
    assert f"expected the name of an {kind} (" in message or f"of a {kind} (" in message
    assert message.endswith(f"; did you mean '{near}'?")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("nginx.52", "(nginx.502, nginx.504, nginx.503, nginx.413, nginx.404, …), got 'nginx.52'; did you mean 'nginx.502'?"),
        ("tgi", "(tgi.incomplete-generation, tgi.incomplete-stream, tgi.overloaded, tgi.serialization, tgi.unauthorized, …), got 'tgi'; mockllm list answers shows them all"),
        ("zzz", f"({len(answers())} of them), got 'zzz'; mockllm list answers shows them all"),
    ],
)  # fmt: skip
def test_of_many_names_the_nearest_are_shown(name: str, shown: str) -> None:
    """Of hundreds of answers a message shows those that may be meant."""
    message = refused(f"mockllm: 1\nfaults: [{{reply: {name}}}]")
    assert message.endswith(f"expected the name of an answer {shown}")


def test_all_problems_at_once() -> None:
    """A file with many mistakes is told all of them, in the order of its lines."""
    text = """\
mockllm: 1
seed: x
seed: 3
routes:
  - name: one
    pacing: {ttft: 5}
    faults:
      - {stall: 30}
      - {reset: , at: after content}
      - {frist: 2}
  - match: {strem: true}
    script: text6
extra: 1
"""
    assert [line.split(": ", 1)[0] for line in refused(text).splitlines()] == [
        "p.yaml:2:7", "p.yaml:3:1", "p.yaml:6:20", "p.yaml:8:17", "p.yaml:9:23", "p.yaml:10:9",
        "p.yaml:11:13", "p.yaml:12:13", "p.yaml:13:1",
    ]  # fmt: skip


def test_what_was_loaded() -> None:
    """A profile keeps its name, its text and how messages call its file."""
    text = "mockllm: 1\nabout: 007\n"
    loaded = load(text, name="p")
    assert (loaded.name, loaded.text, loaded.file) == ("p", text, "p")
    assert loaded == Loaded("p", loaded.profile, text, "p")
    assert loaded.profile.about == "007"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "match: {wire: openai.chta}",
            "2:8: match: expected a wire, got 'openai.chta'; did you mean 'openai.chat'?",
        ),
        (
            "faults: [{wait: 2s, at: after content 5..3}]",
            "2:25: faults[0].at: expected a range that does not run backwards, such as content "
            "3..5, got 'after content 5..3'",
        ),
        (
            "faults: [{reset: , during: [20s, 2s]}]",
            "2:28: faults[0].during: expected a window that begins before it ends, got '[20s, 2s]'",
        ),
    ],
)
def test_what_could_never_act(text: str, message: str) -> None:
    """A condition, a range or a window that nothing meets is refused when the file is read."""
    assert refused(f"mockllm: 1\n{text}\n") == f"p.yaml:{message}"
