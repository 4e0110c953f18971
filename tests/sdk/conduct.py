"""What a caller must get from each everyday profile, and the checks for it.

Tables of expectations differ by client, since clients do; the checks are the same for all. Every
check of a text compares it with the canonical one: an answer that was cut, or is empty, never
passes for a whole one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mockllm.scripts.named import CANONICAL
from tests.sdk.drive import Outcome

FIVE_WORDS = " ".join(CANONICAL.split()[:5])
"""What arrives before a fault that acts after content 5, as those of the everyday profiles do."""

Amount = Literal["whole", "five words", "nothing"]
TEXTS: dict[Amount, str] = {"whole": CANONICAL, "five words": FIVE_WORDS, "nothing": ""}

TOOLS2 = [["get_weather", '{"city": "Paris"}'], ["get_time", '{"tz": "UTC"}']]
"""The calls of the script `tools2`: names and arguments, to the byte."""

TOOLS_PROFILE = "mockllm: 1\nscript: tools2\n"

PROFILES = Path(__file__).parents[2] / "profiles"


def everyday() -> set[str]:
    """The names of the everyday profiles that ship."""
    return {path.stem for path in PROFILES.glob("*.yaml")}


def assert_text(text: str, amount: Amount) -> None:
    """Fail unless the text is exactly this much of the canonical one."""
    wanted = TEXTS[amount]
    if text != wanted:
        raise AssertionError(f"expected {amount} of the canonical text, {wanted!r}, got {text!r}")


def assert_whole(text: str) -> None:
    """Fail unless the text is the canonical one, every word of it."""
    assert_text(text, "whole")


@dataclass(frozen=True)
class Expected:
    """What one call must come to."""

    text: Amount
    finish: str | None = None
    error: str | None = None
    status: int | None = None
    says: str = ""
    """What the error's message contains."""

    def check(self, outcome: Outcome) -> None:
        """Fail unless the outcome is this one."""
        got = (outcome.error, outcome.status, outcome.finish)
        assert got == (self.error, self.status, self.finish), outcome
        assert_text(outcome.text, self.text)
        assert self.says in outcome.message, outcome


WHOLE = Expected("whole", finish="stop")
"""All sixty words and the finish reason of a healthy server."""


@dataclass(frozen=True)
class Conduct:
    """What calls one after the other must come to, streamed and not."""

    stream: tuple[Expected, ...] = (WHOLE,)
    plain: tuple[Expected, ...] = (WHOLE,)
    timeout: float = 30.0
    """Of the client: small where it must run into it."""

    def calls(self, stream: bool) -> tuple[Expected, ...]:
        """The expectations for one of the two."""
        return self.stream if stream else self.plain


def both(*expected: Expected, timeout: float = 30.0) -> Conduct:
    """The same streamed and not."""
    return Conduct(expected, expected, timeout)


def check_calls(outcomes: list[Outcome], expected: tuple[Expected, ...]) -> None:
    """Fail unless each call came to what it must."""
    assert len(outcomes) == len(expected), outcomes
    for outcome, wanted in zip(outcomes, expected, strict=True):
        wanted.check(outcome)


def check_recovery(outcomes: list[Outcome], before: Expected) -> None:
    """Fail unless the last call is whole, and those before failed in one way."""
    *failed, last = outcomes
    WHOLE.check(last)
    for outcome in failed:
        before.check(outcome)


def check_soak(outcomes: list[Outcome], failures: tuple[Expected, ...]) -> None:
    """Fail unless calls succeeded and calls failed, and each failure is one of these."""
    failed = [outcome for outcome in outcomes if outcome.error]
    assert 0 < len(failed) < len(outcomes), outcomes
    for outcome in outcomes:
        if outcome.error:
            wanted = next((one for one in failures if one.says in outcome.message), failures[0])
            wanted.check(outcome)
        else:
            WHOLE.check(outcome)
