"""`parts`: several scripts behind each other in one answer, such as a text and a call of a tool."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, model_validator

from mockllm.faults.often import By
from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Source

if TYPE_CHECKING:
    ScriptValue = Source


class PartsSource(Source):
    """Scripts behind each other in one answer, in this order.

    The finish reason is that of the first script that calls a tool, else that of the last.
    """

    word: ClassVar = "parts"

    parts: tuple[ScriptValue, ...] = Field(min_length=1, description="The scripts, in order.")

    @model_validator(mode="after")
    def only_parts(self) -> PartsSource:
        """Refuse a recording, which is a whole answer, and what is said of an answer as a whole."""
        for part in self.parts:
            if part.is_whole:
                raise expected("scripts of which an answer can be made", "replay", "use it alone")
            if given := sorted(part.model_fields_set & {"usage", "n"}):
                raise expected("parts of an answer", dict.fromkeys(given), "say it beside `parts`")
        return self

    @property
    def scopes(self) -> frozenset[By]:
        """Those of all parts."""
        return frozenset().union(*(part.scopes for part in self.parts))

    def make(self, call: Call, random: Random) -> Script:
        """The parts of all."""
        made = [part.script(call, random) for part in self.parts]
        finish = next((one.finish for one in made if one.tools), made[-1].finish)
        return Script(tuple(part for one in made for part in one.parts), finish)
