"""`schema`: an answer that is JSON and fits a schema."""

from __future__ import annotations

import json
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.scripts.canonical import canonical
from mockllm.scripts.faking import Locale
from mockllm.scripts.json_value import make_value
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


def parse_schema(value: object) -> object:
    """`request`, or a JSON Schema as a mapping."""
    if value == "request" or isinstance(value, dict):
        return value
    raise expected("request, or a JSON Schema as a mapping", value)


class SchemaSource(Source):
    """JSON that fits the request's `response_format`, or a schema of the profile.

    `request` without a schema in the request gives the canonical text. What of JSON Schema is
    looked at stands in `mockllm.scripts.json_value`.
    """

    word: ClassVar = "schema"

    schema_: Annotated[Literal["request"] | dict[str, Any], BeforeValidator(parse_schema)] = Field(
        alias="schema", description="request, or a JSON Schema."
    )
    locale: Locale = Field("en_US", description="A locale of Faker, such as de_DE.")

    def make(self, call: Call, random: Random) -> Script:
        """The JSON."""
        schema = call.conversation.schema if self.schema_ == "request" else self.schema_
        if schema is None:
            return canonical()
        value = make_value(schema, random, self.locale)
        return Script((Text(pieces(json.dumps(value, ensure_ascii=False))),))
