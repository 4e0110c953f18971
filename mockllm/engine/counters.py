"""What is counted: the calls at each route in each session, and the attempts of each request."""

from __future__ import annotations

from collections import OrderedDict

from mockllm.matchers.call import Call

MAX_REMEMBERED = 100_000
"""Requests whose attempts are remembered; the one that came longest ago is forgotten first."""


class Counters:
    """Counts by key; the only memory that a plan depends on."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int, str], int] = {}
        self._attempts: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    def reset(self) -> None:
        """Forget everything."""
        self._routes.clear()
        self._attempts.clear()

    def forget(self, profile: str) -> None:
        """Forget the calls of one profile."""
        for found in [one for one in self._routes if one[0] == profile]:
            del self._routes[found]

    def call(self, profile: str, route: int, session: str) -> int:
        """Count a call at a route and return its number, from 1."""
        slot = (profile, route, session)
        self._routes[slot] = self._routes.get(slot, 0) + 1
        return self._routes[slot]

    def attempt(self, call: Call) -> str:
        """Count a request and name its attempt.

        Where the client says which retry it is (`x-stainless-retry-count`, sent by OpenAI's and
        Anthropic's SDKs), its word is part of the name: a repeated call and a retry then differ.
        """
        retry = call.header("x-stainless-retry-count") or ""
        slot = (call.fingerprint, call.session, retry)
        count = self._attempts.pop(slot, 0) + 1
        self._attempts[slot] = count
        if len(self._attempts) > MAX_REMEMBERED:
            self._attempts.popitem(last=False)
        return f"{retry}.{count}"
