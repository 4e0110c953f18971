"""The one table of credentials: what stands in it is redacted wherever a header is shown."""

from __future__ import annotations

CREDENTIALS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
        "set-cookie",
        "openai-organization",
        "openai-project",
        "anthropic-organization-id",
        "ocp-apim-subscription-key",
        "x-amz-security-token",
        "x-litellm-api-key",
        "x-portkey-api-key",
        "helicone-auth",
    }
)
PARAMETERS = frozenset({"key", "api_key", "apikey", "access_token", "token", "sig", "signature"})
"""Credentials in the query of a URL."""
KEEP = 4


def redact(name: str, value: str) -> str:
    """A header's value; of a credential only its scheme and last letters, of cookies the names.

    Keys that choose a profile (`mock-…`) are no secret and stay.
    """
    name = name.lower()
    if name not in CREDENTIALS:
        return value
    if name in ("cookie", "set-cookie"):
        # Of Set-Cookie only the first is a cookie; its attributes follow.
        first, *rest = value.split(";")
        rest = [without_value(pair) for pair in rest] if name == "cookie" else rest
        return ";".join([without_value(first), *rest])
    scheme, space, secret = value.rpartition(" ")
    if secret.startswith("mock"):
        return value
    if " " in scheme or "=" in scheme:  # no scheme: part of the secret itself
        return "***"
    tail = secret[-KEEP:] if len(secret) > 3 * KEEP else ""
    return f"{scheme}{space}***{tail}"


def without_value(pair: str) -> str:
    """A cookie without its value."""
    name, equals, value = pair.partition("=")
    return pair if value.startswith("mock") else f"{name}{equals}***" if equals else "***"


def redact_query(query: str) -> str:
    """The query of a URL without the values of its credentials."""
    return "&".join(
        f"{pair.partition('=')[0]}=***" if is_credential(pair) else pair
        for pair in query.split("&")
    )


def is_credential(pair: str) -> bool:
    """Whether a parameter of a query is one."""
    name, _, value = pair.partition("=")
    name = name.lower()
    return name in CREDENTIALS | PARAMETERS and not value.startswith("mock")
