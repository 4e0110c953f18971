"""Scalars of the language: what they mean, how they are spelled, what is refused and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticCustomError

from mockllm.faults.values import (
    Flag,
    Strict,
    Text,
    Words,
    chooser,
    flow,
    format_seconds,
    hint_for,
    one_or_many,
    parse_duration,
    parse_duration_or_forever,
    parse_flag,
    parse_share,
    parse_size,
    parse_text,
    spelled,
    stands_alone,
    tag_of,
)
from mockllm.timeline.events import FOREVER


class Spelled(float):
    """A number that remembers its spelling, as the loader's do."""

    text = "1.50"


@pytest.mark.parametrize(
    ("parse", "value", "result"),
    [
        (parse_duration, "0s", 0.0),
        (parse_duration, "300ms", 0.3),
        (parse_duration, "250us", 0.00025),
        (parse_duration, "2s", 2.0),
        (parse_duration, "1.5s", 1.5),
        (parse_duration, "1m30s", 90.0),
        (parse_duration, "2h", 7200.0),
        (parse_duration_or_forever, "forever", FOREVER),
        (parse_duration_or_forever, "2s", 2.0),
        (parse_share, "0%", 0.0),
        (parse_share, "12.5%", 0.125),
        (parse_share, "100%", 1.0),
        (parse_size, "0B", 0),
        (parse_size, "512B", 512),
        (parse_size, "200KiB", 204_800),
        (parse_size, "1MiB", 1_048_576),
        (parse_size, "2GiB", 2_147_483_648),
        (parse_text, "x", "x"),
        (parse_text, 7, "7"),
        (parse_text, 0.5, "0.5"),
        (parse_text, Spelled(1.5), "1.50"),
        (parse_text, True, "true"),
        (parse_text, False, "false"),
        (parse_flag, None, True),
        (parse_flag, True, True),
        (one_or_many, 1, [1]),
        (one_or_many, [1], [1]),
        (one_or_many, (1,), (1,)),
    ],
)
def test_values(parse: Callable[[object], object], value: object, result: object) -> None:
    """A value means just this."""
    assert parse(value) == (pytest.approx(result) if isinstance(result, float) else result)


DURATION = "expected a duration such as 300ms, 2s or 1m30s, got "
FOREVER_TOO = "expected a duration such as 300ms or 2s, or forever, got "
SIZE = "expected a size such as 512B, 64KiB or 1MiB, got "
UNIT = "expected a duration, got {0}; write the unit, such as {0}s or {0}ms"


@pytest.mark.parametrize(
    ("parse", "value", "message"),
    [
        (parse_duration, 30, UNIT.format("30")),
        (parse_duration, Spelled(1.5), UNIT.format("1.50")),
        (parse_duration_or_forever, 30, UNIT.format("30")),
        (parse_duration, "30", DURATION + "'30'"),
        (parse_duration, "2 s", DURATION + "'2 s'"),
        (parse_duration, "2s\n", DURATION + "'2s\n'"),
        (parse_duration, "-2s", DURATION + "'-2s'"),
        (parse_duration, "1:30", DURATION + "'1:30'"),
        (parse_duration, "forever", DURATION + "'forever'"),
        (parse_duration, True, DURATION + "true"),
        (parse_duration, None, DURATION + "nothing"),
        (parse_duration, {}, DURATION + "an empty mapping"),
        (parse_duration_or_forever, "for ever", FOREVER_TOO + "'for ever'"),
        (parse_share, 0.2, "expected a share such as 20%, got 0.2"),
        (parse_share, "20", "expected a share such as 20%, got '20'"),
        (parse_share, "120%", "expected a share of at most 100%, got '120%'"),
        (parse_size, 512, "expected a size, got 512; write the unit, such as 512B or 512KiB"),
        (parse_size, "1MB", SIZE + "'1MB'"),
        (parse_size, "1.5KiB", SIZE + "'1.5KiB'"),
        (parse_size, "-1B", SIZE + "'-1B'"),
        (parse_size, None, SIZE + "nothing"),
        (parse_text, None, "expected a text, got nothing"),
        (parse_text, [1, 2], "expected a text, got a list of 2"),
        (parse_text, {"a": 1, "b": 2}, "expected a text, got a mapping with a, b"),
        (parse_flag, False, "expected no value (or true), got false"),
        (parse_flag, "{0}", "expected no value (or true), got '{0}'"),
    ],
)
def test_refusals(parse: Callable[[object], object], value: object, message: str) -> None:
    """A refusal says what was expected, what came, and what to do."""
    with pytest.raises(PydanticCustomError) as refused:
        parse(value)
    assert refused.value.message() == message


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(FOREVER, "forever"), (0.0, "0s"), (0.3, "300ms"), (1.0, "1s"), (90.5, "90.5s"), (1e-5, "0.01ms"), (1e6, "1000000s"), (1e-9, "0.000001ms")],
)  # fmt: skip
def test_format_seconds(seconds: float, text: str) -> None:
    """A duration is spelled as a profile would, and reads back as itself."""
    assert format_seconds(seconds) == text
    assert parse_duration_or_forever(text) == pytest.approx(seconds)


