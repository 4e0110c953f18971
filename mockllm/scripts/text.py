"""`text`: a fixed text."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import ClassVar

from pydantic import Field

from mockllm.faults.values import Text as TextValue
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


class TextSource(Source):
    """A fixed text, in pieces of a word each."""

    word: ClassVar = "text"

    text: TextValue = Field(description="The whole text.")

    @property
    def listens(self) -> bool:
        """It says the same whatever is asked; a kind that is made from it may not."""
        return type(self).make is not TextSource.make

    def make(self, call: Call, random: Random) -> Script:
        """The text."""
        return Script((Text(cut(self.text)),))


@lru_cache(maxsize=64)
def cut(text: str) -> tuple[str, ...]:
    """The pieces of a profile's text, which is the same in every call."""
    return pieces(text)
