"""The Responses API where Azure serves it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mockllm.engine.plan import Plan
from mockllm.wires.responses_paths import BASES
from tests.engine.build import ask, engine, status, written

KEY = (("api-key", "k"),)
VERSION = "?api-version=2025-04-01-preview"
ASKED: dict[str, Any] = {"input": "Hi there"}


def document(plan: Plan) -> Any:
    """The JSON document of an answer."""
    return json.loads(written(plan).partition(b"\r\n\r\n")[2])


def is_azures(plan: Plan) -> bool:
    """Whether the head is one of Azure's."""
    return plan.head is not None and plan.head.get("x-ms-region") is not None


@pytest.mark.parametrize(
    ("target", "headers", "dialect"),
    [
        ("/openai/v1/responses", KEY, ""),
        ("/openai/v1/responses?api-version=preview", (), ""),
        (f"/openai/responses{VERSION}", (), ""),
        (f"/openai/responses{VERSION}", KEY, ""),
        ("/openai/responses", (), "dialect: azure"),
        ("/openai/v1/responses", (), "dialect: azure"),
    ],
)
def test_azures_clients_are_served(
    target: str, headers: tuple[tuple[str, str], ...], dialect: str
) -> None:
    """A key, a version or the profile tells Azure's clients; the head is Azure's."""
    plan = ask(engine(dialect), target, headers=headers, **ASKED)
    assert (status(plan), plan.call.wire, plan.call.model) == (200, "openai.responses", "gpt-4o")
    assert is_azures(plan)
    assert document(plan)["object"] == "response"
    streamed = ask(engine(dialect), target, headers=headers, stream=True, **ASKED)
    assert b"event: response.completed\n" in written(streamed)
    assert is_azures(streamed)


@pytest.mark.parametrize(
    ("target", "headers", "dialect"),
    [
        ("/openai/v1/responses", (), ""),
        ("/openai/v1/responses", (("authorization", "Bearer k"),), ""),
        ("/openai/v1/responses", KEY, "dialect: kserve"),
        ("/openai/responses", (), ""),
    ],
)
def test_nobody_else_has_the_paths(
    target: str, headers: tuple[tuple[str, str], ...], dialect: str
) -> None:
    """KServe's server, which has `/openai/v1/` too, knows no responses."""
    assert status(ask(engine(dialect), target, headers=headers, **ASKED)) == 404


def test_openais_own_is_no_azure() -> None:
    """A key in Azure's header changes nothing on OpenAI's path."""
    assert not is_azures(ask(engine(), BASES[0], headers=KEY, **ASKED))


@pytest.mark.parametrize("base", BASES[1:])
def test_refusals_and_errors(base: str) -> None:
    """A wrong request is refused in OpenAI's form with Azure's head; faults have Azure's form."""
    plan = ask(engine(), base, headers=KEY, input="Hi", model=5)
    assert (status(plan), is_azures(plan)) == (400, True)
    assert document(plan)["error"]["param"] == "model"
    failed = ask(engine("faults: [{fail: 429}]"), base, headers=KEY, **ASKED)
    assert document(failed)["error"]["code"] == "429"


@pytest.mark.parametrize("base", BASES[1:])
def test_what_is_stored(base: str) -> None:
    """A response is got, its input listed, and deleted, below the base that created it."""
    server = engine()
    made = document(ask(server, base, headers=KEY, **ASKED))
    stored = f"{base}/{made['id']}"
    assert document(ask(server, stored, method="GET", headers=KEY))["id"] == made["id"]
    items = document(ask(server, f"{stored}/input_items", method="GET", headers=KEY))
    assert items["data"][0]["content"][0]["text"] == "Hi there"
    assert document(ask(server, stored, method="DELETE", headers=KEY))["deleted"]
    gone = ask(server, stored, method="GET", headers=KEY)
    assert (status(gone), is_azures(gone)) == (404, True)
    assert document(gone)["error"]["message"] == f"Response with id '{made['id']}' not found."


def test_tokens_are_counted() -> None:
    """The counting of input is served there too."""
    plan = ask(engine(), f"/openai/responses/input_tokens{VERSION}", **ASKED)
    assert document(plan)["input_tokens"] > 0
