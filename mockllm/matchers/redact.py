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
    }
)
KEEP = 4


def redact(name: str, value: str) -> str:
    """A header's value; of a credential only its scheme and last letters.

    Keys that choose a profile (`mock-…`) are no secret and stay.
    """
    if name.lower() not in CREDENTIALS:
        return value
    scheme, space, secret = value.rpartition(" ")
    if secret.startswith("mock"):
        return value
    tail = secret[-KEEP:] if len(secret) > 3 * KEEP else ""
    return f"{scheme}{space}***{tail}"
