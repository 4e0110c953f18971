"""The response headers of the servers that are imitated: names, order, case and values.

Sources. `openai`: captures of OpenAI's API 2024–2026 (documented), values of one of them;
`cf-ray` is left out, because no capture gives its value. `uvicorn`: uvicorn under KServe 0.21.0;
`vllm`: uvicorn under vLLM 0.24.0; `litellm`: the proxy of LiteLLM 1.106.2; `nginx`: nginx 1.22.1;
`haproxy`: HAProxy 2.6.12 (all observed). `envoy`: local replies of Envoy 1.40.0 (observed); Envoy
answers before it has read a request's body and then closes the connection one second later
(`delayed_close_timeout`). `envoy-empty`: its replies without a body (observed), `istio`: Envoy as
Istio names it (observed). `alb`, `cloudflare`, `anthropic`, `bedrock`, `openrouter`: the headers
that captures and documents name (documented). `kong`, `tyk`, `apisix`, `knative`, `triton`: those
that their sources name (documented). `go` and `axum`: the orders of Go's net/http, under Ollama,
and of hyper, under TGI (documented). `plain`: a server of which only the type of the body is known.

Where captures leave the date out (LiteLLM, nginx, and all that is documented), its place is that
of the server's kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mockllm.timeline.events import AUTO, Head
from mockllm.wires.identity import Identity

FRAMING = "{framing}"
"""Stands where a server writes its length or its transfer coding."""
TITLED_FRAMING = "{Framing}"
"""The same, where the server begins the words of a name with capitals."""

VOLATILE = ("date", "content-length", "connection")
"""Headers that belong to one exchange and not to an answer: the time, the length of the body as it
is sent, and whether the connection stays, which follows the request. A table or an answer that
gives them no value but `AUTO` says where they stand; `connection` stands there if it says close."""


@dataclass(frozen=True, slots=True)
class Server:
    """The headers of one server."""

    headers: tuple[tuple[str, str], ...]
    leaves_body_unread: bool = False
    """Whether its own replies close the connection if the request has a body."""
    close_delay: float = 0.0
    """Seconds from such a reply to the FIN."""
    chunked_last: bool = False
    """Whether the transfer coding stands behind all other headers, where a length does not: a
    framework writes the length, and uvicorn below it the coding."""


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
    "azure": Server(
        (
            (FRAMING, ""),
            ("content-type", "{content_type}"),
            ("apim-request-id", "{uuid}"),
            ("x-request-id", "{uuid}"),
            ("x-ms-region", "East US"),
            ("x-ratelimit-remaining-requests", "999"),
            ("x-ratelimit-remaining-tokens", "99000"),
            ("date", AUTO),
        )
    ),
    "uvicorn": Server(
        (
            ("date", AUTO),
            ("server", "uvicorn"),
            (FRAMING, ""),
            ("content-type", "{content_type}"),
        ),
        chunked_last=True,
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
    "envoy-empty": Server(
        (("date", AUTO), ("server", "envoy"), ("connection", AUTO), ("content-length", AUTO)),
        leaves_body_unread=True,
        close_delay=1.0,
    ),
    "istio": Server(
        (
            (FRAMING, ""),
            ("content-type", "{content_type}"),
            ("date", AUTO),
            ("server", "istio-envoy"),
        ),
        leaves_body_unread=True,
        close_delay=1.0,
    ),
    "vllm": Server(
        (
            ("date", AUTO),
            ("server", "uvicorn"),
            (FRAMING, ""),
            ("content-type", "{content_type}"),
            ("vary", "Origin"),
        ),
        chunked_last=True,
    ),
    "litellm": Server(
        (
            ("date", AUTO),
            (FRAMING, ""),
            ("content-type", "{content_type}"),
            ("vary", "Origin"),
            ("x-frame-options", "DENY"),
            ("content-security-policy", "frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            ("Connection", AUTO),
        )
    ),
    "nginx": Server(
        (
            ("Server", "nginx/1.22.1"),
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("Connection", "keep-alive"),
        )
    ),
    "haproxy": Server(
        ((FRAMING, ""), ("cache-control", "no-cache"), ("content-type", "{content_type}"))
    ),
    "alb": Server(
        (
            ("Server", "awselb/2.0"),
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("Connection", "keep-alive"),
        )
    ),
    "cloudflare": Server(
        (
            ("date", AUTO),
            ("content-type", "{content_type}"),
            (FRAMING, ""),
            ("server", "cloudflare"),
            ("cf-ray", "{ray}-FRA"),
        )
    ),
    "apisix": Server(
        (
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("Server", "APISIX/3.18.0"),
        )
    ),
    "kong": Server(
        (
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("Server", "kong/3.x"),
            ("X-Kong-Response-Latency", "1"),
        )
    ),
    "tyk": Server(
        (
            ("Content-Type", "{content_type}"),
            ("X-Generator", "tyk.io"),
            ("Date", AUTO),
            (TITLED_FRAMING, ""),
        )
    ),
    "go": Server((("Content-Type", "{content_type}"), ("Date", AUTO), (TITLED_FRAMING, ""))),
    "knative": Server(
        (
            ("content-type", "{content_type}"),
            ("x-content-type-options", "nosniff"),
            ("date", AUTO),
            (FRAMING, ""),
        )
    ),
    "axum": Server((("content-type", "{content_type}"), (FRAMING, ""), ("date", AUTO))),
    "triton": Server((("Content-Type", "{content_type}"), (TITLED_FRAMING, ""))),
    "anthropic": Server(
        (
            ("date", AUTO),
            ("content-type", "{content_type}"),
            (FRAMING, ""),
            ("request-id", "req_01{request_letters}"),
        )
    ),
    "bedrock": Server(
        (
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("x-amzn-RequestId", "{uuid}"),
        )
    ),
    "openrouter": Server(
        (
            ("Date", AUTO),
            ("Content-Type", "{content_type}"),
            (TITLED_FRAMING, ""),
            ("X-Generation-Id", "gen-{request_letters}"),
        )
    ),
    "plain": Server((("date", AUTO), ("content-type", "{content_type}"), (FRAMING, ""))),
}


MADE_UP: dict[str, Callable[[Identity], str]] = {
    "processing_ms": lambda identity: identity.decimal("processing", 20, 99),
    "request_id": lambda identity: identity.hexadecimal("request", 32),
    "request_letters": lambda identity: identity.letters("request", 22),
    "ray": lambda identity: identity.hexadecimal("ray", 16),
    "uuid": lambda identity: identity.uuid("uuid"),
}
"""What a server makes up for each answer, by the name of its placeholder: `{request_id}`."""


class MadeUp(dict[str, str]):
    """The values of `MADE_UP` for one answer, each made when it is asked for, and others."""

    def __init__(self, identity: Identity, **others: str) -> None:
        super().__init__(others)
        self._identity = identity

    def __missing__(self, name: str) -> str:
        return MADE_UP[name](self._identity)


def make_head(
    server: str,
    status: int,
    content_type: str,
    identity: Identity,
    *,
    chunked: bool = False,
    closes: bool = False,
) -> Head:
    """The head that a server of this kind sends; `closes`: the connection ends with the answer."""
    values = MadeUp(identity, content_type=content_type)
    framing = ("transfer-encoding", "chunked") if chunked else ("content-length", AUTO)

    def header(name: str, value: str) -> tuple[str, str]:
        """A header of the table, filled in."""
        if name == FRAMING:
            return framing
        if name == TITLED_FRAMING:
            return framing[0].title(), framing[1]
        return name, value if value == AUTO else value.format_map(values)

    said = SERVERS[server].headers
    if chunked and SERVERS[server].chunked_last:
        others = tuple(pair for pair in said if pair[0] != FRAMING)
        said = (*others, (FRAMING, ""))
    headers = tuple(header(*pair) for pair in said)
    return Head(status, with_connection(headers, closes=closes))


def with_connection(
    headers: tuple[tuple[str, str], ...], *, closes: bool
) -> tuple[tuple[str, str], ...]:
    """The headers with `connection: close` where that header stands, or at the end, if the
    connection ends; else without one whose value is open. A transfer coding at the end stays there,
    as uvicorn has it."""
    if closes:
        kept = tuple(
            (name, "close" if name.lower() == "connection" else value) for name, value in headers
        )
        said = any(name.lower() == "connection" for name, _ in kept)
        if said:
            return kept
        place = len(kept) - (kept[-1:] == (("transfer-encoding", "chunked"),))
        return (*kept[:place], ("connection", "close"), *kept[place:])
    return tuple(pair for pair in headers if (pair[0].lower(), pair[1]) != ("connection", AUTO))
