"""Match on the API key."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.redact import redact
from mockllm.matchers.text import Globs


class Key(Globs):
    """The API key, from Authorization: Bearer, x-api-key or api-key."""

    key = "key"
    of_request = True

    def text(self, call: Call) -> str | None:
        """The key."""
        return call.key

    def shown(self, text: str) -> str:
        """Only its last letters: a key is a secret."""
        return redact("api-key", text)
