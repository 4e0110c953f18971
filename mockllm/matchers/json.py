"""Match on values of the request's JSON body."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from mockllm.faults.values import expected
from mockllm.matchers.call import Call
from mockllm.matchers.condition import Condition, condition_schema, parse_condition, scalar_of
from mockllm.matchers.text import Named

PATH = re.compile(r"[^.\[\]]+(\[-?\d+\])*(\.[^.\[\]]+(\[-?\d+\])*)*")
STEP = re.compile(r"[^.\[\]]+")
NOTHING: tuple[object, ...] = ()


class Json(Named):
    """Values of the body by path, such as messages.0.role or tools[0].function.name."""

    key = "json"
    of_request = True
    schema: ClassVar[dict[str, object]] = {
        "type": "object",
        "minProperties": 1,
        "propertyNames": {"pattern": f"^{PATH.pattern}$"},
        "additionalProperties": condition_schema({"type": ["string", "number", "boolean", "null"]}),
    }

    @classmethod
    def condition(cls, name: str, value: object) -> Condition:
        """The condition of one path."""
        if not PATH.fullmatch(name):
            raise expected("a path such as messages.0.role or tools[0].type", name)
        what = "a text, a number, true, false, null, or a list of them"
        return parse_condition(value, scalar_of, what, name)

    def values(self, call: Call, name: str) -> tuple[object, ...]:
        """The value at the path, if there is one."""
        return follow(call.data, name)


def follow(data: Any, path: str) -> tuple[object, ...]:
    """The value at a path; numbers are places in a list, negative ones count from its end."""
    for step in STEP.findall(path):
        if isinstance(data, list):
            if not re.fullmatch(r"-?\d{1,9}", step) or not -len(data) <= int(step) < len(data):
                return NOTHING
            data = data[int(step)]
        elif hasattr(data, "keys") and step in data:
            data = data[step]
        else:
            return NOTHING
    return (data,)