@given(
    st.lists(
        st.tuples(st.integers(0, 999), st.sampled_from(["us", "ms", "s", "m", "h"])), min_size=1
    )
)
def test_terms_add_up(terms: list[tuple[int, str]]) -> None:
    """A duration of several terms is their sum."""
    text = "".join(f"{number}{unit}" for number, unit in terms)
    total = sum(parse_duration(f"{number}{unit}") for number, unit in terms)
    assert parse_duration(text) == pytest.approx(total)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (False, "false"),
        ("a", "'a'"),
        (3, "3"),
        (Spelled(1.5), "1.50"),
        ([], "a list of 0"),
        ((1,), "a list of 1"),
        ({"a": 1}, "a mapping with a"),
    ],
)
def test_spelled(value: object, text: str) -> None:
    """A value is shown as its author would recognise it."""
    assert spelled(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"status": 503, "code": "500", "x": None}, '{status: 503, code: "500", x: null}'),
        (["a", "b c", "true", "null"], '[a, b c, "true", "null"]'),
        (("é", 1.5, True), '["é", 1.5, true]'),
    ],
)
def test_flow(value: object, text: str) -> None:
    """A value on one line is what a profile would hold: texts that look like numbers are quoted."""
    assert flow(value) == text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["stal"], "did you mean 'stall'?"),
        (["zzz", "stal"], "did you mean 'stall'?"),
        (["zzz"], ""),
        ([], ""),
        ([5], ""),
    ],
)
def test_hints(words: list[object], hint: str) -> None:
    """An unknown word gets the nearest one."""
    assert hint_for(words, ["stall", "reset"]) == hint


class Alone(Strict):
    """A word that needs no value."""

    alone: Flag
    first: int = 1


class Needy(Strict):
    """A word that needs one."""

    needy: Text


def choose(value: object) -> object:
    """What the chooser lets through."""
    name_it: Any = chooser("a thing", Alone, Needy)[1].func
    return name_it(value)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("alone", {"alone": None}),
        ({"needy": "x", "first": 2}, {"needy": "x", "first": 2}),
        (Needy(needy="x"), Needy(needy="x")),
    ],
)
def test_choice(value: object, result: object) -> None:
    """A text is a word without a value; mappings and models pass."""
    assert choose(value) == result


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"alone": None, "needy": 1}, "expected a thing of one kind, got a mapping with alone, needy; write alone and needy one by one"),
        ({"nedy": 1}, "expected a thing (alone, needy), got a mapping with nedy; did you mean 'needy'?"),
        ({"first": 1}, "expected a thing (alone, needy), got a mapping with first"),
        ("nedy", "expected a thing (alone, needy), got a mapping with nedy; did you mean 'needy'?"),
        (5, "expected a thing (alone, needy), got 5"),
        (None, "expected a thing (alone, needy), got nothing"),
    ],
)  # fmt: skip
def test_no_choice(value: object, message: str) -> None:
    """What names none or several of the words is refused with the words."""
    with pytest.raises(PydanticCustomError) as refused:
        choose(value)
    assert refused.value.message() == message


@pytest.mark.parametrize(
    ("value", "tag"), [({"needy": 1}, "<needy>"), (Alone(alone=True), "<alone>")]
)
def test_tags(value: object, tag: str) -> None:
    """The tag of a value is the one of its class, and no tag can be taken for a key."""
    find: Any = chooser("a thing", Alone, Needy)[0].discriminator
    assert find(value) == tag


def test_words_that_stand_alone() -> None:
    """Only a class that takes its word without a value may be named by it."""
    assert [stands_alone(model) for model in (Alone, Needy)] == [True, False]
    assert [tag_of(model) for model in (Alone, Needy)] == ["<alone>", "<needy>"]


@pytest.mark.parametrize(
    ("models", "start"),
    [((Alone, Needy), {"enum": ["alone"]}), ((Needy,), None)],
)
def test_editors_offer_words_that_stand_alone(
    models: tuple[type[Strict], ...], start: dict[str, Any] | None
) -> None:
    """The schema of a choice has the words that need no value beside the mappings."""
    schema = TypeAdapter(Annotated[Alone | Needy, Words(models)]).json_schema()
    assert schema.get("anyOf", [None])[0] == (start or {"$ref": "#/$defs/Alone"})


def test_parts_of_a_profile_are_frozen() -> None:
    """A part of a profile does not change and takes no key that it does not have."""
    assert issubclass(Strict, BaseModel)
    assert Strict.model_config["frozen"] is True
    assert Strict.model_config["extra"] == "forbid"
