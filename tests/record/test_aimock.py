"""Profiles from fixtures of aimock: what is carried over, and what is told not to be.

That both servers answer alike is asked of a real aimock in tests/parts/test_aimock.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from mockllm import MockLLM
from mockllm.cassettes.cassette import CassetteError
from mockllm.cli import cli
from mockllm.record.aimock import Imported, from_aimock
from mockllm.record.aimock_fixture import HURRIED
from tests.server.raw import chat, connected

OWN = Path(__file__).parent / "fixtures_of_aimock.json"
TEXT = {"content": "Hi."}


def imported(tmp_path: Path, *fixtures: dict[str, Any], **beside: Any) -> Imported:
    """The profile of some fixtures."""
    file = tmp_path / "f.json"
    file.write_text(json.dumps({"fixtures": fixtures, **beside}), "utf-8")
    return from_aimock(file)


def routes(found: Imported) -> list[dict[str, Any]]:
    """Its routes but the last, which answers what no fixture does."""
    made: list[dict[str, Any]] = yaml.safe_load(found.text)["routes"]
    assert made[-1]["name"] == "no-fixture"
    return made[:-1]


def one(tmp_path: Path, response: Any = None, **options: Any) -> dict[str, Any]:
    """The first route of one fixture."""
    found = imported(tmp_path, {"match": {}, "response": response or TEXT, **options})
    return routes(found)[0]


@pytest.mark.parametrize(
    ("options", "pacing"),
    [
        ({}, {"ttft": "0s", "itl": "0s"}),
        ({"latency": -5}, {"ttft": "0s", "itl": "0s"}),
        ({"latency": 12.5}, {"ttft": "12.5ms", "itl": "12.5ms"}),
        ({"latency": 10, "replaySpeed": 2}, {"ttft": "10ms", "itl": "10ms", "speed": 2.0}),
        (
            {"streamingProfile": {"ttft": 200, "tps": 40, "jitter": 0.1}},
            {"ttft": "200ms", "tps": 40.0, "jitter": "10%", "distribution": "uniform"},
        ),
        ({"streamingProfile": {"tps": 50}, "latency": 9}, {"ttft": "20ms", "tps": 50.0}),
        ({"streamingProfile": {"ttft": 5}, "latency": 9}, {"ttft": "5ms", "itl": "9ms"}),
        (
            {"recordedTimings": {"ttftMs": 90, "interChunkDelaysMs": [10, 20], "totalDurationMs": 1}},
            {"ttft": "90ms", "itl": "15ms"},
        ),
    ],
)  # fmt: skip
def test_timing(tmp_path: Path, options: dict[str, Any], pacing: dict[str, Any]) -> None:
    """Delays are the pacing of streams; whole answers come at once, as in aimock."""
    assert one(tmp_path, **options)["pacing"] == pacing
    found = routes(imported(tmp_path, {"match": {}, "response": TEXT, **options}))
    assert found[-1]["pacing"] == {"ttft": "0s", "itl": "0s"}
    streams = [] if pacing == HURRIED else [True]
    assert [route["match"].get("stream") for route in found] == [*streams, None]


@pytest.mark.parametrize(
    ("options", "faults"),
    [
        ({"latency": 5, "truncateAfterChunks": 4}, [{"close": "fin", "at": "after frame 3"}]),
        ({"latency": 5, "truncateAfterChunks": 1}, [{"close": "fin", "at": "request"}]),
        ({"latency": 20, "disconnectAfterMs": 50}, [{"close": "fin", "at": "t 30ms"}]),
        (
            {"latency": 50, "disconnectAfterMs": 20},
            [{"wait": "20ms", "at": "request"}, {"close": "fin", "at": "request"}],
        ),
        ({"chaos": {"latencyMs": 5}}, [{"wait": "5ms", "at": "request"}]),
        ({"chaos": {"disconnectRate": 0.125}}, [{"close": "fin", "at": "request", "chance": "12.5%"}]),
    ],
)  # fmt: skip
def test_what_goes_wrong(tmp_path: Path, options: dict[str, Any], faults: list[Any]) -> None:
    """Cuts and chaos are faults."""
    assert one(tmp_path, **options)["faults"] == faults


def test_chances_are_drawn_in_turn(tmp_path: Path) -> None:
    """The draws of aimock come in one order, and the first that hits is the last."""
    rates = {"disconnectRate": 1, "rateLimitRate": 0.5, "malformedRate": 0.25, "dropRate": 0.1}
    faults = one(tmp_path, chaos=rates)["faults"]
    assert [fault.get("chance") for fault in faults] == ["10%", "25%", "50%", None]
    assert [fault.get("close") for fault in faults] == [None, None, None, "fin"]


@pytest.mark.parametrize(
    ("fixture", "note"),
    [
        ({"response": {**TEXT, "id": "x"}}, "response.id: is not carried over: the server makes it"),
        ({"response": {**TEXT, "whim": 1}}, "response.whim: is not carried over"),
        ({"match": {"toolCallId": "c"}}, "match.toolCallId: is carried over for OpenAI's chat API alone"),
        ({"match": {"userMessage": 3}}, "match.userMessage: expected a text, got 3; it is left out"),
        ({"match": {"predicate": "x"}}, "match.predicate: is not carried over"),
        ({"disconnectAfterMs": 5}, "disconnectAfterMs: is left out: without a delay the stream ends before"),
        ({"openRouterProcessing": True}, "openRouterProcessing: is not carried over: there is no OpenRouter here"),
        ({"streamingProfile": {"tps": 1, "burst": 2}}, "streamingProfile.burst: is not carried over"),
        ({"recordedTimings": {"interChunkDelaysMs": [1, 2]}}, "recordedTimings.interChunkDelaysMs: is carried over as its mean"),
        ({"chaos": {"flood": 1}}, "chaos.flood: is not carried over"),
        ({"response": {"error": {"message": "x", "metadata": {}}}}, "response.error.metadata: is not carried over"),
        ({"response": {"error": {"message": "{{now}}"}}}, "response.error.message: says { { for {{, which would be a placeholder here"),
    ],
)  # fmt: skip
def test_what_is_not_carried_over(tmp_path: Path, fixture: dict[str, Any], note: str) -> None:
    """Whatever has no words in a profile is told with its place, in the profile too."""
    found = imported(tmp_path, {"match": {"userMessage": "a"}, "response": TEXT, **fixture})
    place = f"{tmp_path}/f.json: fixtures[0].{note}"
    assert place in found.notes
    assert f"# {place}\n" in found.text


@pytest.mark.parametrize(
    ("response", "match", "note"),
    [
        ({"image": {"url": "x"}}, {}, "response: image says nothing that is carried over (text, toolCalls, error, embedding)"),
        (TEXT, {"sequenceIndex": 1000}, "match.sequenceIndex: expected one from 0 to 999, got 1000"),
        (TEXT, {"turnIndex": 1000}, "match.turnIndex: expected one up to 999, got 1000"),
        ({"error": {"message": "x"}, "status": 100}, {}, "response.status: expected one from 200 to 999, got 100"),
        ({"toolCalls": ["x"]}, {}, 'response: expected blocks and calls as mappings, got "x"'),
        (TEXT, {"endpoint": "video"}, "match.endpoint: there is no API for 'video' here"),
    ],
)  # fmt: skip
def test_whole_fixtures_that_are_left_out(
    tmp_path: Path, response: Any, match: dict[str, Any], note: str
) -> None:
    """A fixture for another kind of API is left out, the others stay."""
    found = imported(
        tmp_path, {"match": match, "response": response}, {"match": {}, "response": TEXT}
    )
    assert found.notes == (f"{tmp_path}/f.json: fixtures[0].{note}; the fixture is left out",)
    assert (found.fixtures, len(routes(found))) == (1, 1)


def test_sequences(tmp_path: Path) -> None:
    """Numbers that are missing are answered as by no fixture; what differs in time is told."""
    found = imported(
        tmp_path,
        {"match": {"userMessage": "a", "sequenceIndex": 2}, "response": TEXT, "latency": 5},
        {"match": {"userMessage": "a", "sequenceIndex": 0}, "response": TEXT},
        {"match": {"userMessage": "b"}, "response": TEXT},
    )
    first, _ = routes(found)
    assert len(first["script"]["sequence"]) == 3
    assert [(fault.get("nth"), fault.get("skip")) for fault in first["faults"]] == [
        (2, None),
        (None, 3),
    ]
    assert [note.partition("fixtures")[2] for note in found.notes] == [
        "[0].match.sequenceIndex: no later fixture answers behind the last of the sequence",
        "[1]: its timing is not carried over: one route has one pacing",
    ]


def test_turns_of_other_conditions(tmp_path: Path) -> None:
    """Where aimock would weigh the turns of two kinds of fixtures, the first route answers."""
    found = imported(
        tmp_path,
        {"match": {"userMessage": "a", "turnIndex": 1}, "response": TEXT},
        {"match": {"turnIndex": 0}, "response": TEXT},
    )
    place = f"{tmp_path}/f.json: fixtures[0].match.turnIndex"
    what = "is not weighed against that of f-1: the first route answers"
    assert found.notes[0] == f"{place}: {what}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "expected JSON: "),
        ("[]", "expected the key 'fixtures' with a list"),
        ('{"llm": {"fixtures": "x"}}', "expected the key 'fixtures' with a list; this configures aimock: import what its llm.fixtures names"),
        ('{"fixtures": []}', "expected fixtures of which one can be carried over"),
    ],
)  # fmt: skip
def test_what_is_none(tmp_path: Path, text: str, message: str) -> None:
    """A file of another kind is refused with what was expected."""
    file = tmp_path / "f.json"
    file.write_text(text, "utf-8")
    with pytest.raises(CassetteError) as caught:
        from_aimock(file)
    assert str(caught.value).startswith(f"{file}: {message}")


def test_the_command(tmp_path: Path) -> None:
    """`mockllm import aimock` writes a profile that plays, tells what is not in it, and replaces none."""
    out = tmp_path / "p.yaml"
    done = CliRunner().invoke(cli, ["import", "aimock", str(OWN), "--out", str(out)])
    count = len(json.loads(OWN.read_text("utf-8"))["fixtures"])
    assert (done.exit_code, done.stdout) == (0, f"{count} fixtures are in {out}\n")
    assert done.stderr.startswith(f"not as in aimock: {OWN}: fixtures[")
    heard = []
    with MockLLM(out) as server:
        for _ in range(2):
            with connected(server.url) as raw:
                messages = [{"role": "user", "content": "retry"}]
                raw.send(chat(messages=messages, stream=False, close=True))
                heard.append(raw.read_all()[0])
    assert heard[0].startswith(b"HTTP/1.1 429 ")
    assert b'"content":"Second."' in heard[1]
    again = CliRunner().invoke(cli, ["import", "aimock", str(OWN), "--out", str(out)])
    assert again.exit_code == 1
    assert again.stderr == (
        f"mockllm: {out} is there, and is not replaced; choose another file, or remove it\n"
    )
    none = CliRunner().invoke(cli, ["import", "aimock", str(tmp_path / "no"), "--out", str(out)])
    assert none.stderr == f"mockllm: cannot read {tmp_path / 'no'}: No such file or directory\n"


def test_a_folder(tmp_path: Path) -> None:
    """All files of a folder, then of its folders, in aimock's order; others are named."""
    (tmp_path / "in").mkdir()
    for name, text in (("in/a", "3"), ("b", "2"), ("a", "1")):
        fixture = {"match": {"userMessage": text}, "response": {"content": text}}
        (tmp_path / f"{name}.json").write_text(json.dumps({"fixtures": [fixture]}), "utf-8")
    (tmp_path / "c.json").write_text('{"mcp": {}}', "utf-8")
    found = from_aimock(tmp_path)
    assert [route["script"]["text"] for route in routes(found)] == ["1", "2", "3"]
    assert found.notes == ("c.json: expected the key 'fixtures' with a list; it is left out",)
