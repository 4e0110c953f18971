"""`words`: so many words of a language, made by Faker and fixed by the seed."""

from __future__ import annotations

from random import Random
from typing import ClassVar

from pydantic import Field, StrictInt

from mockllm.matchers.call import Call
from mockllm.scripts.faking import Locale, seeded
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


class WordsSource(Source):
    """Sentences of so many words, from Faker; the same for the same seed and request.

    Faker may change its words between releases; use the default script or `text` where the text
    must stay.
    """

    word: ClassVar = "words"

    words: StrictInt = Field(ge=1, le=100_000, description="How many words.")
    locale: Locale = Field("en_US", description="A locale of Faker, such as de_DE.")

    def make(self, call: Call, random: Random) -> Script:
        """The words, as sentences of six to twelve."""
        words: list[str] = seeded(self.locale, random).words(self.words)
        text, start = "", 0
        while start < len(words):
            stop = min(start + random.randint(6, 12), len(words))
            sentence = " ".join(words[start:stop])
            text += (" " if text else "") + sentence[:1].upper() + sentence[1:] + "."
            start = stop
        return Script((Text(pieces(text)),))
