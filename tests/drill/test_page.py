"""The tables of the page are of what there is today."""

from __future__ import annotations

import re

import pytest

from mockllm.drill.limits import Limits
from mockllm.drill.reports.table import SIGNS
from mockllm.profile.library import Library
from tests.drill.tables import (
    BENCH,
    PAGE,
    PLAIN,
    PUBLISHED,
    SDKS,
    bench_lines,
    kinds_of,
    word_of,
)

TEXT = PAGE.read_text("utf-8")


def rows(what: str) -> list[list[str]]:
    """The rows of the tables in a marked part of the page, as cells."""
    part = TEXT.partition(f"<!-- {what} -->")[2].partition(f"<!-- /{what} -->")[0]
    found = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [cells for cells in found if not set(cells) <= {"---"}]


@pytest.mark.parametrize(("what", "bundle"), [("tables", "core"), (BENCH, "failoverbench-0.1")])
def test_every_incident_has_its_row(what: str, bundle: str) -> None:
    """Those of the newest bundle, in its order."""
    names = [incident.name for incident in Library().incidents(bundle=bundle)]
    told = [cells[0].strip("`") for cells in rows(what)]
    assert [name for name in told if name in names] == names


def test_the_systems_that_the_page_promises() -> None:
    """Official SDKs of two languages, plain loops and gateways, in the limits of today."""
    head = next(cells for cells in rows("tables") if cells[0] == "Incident")
    systems = {cell.strip("`") for cell in head[1:]}
    assert systems >= {*SDKS, *PLAIN, "envoy", "nginx", "haproxy", "litellm-proxy"}
    assert Limits().as_text() in TEXT


def test_a_verdict_is_a_sign() -> None:
    """Every cell of the big table is one."""
    table = rows("tables")
    begin, end = (
        next(n for n, cells in enumerate(table) if cells[0] == word)
        for word in ("Incident", "Fact")
    )
    assert {cell for cells in table[begin + 1 : end] for cell in cells[1:]} <= set(SIGNS.values())


def test_failover_benchs_words() -> None:
    """Each verdict has one; where the ideal outcome is an error, an error is a pass."""
    words = {v: word_of({"incident": "fb-s01", "verdict": v}) for v in SIGNS}
    assert words == {
        "survived": "pass", "survived with advice": "partial", "failed safely": "safe",
        "wrong": "fail", "hung": "fail", "not judged": "n/a",
    }  # fmt: skip
    assert word_of({"incident": "fb-s13", "verdict": "failed safely"}) == "pass"


def test_what_is_published_stands_beside_ours() -> None:
    """A column for each system that both have."""
    incidents = [{"name": f"fb-s{n:02}"} for n in range(1, 17)]
    cells = [{"incident": one["name"], "verdict": "survived"} for one in incidents]
    systems = [{"name": name, "version": "1", "cells": cells} for name in (*PUBLISHED, "mine")]
    head, *body = [
        line
        for line in bench_lines({"incidents": incidents, "systems": systems})
        if line.startswith("| ") and "---" not in line
    ]
    assert len(re.findall("published: ", head)) == len(PUBLISHED)
    assert all(len(line.split(" | ")) == 2 + 2 * len(PUBLISHED) for line in body)


def test_facts_are_counted_by_their_kind() -> None:
    """Each gateway's, the most frequent first; a fact that nobody told is a dash."""
    facts = (
        {"status": "kept: 503"},
        {"status": "changed: 503 became 500"},
        {"status": "kept: 429"},
    )
    gateway = {"name": "gw", "cells": [{"facts": one} for one in facts]}
    assert kinds_of(gateway, "status") == "kept (2), changed (1)"
    assert kinds_of(gateway, "Retry-After") == "–"
