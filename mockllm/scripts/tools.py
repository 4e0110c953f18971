"""`tool_calls`: the model calls tools instead of talking."""

from __future__ import annotations

import json
from random import Random
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from mockllm.faults.values import Strict, expected
from mockllm.matchers.call import Call
from mockllm.scripts.canonical import canonical
from mockllm.scripts.json_value import make_value
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
    id: str | None = Field(
        None, min_length=1, description="Its id; one that the server makes without it."
    )


def is_auto(value: object) -> str:
    """Which of the two forms a value has."""
    return "<auto>" if value == "auto" else "<list>"


Calls = Annotated[tuple[Tool, ...], Field(min_length=1)]


class ToolsSource(Source):
    """Calls of tools, in order; the finish reason is `tool_calls`.

    `auto` calls the tool that the client demands, else the first that it offers, with arguments
    that fit the tool's JSON Schema; where none is offered, the answer is the canonical text.
    """

    word: ClassVar = "tool_calls"

    tool_calls: Annotated[
        Annotated[Literal["auto"], Tag("<auto>")] | Annotated[Calls, Tag("<list>")],
        Discriminator(is_auto),
    ] = Field(description="A list of {name, arguments}, arguments a mapping or a text; or auto.")

    @property
    def listens(self) -> bool:
        """With `auto`, to what is offered; a kind that is made from it may listen to more."""
        return self.tool_calls == "auto" or type(self).make is not ToolsSource.make

    def make(self, call: Call, random: Random) -> Script:
        """The calls, with their arguments in three pieces."""
        calls = self.chosen(call, random) if self.tool_calls == "auto" else self.tool_calls
        if not calls:
            return canonical()
        return Script(
            tuple(
                ToolCall(tool.name, split_evenly(tool.arguments, PIECES), tool.id) for tool in calls
            ),
            "tool_calls",
        )

    def chosen(self, call: Call, random: Random) -> tuple[Tool, ...]:
        """The call of a tool that the client offers."""
        tools = call.conversation.tools
        name = call.conversation.tool or next(iter(tools), None)
        if name is None or name not in tools:
            return ()
        arguments = make_value(tools[name], random)
        return (Tool.model_validate({"name": name, "arguments": arguments or {}}),)


def tool(name: str, **arguments: Any) -> Tool:
    """A tool call, in short."""
    return Tool.model_validate({"name": name, "arguments": arguments})
