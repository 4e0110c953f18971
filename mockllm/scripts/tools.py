"""`tool_calls`: the model calls tools instead of talking."""

from __future__ import annotations

import json
from random import Random
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from mockllm.faults.values import Strict, expected
from mockllm.matchers.call import Call
from mockllm.scripts.pieces import split_evenly
from mockllm.scripts.script import Script, Source, ToolCall

PIECES = 3
"""Into how many pieces arguments are cut; the first two are never whole JSON."""


def parse_arguments(value: object) -> object:
    """A mapping is written as JSON; a text is sent as it is, valid or not."""
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str):
        return value
    raise expected("a mapping, or the JSON as a text", value)


class Tool(Strict):
    """One call of a tool."""

    name: str = Field(description="The tool.")
    arguments: Annotated[
        str, BeforeValidator(parse_arguments, json_schema_input_type=str | dict[str, Any])
    ] = Field("{}", description="Its arguments; a text is sent as it is, valid JSON or not.")


class ToolsSource(Source):
    """Calls of tools, in order; the finish reason is `tool_calls`."""

    word: ClassVar = "tool_calls"

    tool_calls: tuple[Tool, ...] = Field(
        min_length=1, description="A list of {name, arguments}; arguments as a mapping or a text."
    )

    def make(self, call: Call, random: Random) -> Script:
        """The calls, with their arguments in three pieces."""
        return Script(
            tuple(
                ToolCall(tool.name, split_evenly(tool.arguments, PIECES))
                for tool in self.tool_calls
            ),
            "tool_calls",
        )


def tool(name: str, **arguments: Any) -> Tool:
    """A tool call, in short."""
    return Tool.model_validate({"name": name, "arguments": arguments})
