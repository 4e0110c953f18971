"""The environment variables that point clients to a server, and away from what costs money."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from mockllm.engine.select import API_KEY

POINTERS: Mapping[str, Mapping[str, str]] = {
    "openai": {
        "OPENAI_BASE_URL": "{url}/v1",
        # The name before openai 1.0, which LangChain and LiteLLM still read.
        "OPENAI_API_BASE": "{url}/v1",
        "OPENAI_API_KEY": API_KEY,
    },
    "anthropic": {
        "ANTHROPIC_BASE_URL": "{url}",
        "ANTHROPIC_API_KEY": API_KEY,
    },
    "azure": {
        "AZURE_OPENAI_ENDPOINT": "{url}",
        "AZURE_OPENAI_API_KEY": API_KEY,
    },
}
"""What each vendor's clients read; Anthropic's base URL has no `/v1`."""
SECRETS = ("ANTHROPIC_AUTH_TOKEN", "AZURE_OPENAI_AD_TOKEN")
"""Further credentials, which are replaced where they are set: no real one may leave."""


def environment(url: str, vendors: tuple[str, ...] = tuple(POINTERS)) -> dict[str, str]:
    """The variables for a server at a base URL, and no proxy for its host (added to the hosts that
    need none already). Raises `ValueError` for a vendor that is not known."""
    for vendor in vendors:
        if vendor not in POINTERS:
            raise ValueError(f"expected {', '.join(POINTERS)}, got '{vendor}'")
    host = urlsplit(url).hostname or ""
    upper, lower = os.environ.get("NO_PROXY"), os.environ.get("no_proxy")
    pointers = {
        name: value.format(url=url)
        for vendor in vendors
        for name, value in POINTERS[vendor].items()
    }
    secrets = {name: API_KEY for name in SECRETS if name in os.environ}
    return (
        pointers
        | secrets
        | {
            # Some clients read the one, some the other, so neither may hide what only one has.
            "NO_PROXY": with_host(upper or lower or "", host),
            "no_proxy": with_host(lower or upper or "", host),
        }
    )


def with_host(hosts: str, host: str) -> str:
    """A list of hosts that need no proxy, with one more."""
    known = [one.strip() for one in hosts.split(",") if one.strip()]
    return ",".join(known if host in known or "*" in known else [*known, host])
