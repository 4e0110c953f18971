"""Match on headers of the request."""

from __future__ import annotations

from mockllm.matchers.call import Call
from mockllm.matchers.redact import redact
from mockllm.matchers.text import Named


class Header(Named):
    """Headers by name, whatever their case; any of several with one name may match."""

    key = "header"
    of_request = True

    def values(self, call: Call, name: str) -> tuple[object, ...]:
        """Every header of this name."""
        return call.header_values(name)

    def shown(self, name: str, text: str) -> str:
        """The value; of a credential only its last letters."""
        return redact(name, text)
