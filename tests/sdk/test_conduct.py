"""The checks themselves: what must not pass for a whole answer does not."""

from __future__ import annotations

import pytest

from mockllm.scripts.named import CANONICAL
from tests.sdk.conduct import (
    FIVE_WORDS,
    WHOLE,
    Expected,
    assert_text,
    assert_whole,
    check_calls,
    check_recovery,
    check_soak,
)
from tests.sdk.drive import Outcome

NOT_WHOLE = [
    "",
    CANONICAL[:-1],
    CANONICAL.rpartition(" ")[0],
    FIVE_WORDS,
    CANONICAL + " ",
    CANONICAL * 2,
]


def test_the_whole_text_passes() -> None:
    assert_whole(CANONICAL)
    WHOLE.check(Outcome(CANONICAL, "stop"))


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_nothing_else_passes_for_the_whole_text(text: str) -> None:
    with pytest.raises(AssertionError, match="expected whole of the canonical text"):
        assert_whole(text)
    with pytest.raises(AssertionError):
        WHOLE.check(Outcome(text, "stop"))


@pytest.mark.parametrize("text", ["", FIVE_WORDS[:-1], CANONICAL])
def test_nothing_else_passes_for_five_words(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_text(text, "five words")


def test_a_whole_text_without_its_end_does_not_pass() -> None:
    with pytest.raises(AssertionError):
        WHOLE.check(Outcome(CANONICAL, None))
    with pytest.raises(AssertionError):
        WHOLE.check(Outcome(CANONICAL, "stop", error="APIConnectionError"))


def test_a_missing_call_does_not_pass() -> None:
    with pytest.raises(AssertionError):
        check_calls([], (WHOLE,))


def test_recovery_needs_a_whole_answer_at_the_end() -> None:
    unready = Expected("nothing", error="Unready")
    check_recovery([Outcome(error="Unready"), Outcome(CANONICAL, "stop")], unready)
    with pytest.raises(AssertionError):
        check_recovery([Outcome(error="Unready")], unready)
    with pytest.raises(AssertionError):
        check_recovery([Outcome(error="Other"), Outcome(CANONICAL, "stop")], unready)


def test_a_soak_needs_successes_and_failures() -> None:
    failure = Expected("nothing", error="Failure")
    good, bad = Outcome(CANONICAL, "stop"), Outcome(error="Failure")
    check_soak([good, bad], (failure,))
    for outcomes in ([good, good], [bad, bad], [bad, Outcome(FIVE_WORDS, "stop")]):
        with pytest.raises(AssertionError):
            check_soak(outcomes, (failure,))
