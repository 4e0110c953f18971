"""Every shipped profile: it loads, opens with its comment, and its plans are kept.

A plan that changes is a change that users see: the files under `tests/plans/` are compared as they
are. `python -m tests.test_profiles` writes them anew; the commit says why.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from mockllm.engine.engine import Engine
from mockllm.engine.exchange import Here
from mockllm.engine.plan import Conditions, Visit
from mockllm.engine.report import as_text
from mockllm.profile.library import Library, shipped
from mockllm.profile.schema import text as schema_text

PLANS = Path(__file__).parent / "plans"
NAMES = sorted(path.stem for path in shipped().glob("*.yaml"))
EVERYDAY = {
    "default", "slow", "flaky", "rate-limited", "overloaded", "upstream-unavailable",
    "hang-before-headers", "stall-mid-stream", "stall-then-resume", "reset-mid-stream",
    "truncated-clean", "truncated-dirty", "malformed-frame", "error-in-stream",
    "mixed-error-schemas", "cold-start", "flapping", "account-limits", "quota-exhausted",
    "wrong-key", "revoked-key", "context-too-long", "content-filter", "retry-after-variants",
    "deprecated-model",
}  # fmt: skip
CALLS = (1, 2, 3)
STREAM = b'{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello!"}]}'
WHOLE = b'{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello!"}]}'


def plans(name: str) -> str:
    """The plans of a profile's first calls, streamed, and of one that is not."""
    library = Library()
    engine = Engine(library, library.find(name), conditions=Conditions(), now=lambda: 0.0)
    made = []
    for body, number in [*((STREAM, number) for number in CALLS), (WHOLE, 1)]:
        call, path_name = engine.read("POST", "/v1/chat/completions", (), body)
        plan = engine.preview(call, path_name, Here(), Visit(ordinal=number, attempt=f".{number}"))
        made.append(as_text(plan))
    return "\n".join(made)


def test_all_everyday_profiles_ship() -> None:
    """No profile is missing, and none came without its plan."""
    assert set(NAMES) >= EVERYDAY
    assert sorted(path.stem for path in PLANS.glob("*.txt")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_comment(name: str) -> None:
    """A profile opens with what it imitates and what a good client does."""
    lines = (shipped() / f"{name}.yaml").read_text("utf-8").splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./schema.json"
    assert lines[1].startswith("# Imitates: ")
    comment = [line for line in lines if line.startswith("# ")]
    assert any(line.startswith("# A good client: ") for line in comment)


@pytest.mark.parametrize("name", NAMES)
def test_the_plan(name: str) -> None:
    """What a profile does is what it did."""
    assert plans(name) == (PLANS / f"{name}.txt").read_text("utf-8")


def test_the_schema_beside_them() -> None:
    """The schema that editors read is the language's own: `mockllm schema > profiles/schema.json`."""
    assert schema_text() == (shipped() / "schema.json").read_text("utf-8")


if __name__ == "__main__":
    for profile in NAMES:
        (PLANS / f"{profile}.txt").write_text(plans(profile), "utf-8")
