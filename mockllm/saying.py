"""What the short way to say things stands on: words in, scripts and faults of the language out.

Everything goes through the models that read profiles, so a word means here what it means in a file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Self, Unpack

from mockllm.engine.demands import Demand
from mockllm.faults.apply import AnyFault
from mockllm.faults.fault import ErrorSpec
from mockllm.faults.often import Often
from mockllm.faults.reply import ReplyBody
from mockllm.faults.values import hint_for
from mockllm.profile.adding import Said, read_fault, read_script
from mockllm.scripts.tools import Tool
from mockllm.timeline.valueclass import replace

if TYPE_CHECKING:
    from mockllm.face import ScriptKeys

__tracebackhide__ = True  # pytest shows the line of the test, not of its tools

Turn = str | Tool | Iterable[Tool] | Mapping[str, Any]
"""What a healthy server says in one turn: a text, a call of a tool or several at once, or a script
as a profile spells it."""


class Saying(ABC):
    """Something about which answers and faults can be said: a server, or some of its calls."""

    @abstractmethod
    def _say(self, change: Callable[[Said], Said], demand: Demand | None) -> None:
        """Change what was said about it so far; `demand` is a fault that has to act."""

    @property
    @abstractmethod
    def _words(self) -> str:
        """How a test spells it, for messages."""

    def says(self, *turns: Turn, **keys: Unpack[ScriptKeys]) -> Self:
        """What a healthy server answers; with several arguments one for each turn of the
        conversation, of which the last one repeats.

        A text, a call of a tool (`tool("get_weather", city="Paris")`), a list of such calls, or a
        script as a profile has it (`{"schema": …}`, `{"file": …}`). What was said before is
        replaced. Raises `ValueError` for what is no script.
        """
        words = f"{self._words}.says({spell(turns, keys)})"
        scripts = [script_of(words, turn) for turn in turns]
        if not scripts:
            raise ValueError(f"{words}: expected what it says, one argument for each turn")
        script = scripts[0] if len(scripts) == 1 else {"turns": scripts}
        made = read_script(words, {**script, **keys})
        self._say(lambda said: replace(said, script=made), None)
        return self

    def add(self, fault: Mapping[str, Any], *, may_not_fire: bool = False) -> Self:
        """Add a fault as a profile has it: `add({"close": "rst", "at": "byte 512"})`.

        Raises `ValueError` for a fault that a profile would not have.
        """
        words = f"{self._words}.add({fault!r})"
        self._add(words, read_fault(words, fault), may_not_fire=may_not_fire)
        return self

    def _add(self, words: str, fault: AnyFault, *, may_not_fire: bool) -> None:
        self._say(
            lambda said: replace(said, faults=(*said.faults, fault)),
            None if may_not_fire else Demand(words, (fault,)),
        )

    def _fault(self, name: str, value: Any, keys: Mapping[str, Any]) -> Self:
        """Add a named fault; the keys that stand beside it in a profile stand beside it here."""
        beside = dict(keys)
        may_not_fire = beside.pop("may_not_fire", False)
        words = f"{self._words}.{name}({spell([] if value is None else [value], keys)})"
        check_keys(words, name, keys)
        if "after_content" in beside:
            if "at" in beside:
                raise ValueError(f"{words}: expected either at or after_content, got both")
            beside["at"] = anchored(name, beside.pop("after_content"))
        if name in BODIES:
            fields = BODIES[name].model_fields
            body = {key: beside.pop(key) for key in list(beside) if key in fields}
            value = ({} if value is None else {"status": value}) | body or None
        fault = read_fault(words, {name: value, **beside})
        self._add(words, fault, may_not_fire=may_not_fire)
        return self


BODIES = {"fail": ReplyBody, "error": ErrorSpec}
"""What the mapping of a named fault holds; its keys stand beside the others in Python."""


BESIDE = ("at", "after_content", "may_not_fire", *Often.model_fields)
"""What stands beside every fault."""


def check_keys(words: str, name: str, keys: Iterable[str]) -> None:
    """Refuse a key that the method does not have; raises `ValueError` with the nearest."""
    body = set(BODIES[name].model_fields) if name in BODIES else set[str]()
    known = sorted({*BESIDE, *body} - ({"status"} if name == "fail" else set()))
    strange = [key for key in keys if key not in known]
    if strange:
        hint = hint_for(strange, known) or f"known keys: {', '.join(known)}"
        raise ValueError(f"{words}: unknown key '{strange[0]}'; {hint}")


def anchored(name: str, number: Any) -> str:
    """Where a fault acts after so many content frames; what edits names the frame itself."""
    if not isinstance(number, int) or isinstance(number, bool):
        return f"after content {number}"  # the language says what is wrong with it
    return f"content {number + 1}" if name == "garble" else f"after content {number}"


def script_of(words: str, turn: Any) -> dict[str, Any]:
    """One turn as a profile spells it."""
    match turn:
        case str():
            return {"text": turn}
        case Tool():
            return {"tool_calls": [turn.model_dump()]}
        case Mapping():
            return dict(turn)
        case Iterable():
            calls = list(turn)
            if calls and all(isinstance(one, Tool) for one in calls):
                return {"tool_calls": [one.model_dump() for one in calls]}
    raise ValueError(
        f"{words}: expected a text, tool(…), a list of tool(…) or a script such as "
        f'{{"file": "answer.txt"}}, got {turn!r}'
    )


def spell(values: Iterable[Any], keys: Mapping[str, Any]) -> str:
    """Arguments as they were written."""
    named = (f"{key}={value!r}" for key, value in keys.items())
    return ", ".join([*(spelled(value) for value in values), *named])


def spelled(value: Any) -> str:
    """One argument as it was written."""
    if isinstance(value, Tool):
        return f"tool({value.name!r}, …)"
    return repr(value)
