"""HAProxy's own errors, and ours in its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from mockllm import MockLLM
from mockllm.shapes.catalogue import catalogue
from mockllm.shapes.shape import shapes
from tests.parts.answers import Answer, answer_to, chat, free_port, running
from tests.parts.installed import need
from tests.parts.test_envoy_bytes import port_of

pytestmark = pytest.mark.parts("haproxy")

UNFINISHED = b"POST /v1/chat/completions HTTP/1.1\r\nHost: models.example\r\n"

ANSWERS: dict[str, dict[str, bytes]] = {
    "403": {"denied": chat("/denied")},
    "408": {"request": UNFINISHED},
    "429": {"limited": chat("/status/429")},
    "500": {"tarpit": chat("/tarpit")},
    "502": {
        "closed": chat("/p/closed/v1/chat/completions"),
        "reset": chat("/p/reset/v1/chat/completions"),
    },
    "503": {"refused": chat("/refused"), "nobody": chat("/nobody")},
    "504": {"silent": chat("/p/silent/v1/chat/completions")},
}
"""What makes HAProxy give each of the answers that ship: requests for its paths."""

STATUSES = sorted(shapes()["haproxy"].statuses)

CONFIGURATION = """\
global
  maxconn 50
defaults
  mode http
  timeout connect 1s
  timeout client 10s
  timeout server 300ms
  timeout http-request 300ms
  timeout tarpit 100ms
frontend front
  bind 127.0.0.1:{port}
  http-request deny if {{ path /denied }}
  http-request tarpit if {{ path /tarpit }}
{denials}
  use_backend refused if {{ path /refused }}
  use_backend nobody if {{ path /nobody }}
  default_backend upstream
backend upstream
  server one 127.0.0.1:{upstream}
backend refused
  retries 0
  server one 127.0.0.1:{refused}
backend nobody
"""

UPSTREAMS = {
    "closed": "close: fin, at: request",
    "reset": "close: rst, at: request",
    "silent": "hang: forever",
}
"""Faults of the upstream, by the name of their profile."""


class Pair(NamedTuple):
    """The ports of HAProxy and of mockllm."""

    real: int
    mock: int


def profiles() -> dict[str, str]:
    """What the upstream does, and what is said in HAProxy's name, by the name of a profile."""
    faults = dict(UPSTREAMS)
    faults |= {f"answer-{name}": f"reply: haproxy.{name}" for name in ANSWERS}
    for status in STATUSES:
        faults[f"status-{status}"] = f"fail: {{status: {status}, shape: haproxy}}"
    return faults


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """HAProxy in front of a server that fails, which also says what HAProxy says."""
    folder = tmp_path_factory.mktemp("haproxy")
    for name, fault in profiles().items():
        text = f"mockllm: 1\nabout: One failure, {name}.\nfaults: [{{{fault}}}]\n"
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    with ExitStack() as stack:
        mock = port_of(stack.enter_context(MockLLM(profiles=folder)))
        port = free_port()
        denials = "\n".join(
            f"  http-request deny deny_status {status} if {{ path /status/{status} }}"
            for status in STATUSES
        )
        text = CONFIGURATION.format(port=port, refused=free_port(), upstream=mock, denials=denials)
        (folder / "haproxy.cfg").write_text(text, "utf-8")
        command = [need("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
        yield Pair(stack.enter_context(running(command, port, folder / "log")), mock)


def ours(pair: Pair, profile: str) -> Answer:
    """What mockllm says to a request for a chat completion."""
    return answer_to(pair.mock, chat(f"/p/{profile}/v1/chat/completions"))


@pytest.mark.parametrize(
    ("name", "cause"), [(name, cause) for name, causes in ANSWERS.items() for cause in causes]
)
def test_an_answer_is_haproxy_s_own(pair: Pair, name: str, cause: str) -> None:
    """Status line, headers in order and case, and body."""
    assert ours(pair, f"answer-{name}") == answer_to(pair.real, ANSWERS[name][cause])


def test_every_answer_is_compared() -> None:
    """None of those that ship is left out."""
    rows = [row.name.removeprefix("haproxy.") for row in catalogue() if row.producer == "haproxy"]
    assert set(rows) == set(ANSWERS)


@pytest.mark.parametrize("status", STATUSES)
def test_the_shape_says_what_haproxy_says(pair: Pair, status: int) -> None:
    """The page of each status, its reason, and whether the connection is closed."""
    assert ours(pair, f"status-{status}") == answer_to(pair.real, chat(f"/status/{status}"))
