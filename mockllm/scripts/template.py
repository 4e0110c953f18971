"""`template`: a text with names, places and numbers from Faker in it."""

from __future__ import annotations

import re
from random import Random
from typing import ClassVar

from pydantic import Field, model_validator

from mockllm.faults.values import Text as TextValue
from mockllm.faults.values import expected, hint_for
from mockllm.matchers.call import Call
from mockllm.scripts.faking import Locale, generator, seeded
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text

PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


class TemplateSource(Source):
    """A text in which `{{name}}`, `{{city}}` and the like stand for values that Faker makes.

    Any method of Faker's providers that needs no argument may stand there. Dates are near the day
    on which they are made; use `text` where they must stay.
    """

    word: ClassVar = "template"

    template: TextValue = Field(description="The text, such as: Dear {{name}}, in {{city}} …")
    locale: Locale = Field("en_US", description="A locale of Faker, such as de_DE.")

    @model_validator(mode="after")
    def placeholders_exist(self) -> TemplateSource:
        """Refuse a placeholder that Faker cannot fill."""
        for name in PLACEHOLDER.findall(self.template):
            if not is_fillable(self.locale, name):
                known = formatters(self.locale)
                raise expected(
                    "placeholders that Faker can fill, such as {{name}} or {{city}}",
                    f"{{{{{name}}}}}",
                    "" if name in known else hint_for([name], known),
                )
        return self

    def make(self, call: Call, random: Random) -> Script:
        """The text, filled."""
        faker = seeded(self.locale, random)
        filled = PLACEHOLDER.sub(lambda found: str(faker.format(found[1])), self.template)
        return Script((Text(pieces(filled)),))


def formatters(locale: str) -> set[str]:
    """The names of what Faker's providers make in a locale."""
    return {
        name
        for provider in generator(locale).get_providers()
        for name in dir(provider)
        if not name.startswith("_") and callable(getattr(provider, name))
    }


def is_fillable(locale: str, name: str) -> bool:
    """Whether a placeholder gives a text without being told anything else."""
    if name not in formatters(locale):
        return False
    try:
        made = seeded(locale, Random(0)).format(name)
    except Exception:  # whatever a method says that wants arguments, or another library
        return False
    return isinstance(made, str | int | float) or type(made).__module__ in ("decimal", "datetime")
