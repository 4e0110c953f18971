"""The reference of the language is whole, and the one that ships is of today."""

from __future__ import annotations

import re
import typing

import pytest

from mockllm.engine.endpoints import wires
from mockllm.engine.exchange import PLACEHOLDER
from mockllm.faults.anchors import (
    KIND_MEANINGS,
    KINDS,
    POINT_MEANINGS,
    SELECTOR_FORMS,
    Point,
    parse_anchor,
)
from mockllm.faults.fault import SPELLED, Fault
from mockllm.faults.named import NAMED as NAMED_FAULTS
from mockllm.faults.often import Often
from mockllm.faults.values import tag_of
from mockllm.profile.account import Account, Keys
from mockllm.profile.expect import (
    Burst,
    Expect,
    ExpectCaller,
    ExpectClient,
    ExpectFallback,
    ExpectPolicy,
    ExpectServer,
    Return,
)
from mockllm.profile.library import shipped
from mockllm.profile.loader import models_in
from mockllm.profile.models import MATCHERS, SOURCES, VERBS, Listener, Pacing, Profile, Route
from mockllm.profile.reference import page
from mockllm.scripts.named import NAMED as NAMED_SCRIPTS
from mockllm.shapes.answer import answers
from mockllm.shapes.shape import shapes
from mockllm.wires.dialects import DIALECTS

PAGE = page()
HEADINGS = [line for line in PAGE.splitlines() if line.startswith("#")]
MODELS = (
    Profile, Route, Listener, Pacing, Often, Account, Keys,
    Expect, ExpectClient, ExpectServer, ExpectPolicy, ExpectFallback, ExpectCaller, Burst, Return,
)  # fmt: skip


def section(heading: str) -> str:
    """The text under a heading, up to the next of its kind or above."""
    level = heading.partition(" ")[0]
    rest = PAGE.partition(f"\n{heading}\n")[2]
    ends = [rest.find(f"\n{'#' * number} ") for number in range(1, len(level) + 1)]
    return rest[: min((end for end in ends if end >= 0), default=len(rest))]


def words(heading: str) -> set[str]:
    """The first words of the rows of all tables under a heading."""
    rows = [line for line in section(heading).splitlines() if line.startswith("| ")]
    return {row.split(" | ")[0].removeprefix("| ").removeprefix("… ").strip("`") for row in rows}


def test_the_file_is_of_today() -> None:
    """The page beside the profiles is what the sources say now."""
    assert (shipped() / "README.md").read_text("utf-8") == PAGE, (
        "the language has changed: run `mockllm reference > profiles/README.md`"
    )


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.verb)
def test_every_value_of_a_verb(verb: type[Fault]) -> None:
    """Each verb has its wire contract, and a row for each mapping that it takes."""
    name = verb.verb
    heading = f"### `{name}`"
    assert "On the wire: " in section(heading)
    values = {
        tag_of(model)[1:-1]
        for model in models_in(verb.model_fields[name].annotation)
        if "__doc__" in vars(model)
    }
    assert values - words(heading) == set()


@pytest.mark.parametrize(
    ("heading", "wanted"),
    [
        ("## Named faults", set(NAMED_FAULTS)),
        ("## How often", set(Often.model_fields)),
        ("## Matchers", {one.key for one in MATCHERS}),
        ("## Scripts", {tag_of(one)[1:-1] for one in SOURCES} | set(NAMED_SCRIPTS)),
        ("## Pacing", set(Pacing.model_fields)),
        ("## Account", {*Account.model_fields, *(f"keys.{name}" for name in Keys.model_fields)}),
        ("## Wires and dialects", {wire.name for wire in wires()} | set(DIALECTS)),
        ("## Shapes and answers", set(shapes()) | set(answers())),
        ("## Profile", set(Profile.model_fields)),
        ("## Routes", set(Route.model_fields)),
        ("## Expect", set(Expect.model_fields)),
        ("### `expect.client`", set(ExpectClient.model_fields)),
        ("### `expect.server`", set(ExpectServer.model_fields)),
        ("### `expect.fallback`", set(ExpectFallback.model_fields)),
        ("### `expect.caller`", set(ExpectCaller.model_fields)),
        ("## Anchors", set(POINT_MEANINGS) | set(KIND_MEANINGS) | set(SELECTOR_FORMS)),
    ],
)
def test_every_word(heading: str, wanted: set[str]) -> None:
    """Each word of the language has its row."""
    assert wanted - words(heading) == set()


def test_every_row_says_something() -> None:
    """No word of the language is left without its meaning."""
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    assert [row for row in rows if not row.rstrip("|").rpartition("|")[2].strip()] == []


def test_every_wire_and_dialect_tells_its_source() -> None:
    """A server and how it is known, in the table."""
    for source in (*(one.source for one in wires()), *(one.source for one in DIALECTS.values())):
        assert re.search(r"observed|documented|documentation", source), source
        assert f"| {source} |" in section("## Wires and dialects")


def test_every_link_has_its_heading() -> None:
    """What is linked is there."""
    anchors = {
        heading.lstrip("# ").lower().replace("`", "").replace(".", "").replace(" ", "-")
        for heading in HEADINGS
    }
    links = {part.partition(")")[0] for part in PAGE.split("](#")[1:]}
    assert links - anchors == set()


def test_every_point_and_kind_has_a_meaning() -> None:
    """The tables of anchors know every point and every kind of frame."""
    spelled = {SPELLED.get(point, point) for point in typing.get_args(Point)}
    assert spelled - {"idle [next-byte]"} <= set(POINT_MEANINGS)
    assert {"idle", "idle next-byte"} <= set(POINT_MEANINGS)
    assert set(KIND_MEANINGS) == {*KINDS, "event NAME"}


@pytest.mark.parametrize("form", SELECTOR_FORMS)
def test_the_selectors_are_selectors(form: str) -> None:
    """Each form that is shown can be written."""
    assert parse_anchor(form).selector is not None


@pytest.mark.parametrize("text", ["{{now}}", "{{now+2s}}", "{{self}}", "{{listener NAME}}"])
def test_the_placeholders_are_placeholders(text: str) -> None:
    """Each placeholder that is shown is one that is filled in."""
    assert f"`{text}`" in PAGE
    assert PLACEHOLDER.fullmatch(text)
