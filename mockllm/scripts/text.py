"""`text`: a fixed text."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import ClassVar

from pydantic import Field, StrictInt

from mockllm.faults.values import Text as TextValue
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


class TextSource(Source):
    """A fixed text, in pieces of a word each."""

    word: ClassVar = "text"

    text: TextValue = Field(description="The whole text.")
    characters: StrictInt | None = Field(
        None, ge=1, description="How many characters a piece has, instead of a word."
    )

    @property
    def listens(self) -> bool:
        """It says the same whatever is asked; a kind that is made from it may not."""
        return type(self).make is not TextSource.make

    def make(self, call: Call, random: Random) -> Script:
        """The text."""
        return Script((Text(cut(self.text, self.characters)),))


@lru_cache(maxsize=64)
def cut(text: str, size: int | None) -> tuple[str, ...]:
    """The pieces of a profile's text, which is the same in every call."""
    if size is None:
        return pieces(text)
    return tuple(text[start : start + size] for start in range(0, len(text), size))
