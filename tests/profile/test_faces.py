"""The typed face of the language in Python: complete, in step with the models, and checked."""

from __future__ import annotations

import inspect
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import mockllm
from mockllm import face
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.named import NAMED
from mockllm.faults.often import Often
from mockllm.faults.reply import ReplyBody
from mockllm.profile.faces import WITH, doc, joined, source, split, type_of
from mockllm.profile.models import Match
from mockllm.scripts.script import Beside

ROOT = Path(mockllm.__file__).parents[1]


def keys(table: type) -> set[str]:
    """The keys of a TypedDict, with those that it inherits."""
    return set(typing.get_type_hints(table, {**vars(typing), **vars(face)}))


def test_the_file_is_what_the_models_say(tmp_path: Path) -> None:
    """`mockllm/face.py` is the printed source, formatted; `python -m mockllm.profile.faces`."""
    pytest.importorskip("ruff")
    written = Path(face.__file__).read_text("utf-8")
    made = tmp_path / "face.py"
    made.write_text(source(), "utf-8")
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--config",
        f"{ROOT}/pyproject.toml",
        f"{made}",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert made.read_text("utf-8") == written


def test_every_named_fault_is_a_method() -> None:
    """The methods are the named faults, each with the words of the language."""
    own = {name for name, _ in inspect.getmembers(face.Face, inspect.isfunction)}
    assert own >= set(NAMED)
    for name in NAMED:
        assert getattr(face.Face, name).__doc__


def test_every_key_of_the_models() -> None:
    """What a profile may say beside a fault, a match or a script, Python may say."""
    beside = {*WITH, *Often.model_fields}
    assert keys(face.FaultKeys) == beside
    assert keys(face.FailKeys) == beside | (set(ReplyBody.model_fields) - {"status"})
    assert keys(face.ErrorKeys) == beside | set(ErrorSpec.model_fields)
    assert keys(face.MatchKeys) == set(Match.model_json_schema()["properties"])
    assert keys(face.ScriptKeys) == set(Beside.model_fields)


GOOD = """
from mockllm import MockLLM, tool

def test(mockllm: MockLLM) -> None:
    mockllm.says("Hi").fail(503, first=2, code="busy", headers={"retry-after": 2})
    mockllm.says(tool("a", x=1), [tool("b"), tool("c")], {"words": 3}, finish="length", n=2)
    mockllm.on(model="gpt*", stream=True, attempt=[1, 2]).stall("30s", after_content=5).cut(nth=2)
    mockllm.hang().reset(during=["1s", "2s"]).truncate(chance="10%").garble(by="key")
    mockllm.error(status=500, shape="vllm", code=None, every=2, may_not_fire=True)
    mockllm.on(key={"not": "x"}, json={"a.b": 1}).add({"close": "rst"})
"""
BAD = (
    "mockllm.fail('503')",
    "mockllm.fail()",
    "mockllm.fail(503, frist=1)",
    "mockllm.fail(503, first='2')",
    "mockllm.stall(30)",
    "mockllm.reset(code=1)",
    "mockllm.cut(by='sesion')",
    "mockllm.on(modle='x')",
    "mockllm.says(5)",
    "mockllm.says('x', finsh='y')",
    "mockllm.flail(503)",
)


def test_a_type_checker(tmp_path: Path) -> None:
    """What is right passes strict mypy; each thing that is wrong is found at its line."""
    pytest.importorskip("mypy")
    lines = [*GOOD.splitlines(), "", "def wrong(mockllm: MockLLM) -> None:"]
    path = tmp_path / "use.py"
    path.write_text("\n".join([*lines, *(f"    {one}" for one in BAD), ""]), "utf-8")
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--config-file", "/dev/null"),
            *("--follow-imports", "silent", "--cache-dir", str(ROOT / ".mypy_cache" / "face")),
            *("--no-error-summary", "--hide-error-context", str(path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    found = {int(line.split(":")[1]) for line in checked.stdout.splitlines() if ": error: " in line}
    first = len(lines) + 1
    assert found == set(range(first, first + len(BAD))), checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string"}, "str"),
        ({"type": ["integer", "null"]}, "int | None"),
        ({"anyOf": [{"type": "null"}, {"type": "number"}]}, "float | None"),
        ({"type": "array", "items": {"type": "integer"}}, "Sequence[int]"),
        ({"type": "array", "prefixItems": [{"type": "string"}]}, "Sequence[str]"),
        ({"type": "object"}, "Mapping[str, Any]"),
        ({"enum": ["a", 1]}, 'Literal["a", 1]'),
        ({"const": "auto"}, 'Literal["auto"]'),
        ({"$ref": "#/$defs/x"}, "bool"),
        ({}, "Any"),
        ({"oneOf": [{}, {"type": "string"}]}, "Any"),
    ],
)
def test_types(schema: dict[str, object], kind: str) -> None:
    """Each kind of schema has its type in Python."""
    assert type_of(schema, {"x": {"type": "boolean"}}) == kind


def test_unions() -> None:
    """A type stands once, None last; what is inside brackets is not split."""
    assert split("int | Mapping[str, int | str] | None") == [
        "int",
        "Mapping[str, int | str]",
        "None",
    ]
    assert joined(iter(["None", "int | str", "str"])) == "int | str | None"


def test_docstrings_are_folded() -> None:
    """A long meaning takes several lines, none too long."""
    lines = doc("word " * 40)
    assert len(lines) > 1
    assert all(len(line) <= 100 for line in lines)
    assert lines[0].startswith('    """word')
    assert lines[-1].endswith('"""')
