"""The drill against real gateways, with the configurations that ship."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mockllm.cli import cli
from tests.parts.installed import need

INCIDENTS = ("loading-model-503", "crlf-lines", "clean-cut-reported-as-success")


def cells(
    system: str, program: Path, incidents: Iterable[str] = INCIDENTS, *more: str
) -> dict[str, Any]:
    """What a gateway did, by incident."""
    arguments = [
        "--system",
        system,
        "--program",
        str(program),
        "--format",
        "json",
        *incidents,
        *more,
    ]
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


@pytest.mark.parts("litellm-proxy")
def test_a_real_fallback() -> None:
    """A second model answers where the first does not, and only what is said of the first counts for
    it: Failover Bench's rules, on the system that it scored as well."""
    program = Path(need("litellm-proxy")).with_name("litellm")
    names = ("fb-s03", "fb-s04", "fb-s09", "fb-s12", "fb-s13", "fb-s16")
    found = cells("litellm-proxy-fallback", program, names)
    assert {name: found[name]["verdict"] for name in names} == {
        "fb-s03": "survived",
        "fb-s04": "survived",
        "fb-s09": "failed safely",
        "fb-s12": "survived",
        "fb-s13": "survived with advice",
        "fb-s16": "survived",
    }
    assert found["fb-s16"]["seen"]["model"] == "fallback"
    assert found["fb-s16"]["attempts"] == 4
    statements = {one["statement"]: one["verdict"] for one in found["fb-s16"]["judgements"]}
    assert statements["server.attempts: at most 6"] == "held"
    assert statements['fallback.client.model: "*fallback*"'] == "held"
