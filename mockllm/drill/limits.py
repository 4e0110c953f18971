"""The limits that every system gets in a drill; they are printed with its results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What a caller grants a client, and what a drill grants both. Times are real seconds."""

    timeout: float = 2.0
    """The client's own time limit."""
    retries: int = 2
    """How often the client may try again."""
    guard: float = 20.0
    """After this a call counts as hung."""
    speed: float = 20.0
    """By how much the incidents' own times are divided, where that does not change them."""

    def as_text(self) -> str:
        """The limits in a line."""
        return (
            f"timeout {self.timeout:g} s, {self.retries} retries, hung after {self.guard:g} s, "
            f"incidents {self.speed:g} times as fast where that does not change them"
        )

    def within(self, seconds: float, *, scalable: bool) -> float:
        """A limit of an expectation in this drill: what a call may take, seen from the incident's
        own time. One that runs faster here (`scalable`) gets never less than the client's limits
        allow, which do not run faster."""
        faster = self.faster(scalable=scalable)
        return seconds if faster == 1 else max(seconds / faster, self.longest)

    def faster(self, *, scalable: bool) -> float:
        """By how much an incident's own times are divided."""
        return self.speed if scalable else 1.0

    def patience(self, pause: float) -> float:
        """How long a call may take that has to make such a pause before each retry: numbers in headers
        do not run faster, and who waits as long as the server says does not hang."""
        return self.guard + pause * self.retries

    def closing(self, seconds: float) -> float:
        """A limit on leaving: never less than the client's own limit on silence, and some more."""
        return max(seconds, self.timeout + 1.0)

    @property
    def longest(self) -> float:
        """How long a call takes that uses all of its tries to their limit, with pauses between, and
        one more, which may be a fallback's."""
        return (self.timeout + 2.0) * (self.retries + 2)
