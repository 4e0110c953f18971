"""nginx's own errors, and ours in its name."""

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

pytestmark = pytest.mark.parts("nginx")

CHROME = "User-Agent: Mozilla/5.0 Chrome/120.0"
LARGE = f"X-Large: {'a' * 9000}"
NO_HOST = b"GET / HTTP/1.1\r\n\r\n"

ANSWERS: dict[str, dict[str, bytes]] = {
    "400": {"no HTTP": b"nonsense\r\n\r\n", "no host": NO_HOST},
    "400-header-too-large": {"header": chat("/", LARGE)},
    "403": {"denied": chat("/denied")},
    "404": {"no file": chat("/nothing")},
    "413": {"body": chat("/small")},
    "502": {
        "refused": chat("/refused"),
        "closed": chat("/closed"),
        "reset": chat("/reset"),
    },
    "502-without-version": {"refused": chat("/hidden")},
    "502-padded": {"Chrome": chat("/refused", CHROME)},
    "503": {"limited": chat("/limited")},
    "504": {"silent": chat("/silent")},
}
"""What makes nginx give each of the answers that ship: requests for its locations."""

STATUSES = sorted(shapes()["nginx"].statuses)

CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  limit_req_zone $binary_remote_addr zone=few:32k rate=1r/m;
  server {{
    listen 127.0.0.1:{port};
    location / {{ root empty; }}
    location /nothing {{ return 404; }}
    location /denied {{ deny all; }}
    location /small {{ client_max_body_size 10; proxy_pass http://127.0.0.1:{refused}; }}
    location /refused {{ proxy_pass http://127.0.0.1:{refused}; }}
    location /hidden {{ server_tokens off; proxy_pass http://127.0.0.1:{refused}; }}
    location /closed {{ proxy_pass http://127.0.0.1:{upstream}/p/closed/v1/chat/completions; }}
    location /reset {{ proxy_pass http://127.0.0.1:{upstream}/p/reset/v1/chat/completions; }}
    location /limited {{ limit_req zone=few; proxy_pass http://127.0.0.1:{refused}; }}
    location /silent {{
      proxy_read_timeout 100ms;
      proxy_pass http://127.0.0.1:{upstream}/p/silent/v1/chat/completions;
    }}
{returns}
  }}
}}
"""

UPSTREAMS = {"closed": "close: fin, at: request", "reset": "close: rst, at: request"}
"""Faults of the upstream, by the name of their profile."""


class Pair(NamedTuple):
    """The ports of nginx and of mockllm."""

    real: int
    mock: int


def profiles() -> dict[str, str]:
    """What the upstream does, and what is said in the name of nginx, by the name of a profile."""
    faults = {**UPSTREAMS, "silent": "hang: forever"}
    faults |= {f"answer-{name}": f"reply: nginx.{name}" for name in ANSWERS}
    for status in STATUSES:
        faults[f"status-{status}"] = f"fail: {{status: {status}, shape: nginx}}"
    return faults


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """nginx in front of a server that fails, which also says what nginx says."""
    folder = tmp_path_factory.mktemp("nginx")
    for name, fault in profiles().items():
        text = f"mockllm: 1\nabout: One failure, {name}.\nfaults: [{{{fault}}}]\n"
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    with ExitStack() as stack:
        mock = port_of(stack.enter_context(MockLLM(profiles=folder)))
        port = free_port()
        returns = "\n".join(
            f"    location = /status/{status} {{ return {status}; }}" for status in STATUSES
        )
        text = CONFIGURATION.format(port=port, refused=free_port(), upstream=mock, returns=returns)
        (folder / "nginx.conf").write_text(text, "utf-8")
        command = [need("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")]
        yield Pair(stack.enter_context(running(command, port, folder / "log")), mock)


def ours(pair: Pair, profile: str) -> Answer:
    """What mockllm says to a request for a chat completion."""
    return answer_to(pair.mock, chat(f"/p/{profile}/v1/chat/completions"))


@pytest.mark.parametrize(
    ("name", "cause"), [(name, cause) for name, causes in ANSWERS.items() for cause in causes]
)
def test_an_answer_is_nginx_s_own(pair: Pair, name: str, cause: str) -> None:
    """Status line, headers in order and case, and body."""
    request = ANSWERS[name][cause]
    if cause == "limited":
        answer_to(pair.real, request)  # the one that the limit allows
    assert ours(pair, f"answer-{name}") == answer_to(pair.real, request)


def test_every_answer_is_compared() -> None:
    """None of those that ship is left out."""

    rows = [row.name.removeprefix("nginx.") for row in catalogue() if row.producer == "nginx"]
    assert set(rows) == set(ANSWERS)


@pytest.mark.parametrize("status", STATUSES)
def test_the_shape_says_what_nginx_says(pair: Pair, status: int) -> None:
    """The page of each status, its reason, and whether the connection is closed."""
    assert ours(pair, f"status-{status}") == answer_to(pair.real, chat(f"/status/{status}"))
