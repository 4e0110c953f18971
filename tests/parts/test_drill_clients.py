"""The drill of real clients: what openai-node does, and that two drills agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cli import cli
from tests.drill.tables import PUBLISHED, word_of
from tests.parts.installed import need

FAST = ("--speed", "50", "--guard", "15")
"""The incidents' own times shorter, far from the guard even on a machine that is loaded."""


def cells(*arguments: str) -> dict[str, Any]:
    """What one system did, by incident."""
    done = CliRunner().invoke(cli, ["drill", *arguments, "--format", "json"])
    assert done.exit_code in (0, 1), done.output
    (found,) = json.loads(done.stdout)["systems"]
    return {cell["incident"]: cell for cell in found["cells"]} | {"version": found["version"]}


def modules() -> str:
    """The folder with openai-node."""
    return need("openai-node").partition("/node_modules/")[0]


@pytest.mark.parts("openai-node")
def test_openai_node() -> None:
    """It tries again, reads streams, leaves when its caller does, and lives on in one client."""
    found = cells(
        "--sdk", "openai-node", "--modules", modules(),
        "loading-model-503", "crlf-lines", "disconnect-not-propagated", "keepalive-close-race",
        "clean-cut-reported-as-success", "event-error-ignored", "accepted-never-answered",
        "tool-index-all-zero",
    )  # fmt: skip
    assert found["version"].startswith("openai-node ")
    assert ", Node.js " in found["version"]
    loading = found["loading-model-503"]
    assert (loading["verdict"], loading["attempts"]) == ("survived", 3)
    assert found["crlf-lines"]["verdict"] == "survived"
    assert found["crlf-lines"]["seen"]["alive"] is True
    assert found["disconnect-not-propagated"]["seen"]["left"] is True
    assert found["disconnect-not-propagated"]["verdict"] == "survived"
    assert found["keepalive-close-race"]["verdict"] == "survived"
    cut = found["clean-cut-reported-as-success"]["seen"]["error"]
    assert cut is not None
    assert found["accepted-never-answered"]["seen"]["error"]["kind"] == "timeout"
    assert found["tool-index-all-zero"]["seen"]["tool_calls"]
    assert [kind for _, kind, _ in found["crlf-lines"]["client"]][:2] == ["call", "chunk"]


@pytest.mark.parametrize(
    "name",
    ["http", *(pytest.param(one, marks=pytest.mark.parts(one)) for one in ("openai", "nginx"))],
)
@pytest.mark.parts
def test_two_drills_agree(name: str) -> None:
    """The core bundle twice: every cell has the same verdict."""
    where = {"openai": "--python", "nginx": "--program"}
    kind = "--system" if name == "nginx" else "--sdk"
    place = (where[name], need(name)) if name in where else ()
    first, second = (cells(kind, name, *place, *FAST) for _ in range(2))
    differ = {
        incident: (cell["verdict"], cell["reason"], second[incident]["verdict"], second[incident]["reason"])
        for incident, cell in first.items()
        if incident != "version" and cell["verdict"] != second[incident]["verdict"]
    }  # fmt: skip
    assert differ == {}
    assert len(first) > 30


@pytest.mark.parts("openai")
def test_failover_benchs_published_column() -> None:
    """Its sixteen verdicts on OpenAI's SDK come out here as they were published, in a drill's times."""
    options = ("--sdk", "openai", "--python", need("openai"), "--bundle", "failoverbench-0.1")
    found = cells(*options)
    assert found.pop("version").startswith("openai ")
    assert tuple(word_of(cell) for cell in found.values()) == PUBLISHED["openai"][1]
