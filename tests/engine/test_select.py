"""Which profile a request means."""

from __future__ import annotations

import pytest

from mockllm.engine.select import select, split_path
from mockllm.matchers.call import Call, split_name
from mockllm.wires.wire import Refused
from tests.engine.build import CHAT, acts, ask, engine, error, profile, status

NAMES = ("flaky", "flapping", "hang")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1/models", (None, "/v1/models")),
        ("/p/flaky/v1/models", ("flaky", "/v1/models")),
        ("/p/flaky", ("flaky", "/")),
        ("/p/", ("", "/")),
        ("/px/flaky/v1", (None, "/px/flaky/v1")),
    ],
)
def test_split_path(path: str, parts: tuple[str | None, str]) -> None:
    """The prefix `/p/NAME` is taken off."""
    assert split_path(path) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (None, (None, "")),
        ("sk-abc", (None, "")),
        ("mock-flaky", ("flaky", "")),
        ("mock-flaky.s.1", ("flaky", "s.1")),
        ("mock-", ("", "")),
    ],
)
def test_split_name(text: str | None, parts: tuple[str | None, str]) -> None:
    """Name and rest of `mock-NAME.REST`."""
    assert split_name(text) == parts


def call(*, header: str | None = None, key: str | None = None, model: str | None = None) -> Call:
    """A call that chooses in these ways."""
    headers = [("X-Mockllm-Profile", header)] if header is not None else []
    headers += [("Authorization", f"Bearer {key}")] if key is not None else []
    return Call("POST", CHAT, headers=tuple(headers), model=model)


@pytest.mark.parametrize(
    ("path", "made", "chosen"),
    [
        (None, call(), (None, "server", "", None)),
        (None, call(key="sk-1", model="gpt-4o"), (None, "server", "", "gpt-4o")),
        (None, call(model="mock-hang"), ("hang", "model", "", "mock-hang")),
        (None, call(model="mock-hang.gpt-4o"), ("hang", "model", "", "gpt-4o")),
        (None, call(key="mock-flaky", model="mock-hang"), ("flaky", "key", "", "mock-hang")),
        (None, call(key="mock-flaky.s1"), ("flaky", "key", "s1", None)),
        (None, call(header="flapping", key="mock-flaky.s1"), ("flapping", "header", "s1", None)),
        ("hang", call(header="flapping", key="mock-flaky"), ("hang", "path", "", None)),
        ("hang", call(model="mock-flaky.gpt-4o"), ("hang", "path", "", "gpt-4o")),
    ],
)
def test_precedence(
    path: str | None, made: Call, chosen: tuple[str | None, str, str, str | None]
) -> None:
    """Path before header before key before model before the server's own profile."""
    found = select(made, path, lambda: NAMES)
    assert (found.name, found.by, found.call.session, found.call.model) == chosen


@pytest.mark.parametrize(
    ("path", "made", "refusal"),
    [
        ("flakey", call(), (404, "model_not_found", None, "there is no profile named 'flakey'; did you mean flaky? (asked for by the path)")),
        (None, call(header="zzz"), (404, "model_not_found", None, "there is no profile named 'zzz'; known: flaky, flapping, hang (asked for by the x-mockllm-profile)")),
        (None, call(key="mock-flakey.s"), (401, "invalid_api_key", None, "there is no profile named 'flakey'; did you mean flaky? (asked for by the API key)")),
        (None, call(model="mock-hangs.x"), (404, "model_not_found", "model", "there is no profile named 'hangs'; did you mean hang? (asked for by the model)")),
        (None, call(header=""), (404, "model_not_found", None, "there is no profile named ''; known: flaky, flapping, hang (asked for by the x-mockllm-profile)")),
        ("flak/y", call(), (404, "model_not_found", None, "there is no profile named 'flak/y'; did you mean flaky? (asked for by the path)")),
    ],
)  # fmt: skip
def test_unknown_names_are_refused(
    path: str | None, made: Call, refusal: tuple[int, str, str | None, str]
) -> None:
    """A request that names no profile gets the nearest names, never a healthy answer."""
    with pytest.raises(Refused) as refused:
        select(made, path, lambda: NAMES)
    spec = refused.value.spec
    assert (spec.status, spec.code, spec.param, spec.message) == refusal


FAIL = profile("faults: [{fail: 503, first: 1}]", "sick")


@pytest.mark.parametrize(
    ("target", "headers", "model"),
    [
        ("/p/sick" + CHAT, [], "gpt-4o"),
        (CHAT, [("x-mockllm-profile", "sick")], "gpt-4o"),
        (CHAT, [("Authorization", "Bearer mock-sick")], "gpt-4o"),
        (CHAT, [("x-api-key", "mock-sick")], "gpt-4o"),
        (CHAT, [], "mock-sick.gpt-4o"),
    ],
)
def test_one_engine_plays_many_profiles(
    target: str, headers: list[tuple[str, str]], model: str
) -> None:
    """The chosen profile's faults act, on the path and the model without what chose it."""
    server = engine("", FAIL)
    plan = ask(server, target, headers=headers, model=model)
    assert (plan.profile, plan.call.path, plan.call.model) == ("sick", CHAT, "gpt-4o")
    assert status(plan) == 503
    assert status(ask(server)) == 200


def test_shipped_profiles_can_be_chosen() -> None:
    """A name of the library selects without having been loaded."""
    assert ask(engine("faults: [{fail: 503}]"), "/p/default" + CHAT).profile == "default"


def test_a_wrong_choice_meets_no_fault_and_counts_nowhere() -> None:
    """A request that names nothing is refused, and does not use up the fault of another."""
    server = engine("faults: [{fail: 503, first: 1}]")
    plan = ask(server, "/p/sik" + CHAT)
    assert (status(plan), plan.reports, plan.misses) == (404, (), ())
    assert error(plan)["message"].startswith("there is no profile named 'sik'")
    assert acts(ask(server)) == [True]


def test_sessions_count_by_themselves() -> None:
    """Keys with different sessions do not disturb each other's counts."""
    server = engine("", FAIL)
    keys = ["mock-sick.a", "mock-sick.b", "mock-sick.a", "mock-sick", "mock-sick.b", "mock-sick"]
    found = [status(ask(server, headers=[("authorization", f"Bearer {key}")])) for key in keys]
    assert found == [503, 503, 200, 503, 200, 200]
