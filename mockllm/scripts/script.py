"""A script's outcome, and what all scripts share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from random import Random

from pydantic import Field

from mockllm.faults.values import Strict
from mockllm.matchers.call import Call


@dataclass(frozen=True, slots=True)
class Text:
    """Text in pieces; each piece is one usage token and one frame of a stream."""

    pieces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; its arguments are JSON text in pieces."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Script:
    """What is said, and why it ends."""

    parts: tuple[Text | ToolCall, ...]
    finish: str = "stop"

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join("".join(part.pieces) for part in self.parts if isinstance(part, Text))

    @property
    def tools(self) -> tuple[ToolCall, ...]:
        """The tool calls, in order."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def tokens(self) -> int:
        """The pieces in all."""
        return sum(
            len(part.pieces if isinstance(part, Text) else part.arguments) for part in self.parts
        )

    def limited(self, tokens: int | None) -> Script:
        """The script under a limit of tokens: cut, with finish reason `length`, if it is longer.

        A tool call has no half: a limit that would cut one leaves the script whole.
        """
        if tokens is None or tokens >= self.tokens or self.tools:
            return self
        left, parts = tokens, []
        for part in self.parts:
            assert isinstance(part, Text)
            parts.append(Text(part.pieces[:left]))
            left -= len(parts[-1].pieces)
        return Script(tuple(parts), "length")


class Source(Strict, ABC):
    """One kind of script in a profile; its first field is its word there."""

    finish: str | None = Field(None, description="Another finish reason than the script's own.")

    @abstractmethod
    def make(self, call: Call, random: Random, /) -> Script:
        """The script for a call. All chance comes from `random`."""

    def script(self, call: Call, random: Random) -> Script:
        """The script, with the finish reason that the profile wants."""
        made = self.make(call, random)
        return made if self.finish is None else Script(made.parts, self.finish)
