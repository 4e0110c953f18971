"""What is drawn for an answer: names and numbers from one key."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

import pytest

from mockllm.timeline.valueclass import replace
from mockllm.wires.identity import EPOCH, LABELS, YEAR, Identity, digest_of_label

DRAWS: tuple[Callable[[str], object], ...] = (
    lambda label: Identity("key").number(label, 10**9),
    lambda label: Identity("key").hexadecimal(label, 16),
    lambda label: Identity("key").letters(label, 16),
)


@pytest.mark.parametrize("draw", DRAWS)
@pytest.mark.parametrize("label", ["text", "", "\ud800", "caf\xe9 \udfff"])
def test_a_label_draws_the_same_each_time(draw: Callable[[str], object], label: str) -> None:
    """Also where the label is of a request that escapes half of a surrogate pair."""
    assert draw(label) == draw(label)
    assert draw(label) != draw(label + "x")


NOW = (626, "b24a2321", "2MjhhCgf")
"""What the first release drew."""


def test_what_is_drawn_stays() -> None:
    """Answers are the same in every release."""
    who = Identity("key")
    assert (who.number("label", 1000), who.hexadecimal("label", 8), who.letters("label", 8)) == NOW


def test_names_have_their_forms() -> None:
    """Lengths, signs and ranges; a long text of letters goes on where one digest ends."""
    for number in range(200):
        who = Identity(str(number))
        assert re.fullmatch(r"[A-Za-z0-9]{29}", who.letters("a", 29))
        assert re.fullmatch(r"[A-Za-z0-9]{200}", who.letters("a", 200))
        assert re.fullmatch(r"[0-9a-f]{128}", who.hexadecimal("a", 128))
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", who.uuid("a"))
        assert who.uuid("a")[14] + who.uuid("a")[19] == "48"
        assert "".join(who.hexadecimals("a", 8, 16)) == who.hexadecimal("a", 128)
        assert 20 <= int(who.decimal("a", 20, 99)) <= 99
        assert EPOCH <= who.created < EPOCH + YEAR
        assert (int(who.created_digits, 16), who.later(-5)) == (who.created, who.created - 5)


def test_labels_and_keys_draw_different_names() -> None:
    """Of two hundred labels under fifty keys no two names are equal."""
    names = {Identity(f"k{k}").letters(f"l{n}", 12) for k in range(50) for n in range(200)}
    assert len(names) == 50 * 200


@pytest.mark.parametrize("of", ["keys", "labels"])
def test_draws_are_even(of: str) -> None:
    """Each of sixteen numbers, and each first digit, has its share: of the same label under many
    keys, and of many labels under one key."""
    drawn = [
        (Identity(f"key/{n}"), "label") if of == "keys" else (Identity("key"), f"label/{n}")
        for n in range(8_000)
    ]
    for counts in (
        Counter(who.number(label, 16) for who, label in drawn),
        Counter(who.hexadecimal(label, 1) for who, label in drawn),
        Counter(who.hexadecimal(label, 128)[-1] for who, label in drawn),
    ):
        assert len(counts) == 16
        assert all(count == pytest.approx(500, abs=110) for count in counts.values())


def test_labels_are_not_kept_for_ever() -> None:
    """What a request says may be a label."""
    for number in range(LABELS + 100):
        Identity("key").number(f"said/{number}", 10)
    assert digest_of_label.cache_info().currsize <= LABELS


def test_an_identity_of_another_key() -> None:
    """What is drawn follows the key, also of a changed copy."""
    other = replace(Identity("a"), key="b")
    assert other == Identity("b")
    assert (
        other.letters("name", 9)
        == Identity("b").letters("name", 9)
        != Identity("a").letters("name", 9)
    )
