"""`echo`: what the user said."""

from __future__ import annotations

from random import Random
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from mockllm.faults.values import Strict, expected
from mockllm.faults.values import Text as TextValue
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Source, Text


class Echo(Strict):
    """How the text comes back."""

    prefix: TextValue = Field("", description="What stands before it.")


def parse_echo(value: object) -> object:
    """`whole` or nothing stands for the text as it is."""
    if value is None or value == "whole":
        return {}
    if isinstance(value, dict | Echo):
        return value
    raise expected("whole, or a mapping with prefix", value)


class EchoSource(Source):
    """The last text of the user; nothing where there is none."""

    word: ClassVar = "echo"

    echo: Annotated[
        Echo, BeforeValidator(parse_echo, json_schema_input_type=Literal["whole", None] | Echo)
    ] = Field(description="whole, or {prefix: …} for a text before it.")

    def make(self, call: Call, random: Random) -> Script:
        """The text."""
        said = call.conversation.message or ""
        return Script((Text(pieces(self.echo.prefix + said)),))
