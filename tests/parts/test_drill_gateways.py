"""The drill against real gateways, with the configurations that ship."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cli import cli
from tests.parts.installed import need

INCIDENTS = ("loading-model-503", "crlf-lines", "clean-cut-reported-as-success")


def cells(system: str, program: Path) -> dict[str, Any]:
    """What a gateway did, by incident."""
    arguments = ["--system", system, "--program", str(program), "--format", "json", *INCIDENTS]
    done = CliRunner().invoke(cli, ["drill", *arguments])
    assert done.exit_code in (0, 1), done.output
    (found,) = json.loads(done.stdout)["systems"]
    return {cell["incident"]: cell for cell in found["cells"]}


BROKEN = {
    "envoy": "failed safely",
    "haproxy": "failed safely",
    "litellm-proxy": "failed safely",
    "nginx": "failed safely",
    "portkey": "wrong",  # it ends a stream properly that broke off
}
"""What becomes of a stream that breaks off."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.parts(name)) for name in BROKEN]
)
def test_a_real_gateway(name: str) -> None:
    """It starts, tries again as it was told, and tells of a broken stream or hides it."""
    program = Path(need(name))
    if name == "litellm-proxy":
        program = program.with_name("litellm")  # the part is known by its interpreter
    found = cells(name, program)
    assert found["loading-model-503"]["attempts"] >= 2
    assert found["crlf-lines"]["verdict"] == "survived"
    assert found["clean-cut-reported-as-success"]["verdict"] == BROKEN[name]
