"""A script's outcome, and what all scripts share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from random import Random
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StrictInt

from mockllm.faults.often import By
from mockllm.faults.values import Strict, expected
from mockllm.faults.values import Text as TextValue
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.timeline.valueclass import replace, valueclass

if TYPE_CHECKING:
    from mockllm.cassettes.playing import Playable

TextKind = Literal["content", "reasoning", "refusal"]


@valueclass(frozen=True, slots=True)
class Text:
    """Text in pieces; each piece is one usage token and one frame of a stream."""

    pieces: tuple[str, ...]
    kind: TextKind = "content"
    """The answer itself, what is thought before it, or why there is none."""


@valueclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool; its arguments are JSON text in pieces."""

    name: str
    arguments: tuple[str, ...]
    id: str | None = None
    """Its id; None where the server makes one."""


@valueclass(frozen=True, slots=True)
class Recorded:
    """A recording that is what is said, whatever the wire would make of the text in it."""

    playable: Playable
    timing: Literal["recorded", "route"] = "recorded"
    """In its own time, or in that of the route's pacing."""


class Unanswered(Exception):
    """A script has nothing to say to a call; the message tells why."""


@valueclass(frozen=True, slots=True)
class Script:
    """What is said, and why it ends."""

    parts: tuple[Text | ToolCall, ...]
    finish: str = "stop"
    usage: Mapping[str, Any] | None = None
    """What replaces parts of the usage that is computed; null is a value."""
    has_usage: bool = True
    choices: int | None = None
    """How many choices the answer has, whatever was asked for."""
    recorded: Recorded | None = None
    """The answer as it was recorded; None where the wire makes it."""

    @property
    def text(self) -> str:
        """The whole text of the answer."""
        return self.text_of("content")

    def text_of(self, kind: TextKind) -> str:
        """The whole text of one kind."""
        texts = (part for part in self.parts if isinstance(part, Text) and part.kind == kind)
        return "".join("".join(part.pieces) for part in texts)

    def has(self, kind: TextKind) -> bool:
        """Whether there is text of a kind, be it empty."""
        return any(isinstance(part, Text) and part.kind == kind for part in self.parts)

    def tokens_of(self, kind: TextKind) -> int:
        """The pieces of one kind of text."""
        return sum(
            len(part.pieces) for part in self.parts if isinstance(part, Text) and part.kind == kind
        )

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
            parts.append(replace(part, pieces=part.pieces[:left]))
            left -= len(parts[-1].pieces)
        return replace(self, parts=tuple(parts), finish="length")


def parse_usage(value: object) -> object:
    """A mapping, or `absent`."""
    if isinstance(value, dict) or value == "absent":
        return value
    raise expected("a mapping that is merged over the computed usage, or absent", value)


class Beside(Strict):
    """What may be different in any script; alone it changes the canonical one."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    finish: str | None = Field(None, description="Another finish reason than the script's own.")
    reasoning: TextValue | None = Field(None, description="What is thought before the answer.")
    usage: Annotated[
        dict[str, Any] | Literal["absent"] | None,
        BeforeValidator(parse_usage, json_schema_input_type=dict[str, Any] | Literal["absent"]),
    ] = Field(None, description="Merged over the computed usage, null is a value; or absent.")
    n: StrictInt | None = Field(
        None, ge=0, le=128, description="The number of choices, whatever was asked for."
    )


class Source(Beside, ABC):
    """One kind of script in a profile; its first field is its word there."""

    @property
    def scopes(self) -> frozenset[By]:
        """In which scopes calls are counted for it, beside those of faults."""
        return frozenset()

    @property
    def listens(self) -> bool:
        """Whether what it says depends on the request, or on which attempt it is. On what else a
        script may depend, `scopes` and `random` know."""
        return True

    def claims(self, method: str, path: str) -> bool:
        """Whether it answers requests of this method and path itself, also where no API is served,
        and also where the API would refuse the request."""
        return False

    @property
    def is_whole(self) -> bool:
        """Whether it is an answer as it came, of which nothing can be a part of another."""
        return False

    @abstractmethod
    def make(self, call: Call, random: Random, /) -> Script:
        """The script for a call; raises `Unanswered`. All chance comes from `random`."""

    def script(self, call: Call, random: Random) -> Script:
        """The script, with what the profile wants to be different."""
        made = self.make(call, random)
        if self.reasoning is not None:
            thought = Text(pieces(self.reasoning), "reasoning")
            made = replace(made, parts=(thought, *made.parts))
        if self.finish is not None:
            made = replace(made, finish=self.finish)
        if self.usage == "absent":
            made = replace(made, has_usage=False)
        elif self.usage is not None:
            made = replace(made, usage=self.usage)
        return made if self.n is None else replace(made, choices=self.n)


COMMON = frozenset(Beside.model_fields)
"""The keys that stand beside any kind of script."""
