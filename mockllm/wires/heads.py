"""The response headers of the servers that are imitated: names, order, case and values.

Sources. `openai`: captures of OpenAI's API 2024–2026 (documented), values of one of them;
`cf-ray` is left out, because no capture gives its value. `uvicorn`: uvicorn under KServe 0.21.0
(observed). `envoy`: local replies of Envoy 1.40.0 (observed); Envoy answers before it has read a
request's body and then closes the connection one second later (`delayed_close_timeout`).
"""

from __future__ import annotations

from dataclasses import dataclass

from mockllm.timeline.events import AUTO, Head
from mockllm.wires.identity import Identity

FRAMING = "{framing}"
"""Stands where a server writes its length or its transfer coding."""


@dataclass(frozen=True, slots=True)
class Server:
    """The headers of one server."""

    headers: tuple[tuple[str, str], ...]
    leaves_body_unread: bool = False
    """Whether its own replies close the connection if the request has a body."""
    close_delay: float = 0.0
    """Seconds from such a reply to the FIN."""


SERVERS = {
    "openai": Server(
        (
            ("date", AUTO),
            ("content-type", "{content_type}"),
            (FRAMING, ""),
            ("openai-organization", "user-mockllm"),
            ("openai-processing-ms", "{processing_ms}"),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", "30000"),
            ("x-ratelimit-limit-tokens", "150000000"),
            ("x-ratelimit-remaining-requests", "29999"),
            ("x-ratelimit-remaining-tokens", "149999979"),
            ("x-ratelimit-reset-requests", "2ms"),
            ("x-ratelimit-reset-tokens", "0s"),
            ("x-request-id", "req_{request_id}"),
            ("server", "cloudflare"),
        )
    ),
    "uvicorn": Server(
        (
            ("date", AUTO),
            ("server", "uvicorn"),
            (FRAMING, ""),
            ("content-type", "{content_type}"),
        )
    ),
    "envoy": Server(
        (
            (FRAMING, ""),
            ("content-type", "{content_type}"),
            ("date", AUTO),
            ("server", "envoy"),
        ),
        leaves_body_unread=True,
        close_delay=1.0,
    ),
}


def make_head(
    server: str, status: int, content_type: str, identity: Identity, *, chunked: bool = False
) -> Head:
    """The head that a server of this kind sends."""
    values = {
        "content_type": content_type,
        "processing_ms": str(20 + identity.number("processing", 80)),
        "request_id": identity.hexadecimal("request", 32),
    }
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", AUTO)
    return Head(
        status,
        tuple(
            framing
            if name == FRAMING
            else (name, value if value == AUTO else value.format_map(values))
            for name, value in SERVERS[server].headers
        ),
    )
