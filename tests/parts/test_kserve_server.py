"""A real model server of KServe and mockllm, asked the same over sockets; and the capture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from tests.parts.kserve_server import ask_all, kserve
from tests.parts.test_envoy_bytes import port_of
from tests.wires.kserve_requests import PROFILE, REQUESTS, Answer, captured

pytestmark = pytest.mark.parts("kserve")


class Both(NamedTuple):
    """The answers to all requests."""

    real: dict[str, Answer]
    mock: dict[str, Answer]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """KServe's answers and mockllm's."""
    log = tmp_path_factory.mktemp("kserve") / "log"
    with kserve(log) as real, MockLLM(PROFILE) as mock:
        yield Both(ask_all(real.http), ask_all(port_of(mock)))


@pytest.mark.parametrize("name", REQUESTS)
def test_both_answer_the_same(both: Both, name: str) -> None:
    """Status, headers in their order, and body, but for dates, hosts and ids that are made up."""
    assert both.mock[name] == both.real[name]


def test_the_capture_is_what_kserve_says(both: Both) -> None:
    """What the tests without parts compare with is no older than the server."""
    assert captured() == both.real
