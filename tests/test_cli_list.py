"""`mockllm list KIND`: shapes and answers."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from mockllm.cli import cli
from mockllm.shapes.answer import answers
from mockllm.shapes.catalogue import catalogue, shape_catalogue
from mockllm.shapes.shape import shapes


def run(*arguments: str) -> Result:
    """One command."""
    return CliRunner(env={"MOCKLLM_PROFILES": None}).invoke(cli, arguments)


def test_answers_with_status_evidence_and_source() -> None:
    """Each answer has its line, in columns."""
    lines = run("list", "answers").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(answers())
    line = next(line for line in lines if line.startswith("envoy.no-healthy-upstream "))
    assert line.split(maxsplit=1)[1] == (
        "503  observed    No host of the cluster is healthy, or it has none (response flag UH). "
        "Envoy 1.40.0."
    )
    width = max(map(len, answers())) + 2
    assert {line[width : width + 3] for line in lines} <= {str(row.status) for row in catalogue()}


def test_shapes_with_source() -> None:
    """Each shape has its line."""
    lines = run("list", "shapes").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(shapes())
    line = next(line for line in lines if line.startswith("envoy "))
    assert line.endswith(
        "Envoy and Istio: a plain text without a newline. Envoy 1.40.0 (observed)."
    )


def test_profiles_without_a_kind() -> None:
    """Without a kind the profiles are listed."""
    assert run("list").stdout == run("list", "profiles").stdout
    assert "\ndefault " in run("list").stdout


def test_a_kind_that_there_is_not() -> None:
    """The kinds are named."""
    result = run("list", "answer")
    assert result.exit_code == 2
    assert "'shapes'" in result.stderr
    assert "'answers'" in result.stderr


@pytest.mark.parametrize("kind", ["shapes", "answers"])
def test_what_is_for_incidents_only(kind: str) -> None:
    """A category has no meaning for shapes and answers."""
    assert run("list", kind, "--category", "gateways").exit_code == 2


def test_the_tables() -> None:
    """The tables tell what the data says."""
    row = next(row for row in catalogue() if row.name == "nginx.502")
    assert (row.producer, row.status, row.evidence) == ("nginx", 502, "observed")
    assert [row.name for row in shape_catalogue()] == sorted(shapes())
    statuses = {row.name: row.statuses for row in shape_catalogue()}
    assert statuses["kserve"] == (400, 404, 500, 501, 503)
