"""`refusal`: the model declines."""

from __future__ import annotations

from random import Random
from typing import ClassVar

from pydantic import Field

from mockllm.faults.values import Text as TextValue
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


class RefusalSource(Source):
    """A refusal in place of the answer, where the wire has one; the finish reason is `stop`."""

    word: ClassVar = "refusal"

    refusal: TextValue = Field(description="Why there is no answer.")

    @property
    def listens(self) -> bool:
        """It says the same whatever is asked; a kind that is made from it may not."""
        return type(self).make is not RefusalSource.make

    def make(self, call: Call, random: Random) -> Script:
        """The refusal, and nothing else."""
        return Script((Text(pieces(self.refusal), "refusal"),))
