"""`sequence`: another script for each call of a route."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mockllm.faults.often import By
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Source

if TYPE_CHECKING:
    ScriptValue = Source


class SequenceSource(Source):
    """Scripts by the number of the call at its route, in its session; the last one repeats.

    A retry is a call like any other, and gets the next script; `turns` gives it the same again.
    """

    word: ClassVar = "sequence"

    sequence: tuple[ScriptValue, ...] = Field(min_length=1, description="The scripts, in order.")

    @property
    def scopes(self) -> frozenset[By]:
        """The calls of the session, and what the scripts themselves count."""
        own: frozenset[By] = frozenset(("session",))
        return own.union(*(one.scopes for one in self.sequence))

    @property
    def is_whole(self) -> bool:
        """Whether any of the scripts is."""
        return any(one.is_whole for one in self.sequence)

    def make(self, call: Call, random: Random) -> Script:
        """The script of the call."""
        return self.sequence[min(call.visit, len(self.sequence)) - 1].script(call, random)
