"""A fence around the providers that cost money: their hosts cannot be found while it stands.

A client that was built with a fixed base URL then fails at once, and says why, instead of asking the
real API with a real key. It acts on `socket.getaddrinfo`, which Python's HTTP clients use; uvloop
and c-ares ask the system themselves and are not held back.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HOSTS = (
    "api.openai.com",
    "api.anthropic.com",
    "openai.azure.com",
    "services.ai.azure.com",
    "generativelanguage.googleapis.com",
    "aiplatform.googleapis.com",
    "api.mistral.ai",
    "api.groq.com",
    "api.deepseek.com",
    "api.cohere.com",
    "api.together.xyz",
    "api.fireworks.ai",
    "api.perplexity.ai",
    "api.x.ai",
    "openrouter.ai",
    "router.huggingface.co",
    "amazonaws.com",
)
"""Hosts, each with all that is under it; of Amazon's only Bedrock's."""


class ProviderBlocked(ConnectionRefusedError):
    """A test was about to call a real provider."""


def is_provider(host: str) -> bool:
    """Whether a host is a provider's."""
    name = host.rstrip(".").lower()
    found = any(name == known or name.endswith(f".{known}") for known in HOSTS)
    return found and (not name.endswith("amazonaws.com") or name.startswith("bedrock"))


@contextmanager
def fenced() -> Iterator[None]:
    """No provider can be found inside; raises `ProviderBlocked` in whoever looks for one."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
        if is_provider(name):
            raise ProviderBlocked(
                f"mockllm keeps this test from calling {name}: a client does not use the "
                "environment (OPENAI_BASE_URL, …); give it base_url=mockllm.openai_url, or build "
                "it after the fixture. Switched on by `mockllm_block_providers`."
            )
        return real(host, *rest, **more)

    socket.getaddrinfo = getaddrinfo
    try:
        yield
    finally:
        socket.getaddrinfo = real
