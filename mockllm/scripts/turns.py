"""`turns`: another script for each turn of a conversation."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mockllm.faults.often import By
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Source

if TYPE_CHECKING:
    ScriptValue = Source


class TurnsSource(Source):
    """Scripts by turn; the last one repeats.

    The turn is read from the request: one more than the answers it holds. So nothing needs to be
    remembered, and a retry gets the same turn.
    """

    word: ClassVar = "turns"

    turns: tuple[ScriptValue, ...] = Field(min_length=1, description="The scripts, in order.")

    @property
    def scopes(self) -> frozenset[By]:
        """Those of all turns."""
        return frozenset().union(*(turn.scopes for turn in self.turns))

    @property
    def is_whole(self) -> bool:
        """Whether any turn is."""
        return any(turn.is_whole for turn in self.turns)

    def make(self, call: Call, random: Random) -> Script:
        """The script of the turn."""
        turn = min(call.conversation.turn, len(self.turns))
        return self.turns[turn - 1].script(call, random)
