"""`words`: so many words of a language, made by Faker and fixed by the seed."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, StrictInt, field_validator

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text

if TYPE_CHECKING:
    from faker import Faker


class WordsSource(Source):
    """Sentences of so many words, from Faker; the same for the same seed and request.

    Faker may change its words between releases; use the default script or `text` where the text
    must stay.
    """

    word: ClassVar = "words"

    words: StrictInt = Field(ge=1, le=100_000, description="How many words.")
    locale: str = Field("en_US", description="A locale of Faker, such as de_DE.")

    @field_validator("locale")
    @classmethod
    def locale_exists(cls, value: str) -> str:
        """Refuse a locale that Faker does not know."""
        from faker.config import AVAILABLE_LOCALES

        if value not in AVAILABLE_LOCALES:
            raise expected("a locale of Faker, such as en_US or de_DE", value)
        return value

    def make(self, call: Call, random: Random) -> Script:
        """The words, as sentences of six to twelve."""
        faker = generator(self.locale)
        faker.seed_instance(random.getrandbits(64))
        words: list[str] = faker.words(self.words)
        text, start = "", 0
        while start < len(words):
            stop = min(start + random.randint(6, 12), len(words))
            sentence = " ".join(words[start:stop])
            text += (" " if text else "") + sentence[:1].upper() + sentence[1:] + "."
            start = stop
        return Script((Text(pieces(text)),))


@lru_cache(maxsize=32)
def generator(locale: str) -> Faker:
    """One generator per locale; it is seeded anew for each use."""
    from faker import Faker  # 80 ms: only profiles that want words pay for it

    return Faker(locale)
