"""What holds for every profile, whatever stands in it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import jsonschema
from hypothesis import given, settings
from hypothesis import strategies as st

from mockllm.faults.apply import apply
from mockllm.faults.often import Occasion
from mockllm.faults.values import (
    parse_duration_or_forever,
    parse_share,
    parse_size,
    spell_seconds,
    spell_share,
    spell_size,
)
from mockllm.profile.loader import Loaded, load
from mockllm.profile.problems import ProfileError
from mockllm.profile.schema import schema
from mockllm.timeline.events import (
    FOREVER,
    Close,
    End,
    Frame,
    Head,
    Message,
    Wait,
    Write,
)
from mockllm.timeline.framing import lower
from mockllm.timeline.slots import Step, until_end
from tests.faults.exchange import FakeExchange
from tests.profile.generated import FAULTS, PROFILE, Document
from tests.timeline.oracle import read, written
from tests.timeline.samples import DONE, ROLE, STREAM, USAGE, body, content, script, tool

VALIDATOR = jsonschema.Draft202012Validator(schema())


def loaded(document: Document) -> Loaded | None:
    """A profile from a document; None where it is refused, each time with a place."""
    text = json.dumps(document, indent=1)
    try:
        return load(text, name="p")
    except ProfileError as error:
        problems = error.problems
    lines = len(text.splitlines())
    assert problems
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in problems)
    return None


TIMED: tuple[Message, ...] = (
    Wait(0.5, paced=True), STREAM, ROLE, content(1), Wait(1.0, paced=True), content(2), DONE, End(),
)  # fmt: skip
SCRIPTS: list[tuple[Message, ...]] = [
    script(0),
    script(7),
    TIMED,
    (STREAM, ROLE, tool(1, 1), tool(1, 2), tool(2, 1), USAGE, DONE, End()),
    body(b'{"n":1}'),
]
OCCASIONS = st.builds(
    Occasion,
    ordinal=st.integers(1, 4),
    elapsed=st.sampled_from([0.0, 0.3, 30.0]),
    draw=st.floats(0, 1, exclude_max=True),
)


def played(
    document: Document, events: tuple[Message, ...], occasion: Occasion
) -> tuple[Step, ...] | None:
    """What a profile of these faults makes of a script, checked to be legal."""
    profile = loaded(document)
    if profile is None:
        return None
    faults = profile.profile.all_routes[0].faults
    made = apply(events, faults, lambda index: occasion, FakeExchange())
    sequence = until_end(made.sequence)
    found = [step.event for step in sequence]
    assert sum(isinstance(event, Head) for event in found) <= 1
    head = next((i for i, event in enumerate(found) if isinstance(event, Head)), len(found))
    assert not any(isinstance(event, Frame) for event in found[:head])
    ends = [i for i, e in enumerate(found) if isinstance(e, End | Close) or is_forever(e)]
    assert ends == [len(found) - 1]
    assert len(made.reports) == len(faults)
    acting = {index for step in sequence for index in step.faults}
    assert acting == {i for i, report in enumerate(made.reports) if report.skipped is None}
    lowered = lower(made.sequence, date="now")
    assert all(event.data for event in lowered.events if isinstance(event, Write))
    assert list(lowered.origin) == sorted(lowered.origin)
    assert not lowered.origin or lowered.origin[-1] < len(sequence)
    return made.sequence


def is_forever(event: Message | None) -> bool:
    """Whether nothing comes behind an event."""
    return isinstance(event, Wait) and event.seconds == FOREVER


@settings(max_examples=400, deadline=None)
@given(FAULTS, st.sampled_from(SCRIPTS), OCCASIONS)
def test_any_faults_give_a_legal_timeline_or_a_load_error(
    faults: list[Document], events: tuple[Message, ...], occasion: Occasion
) -> None:
    """One head, no frame before it, one end, nothing behind it, no empty write, all reported on."""
    played({"mockllm": 1, "faults": faults}, events, occasion)


WRONG_ON_PURPOSE = ("framing", "chunk-size", "content-length", "raw", "interim")


@settings(max_examples=400, deadline=None)
@given(FAULTS, st.sampled_from(SCRIPTS), OCCASIONS)
def test_h11_reads_what_is_not_framed_wrong_on_purpose(
    faults: list[Document], events: tuple[Message, ...], occasion: Occasion
) -> None:
    """Without faults of the framing, every answer that ends properly is whole to h11."""
    if any(word in str(faults) for word in WRONG_ON_PURPOSE) or "head" in str(faults):
        return
    sequence = played({"mockllm": 1, "faults": faults}, events, occasion)
    if sequence is None:
        return
    lowered = lower(sequence, date="now").events
    data = written(lowered)
    proper = isinstance(until_end(sequence)[-1].event, End)
    if data and proper:
        assert read(data, closed=Close("fin", complete=True) in lowered).complete


@settings(max_examples=300, deadline=None)
@given(PROFILE)
def test_a_profile_is_written_as_it_was_read(document: Document) -> None:
    """A loaded profile, dumped by its aliases without what is not set, loads to an equal one."""
    first = loaded(document)
    if first is None:
        return
    dumped = first.profile.model_dump(by_alias=True, exclude_unset=True, mode="json")
    second = loaded(dumped)
    assert second is not None
    assert second.profile == first.profile
    assert [r.faults for r in second.profile.all_routes] == [r.faults for r in first.profile.all_routes]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(PROFILE)
def test_the_schema_takes_what_the_loader_takes(document: Document) -> None:
    """No editor marks what the loader reads."""
    if loaded(document) is not None:
        assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def slips(document: Any) -> st.SearchStrategy[Document]:
    """The document with one wrong key or value somewhere."""
    places = list(inside(document))
    return st.builds(
        spoiled,
        st.just(document),
        st.sampled_from(places),
        st.sampled_from([("zzz", 1), ("mockllm", 3), ("first", "x"), ("chance", 0.1)]),
    )


def inside(part: Any, path: tuple[Any, ...] = ()) -> Any:
    """The paths of the mappings that may hold only known keys: the profile, its routes and faults."""
    yield path
    for key in ("routes", "faults"):
        for index, item in enumerate(part.get(key, [])):
            yield from inside(item, (*path, key, index))


def spoiled(document: Any, path: tuple[Any, ...], slip: tuple[str, Any]) -> Any:
    """A copy with one more key at a path."""
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path:
        place = place[key]
    place[slip[0]] = slip[1]
    return copy


@settings(max_examples=300, deadline=None)
@given(PROFILE.flatmap(slips))
def test_the_schema_marks_slips_as_the_loader_does(document: Document) -> None:
    """A wrong key or value is refused by both."""
    assert loaded(document) is None
    assert list(VALIDATOR.iter_errors(document))


@given(st.floats(0, 1e6), st.decimals(0, 100, places=4), st.integers(0, 1 << 40))
def test_times_shares_and_sizes_read_back(seconds: float, percent: Decimal, size: int) -> None:
    """What is spelled is exactly what was read."""
    assert parse_duration_or_forever(spell_seconds(seconds)) == seconds
    assert parse_size(spell_size(size)) == size
    share = parse_share(f"{percent:f}%")
    assert parse_share(spell_share(share)) == share
