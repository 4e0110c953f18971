"""What OpenAI's Responses API refuses of a request, and with which words.

The messages are documented, from captures of OpenAI's errors 2025–2026, but for two: that a
background response must be stored, and what an item of the input should have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.wires.openai_check import check_json, invalid, missing, wrong_type
from mockllm.wires.wire import Refused

ROLES = ("assistant", "system", "developer", "user")
KINDS: tuple[tuple[str, type, str], ...] = (
    ("instructions", str, "a string"),
    ("previous_response_id", str, "a string"),
    ("stream", bool, "a boolean"),
    ("store", bool, "a boolean"),
    ("background", bool, "a boolean"),
    ("stream_options", dict, "an object"),
    ("text", dict, "an object"),
    ("reasoning", dict, "an object"),
    ("tools", list, "an array of objects"),
    ("include", list, "an array of strings"),
)
"""Parameters and the types that they must have where they are given."""
LEAST_TOKENS = 16
"""The smallest `max_output_tokens`."""
INPUT = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided."


def check(call: Call) -> None:
    """Refuse what OpenAI refuses of a request to create a response; raises `Refused`."""
    check_json(call)
    data = call.data
    if not isinstance(data.get("model"), str) or not data["model"]:
        if data.get("model") not in (None, ""):
            raise wrong_type("model", "a string", data["model"])
        raise missing("model")
    check_input(data)
    for name, kind, words in KINDS:
        if data.get(name) is not None and not isinstance(data[name], kind):
            raise wrong_type(name, words, data[name])
    if data.get("max_output_tokens") is not None:
        check_limit("max_output_tokens", data["max_output_tokens"])
    if data.get("stream_options") is not None and not call.stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )
    if data.get("background") and data.get("store") is False:
        raise invalid("Background responses must be stored; 'store' is false.", "background")


def check_input(data: Mapping[str, Any]) -> None:
    """Refuse a request without input, and an input that is neither text nor items."""
    found = data.get("input")
    if found is None or found == [] or found == "":
        if not any(data.get(name) for name in ("previous_response_id", "prompt", "conversation")):
            raise invalid(INPUT, "input", "missing_required_parameter")
        return
    if not isinstance(found, str | list):
        raise wrong_type("input", "one of a string or array of input items", found)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        where = f"input[{index}]"
        if not isinstance(item, dict):
            raise wrong_type(where, "an input item", item)
        check_item(where, item)


def check_item(where: str, item: Mapping[str, Any]) -> None:
    """Refuse a message of nobody known, and an item that is neither a message nor has a type."""
    kind = item.get("type", "message")
    if not isinstance(kind, str):
        raise wrong_type(f"{where}.type", "a string", kind)
    if kind != "message":
        return
    role = item.get("role")
    if role is None:
        raise missing(f"{where}.role")
    if role not in ROLES:
        names = ", ".join(f"'{name}'" for name in ROLES[:-1]) + f", and '{ROLES[-1]}'"
        raise invalid(
            f"Invalid value: '{role}'. Supported values are: {names}.",
            f"{where}.role",
            "invalid_value",
        )
    if item.get("content") is None:
        raise missing(f"{where}.content")


def check_limit(name: str, value: Any) -> None:
    """Refuse a limit of tokens that is no whole number, or too small."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "an integer", value)
    if value < LEAST_TOKENS:
        raise invalid(
            f"Invalid '{name}': integer below minimum value. Expected a value >= {LEAST_TOKENS}, "
            f"but got {value} instead.",
            name,
            "integer_below_min_value",
        )


def unknown(response: str) -> Refused:
    """A 404 for a response that is not stored."""
    return Refused(
        ErrorSpec(
            status=404,
            message=f"Response with id '{response}' not found.",
            error_type="invalid_request_error",
            param=None,
            code=None,
        )
    )


def unknown_previous(response: str) -> Refused:
    """A 400 for a `previous_response_id` that is not stored."""
    return invalid(
        f"Previous response with id '{response}' not found.",
        "previous_response_id",
        "previous_response_not_found",
    )
