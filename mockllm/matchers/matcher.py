"""What all matchers share: a condition on a call that can say why not."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import lru_cache
from typing import ClassVar

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from mockllm.matchers.call import Call


class Matcher(ABC):
    """One condition of a route. `key` is its word in a profile, `schema` what its value looks like."""

    key: ClassVar[str]
    schema: ClassVar[dict[str, object]] = {"type": "string"}
    of_request: ClassVar[bool] = False
    """Whether the words of a request decide alone, and not when it came or how often: then a request
    that comes again is not asked again. Each kind says so itself."""

    def __init__(self, value: object) -> None:
        self.given = value
        self.wanted = self.clean(value)

    @classmethod
    @abstractmethod
    def clean(cls, value: object) -> object:
        """Check the value of a profile once, at load; raises a refusal."""

    @abstractmethod
    def why_not(self, call: Call) -> str | None:
        """Why the call does not match; None if it does."""

    def holds(self, call: Call) -> bool:
        """Whether the call matches, as `why_not` says; some kinds know without finding words."""
        return self.why_not(call) is None

    def __repr__(self) -> str:
        return f"{self.key}: {self.wanted}"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.wanted == getattr(other, "wanted", None)

    def __hash__(self) -> int:
        return hash((self.key, repr(self.wanted)))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        as_given = core_schema.plain_serializer_function_ser_schema(lambda one: one.given)
        return core_schema.no_info_plain_validator_function(cls.load, serialization=as_given)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**cls.schema, "description": (cls.__doc__ or "").splitlines()[0]}

    @classmethod
    def load(cls, value: object) -> Matcher:
        """A matcher from the value of a profile."""
        return value if isinstance(value, cls) else cls(value)


@lru_cache(maxsize=1024)
def glob(pattern: str) -> re.Pattern[str]:
    """A glob as a regular expression: `*` is any text, `?` one character, all else itself.

    Not `fnmatch`, whose `[a]` is a class of characters: model names hold brackets.
    """
    parts = ({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)
