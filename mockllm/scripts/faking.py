"""Faker, imported on first use: 80 ms that only profiles pay for that want it."""

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from mockllm.faults.values import expected

if TYPE_CHECKING:
    from faker import Faker


def locale_exists(value: str) -> str:
    """Refuse a locale that Faker does not know."""
    from faker.config import AVAILABLE_LOCALES

    if value not in AVAILABLE_LOCALES:
        raise expected("a locale of Faker, such as en_US or de_DE", value)
    return value


Locale = Annotated[str, AfterValidator(locale_exists)]


@lru_cache(maxsize=32)
def generator(locale: str) -> Faker:
    """One generator per locale; it is seeded anew for each use."""
    from faker import Faker

    return Faker(locale)


def seeded(locale: str, random: Random) -> Faker:
    """The generator of a locale, with its chance from `random`."""
    faker = generator(locale)
    faker.seed_instance(random.getrandbits(64))
    return faker
