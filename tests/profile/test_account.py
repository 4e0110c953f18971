"""`account:` in a profile: what it takes, and which keys are good."""

from __future__ import annotations

import pytest

from mockllm.profile.account import Account, Keys
from mockllm.profile.loader import load
from mockllm.profile.problems import ProfileError


def test_a_whole_account() -> None:
    """Every key of it, and single texts for lists."""
    text = (
        "mockllm: 1\naccount: {rpm: 60, tpm: 10000, concurrent: 4, quota: 100000, context: 8192, "
        "retired: gpt-3-old, keys: {accept: [team-*], revoked: {team-b: 20s}}}"
    )
    assert load(text, name="p").profile.account == Account(
        rpm=60,
        tpm=10000,
        concurrent=4,
        quota=100000,
        context=8192,
        retired=("gpt-3-old",),
        keys=Keys(accept=("team-*",), revoked={"team-b": "20s"}),
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{rpm: -1}", "expected a number of at least 0, got -1"),
        ("{rpm: 60s}", "expected a whole number, got '60s'"),
        ("{rps: 1}", "unknown key 'rps'; did you mean 'rpm'?"),
        ("{context: 0}", "expected a number of at least 1, got 0"),
        ("{keys: {revoked: {a: 20}}}", "write the unit"),
        ("{keys: [a]}", "expected a mapping"),
    ],
)
def test_what_is_refused(text: str, says: str) -> None:
    """Slips are told with what was expected."""
    with pytest.raises(ProfileError) as caught:
        load(f"mockllm: 1\naccount: {text}", name="p")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("key", "elapsed", "problem"),
    [
        (None, 0.0, "missing"),
        ("", 0.0, "missing"),
        ("team-a", 99.0, None),
        ("team-b", 19.0, None),
        ("team-b", 20.0, "wrong"),
        ("Team-a", 0.0, "wrong"),
        ("mock-default", 0.0, None),
        ("mock-gone", 1.0, "wrong"),
    ],
)
def test_the_problem_of_a_key(key: str | None, elapsed: float, problem: str | None) -> None:
    """Revoked comes before accepted, and a key that chooses a profile is good unless it is revoked."""
    keys = Keys.model_validate(
        {"accept": "team-*", "revoked": {"team-b": "20s", "mock-gone": "1s"}}
    )
    assert keys.problem(key, elapsed) == problem


@pytest.mark.parametrize(
    ("model", "gone"), [("gpt-3-old", True), ("gpt-3.5", True), ("gpt-4", False), (None, False)]
)
def test_retired_models(model: str | None, gone: bool) -> None:
    """Globs name them; a call without a model is for none of them."""
    assert Account.model_validate({"retired": "gpt-3*"}).is_retired(model) is gone
