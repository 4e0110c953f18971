"""How OpenAI refuses a request, for all of its APIs.

The texts are documented, not captured. Parameters that change nothing here are not looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.wires.wire import Refused


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """A 400 of OpenAI."""
    return Refused(
        ErrorSpec(
            status=400,
            message=message,
            error_type="invalid_request_error",
            param=param,
            code=code,
        )
    )


def not_found(message: str) -> Refused:
    """A 404 of OpenAI for a thing that was never stored, or is gone."""
    return Refused(
        ErrorSpec(status=404, message=message, error_type="invalid_request_error", code=None)
    )


def wrong_type(param: str, wanted: str, got: Any) -> Refused:
    """A 400 for a value of the wrong type."""
    match got:
        case None:
            name = "null"
        case bool():
            name = "a boolean"
        case int():
            name = "an integer"
        case float():
            name = "a decimal number"
        case str():
            name = "a string"
        case list():
            name = "an array"
        case _:
            name = "an object"
    return invalid(
        f"Invalid type for '{param}': expected {wanted}, but got {name} instead.",
        param,
        "invalid_type",
    )


def unknown_form(param: str) -> Refused:
    """A 400 of OpenAI's older APIs for a value in none of the forms that they know."""
    return invalid(
        f"'$.{param}' is invalid. Please check the API reference: "
        "https://platform.openai.com/docs/api-reference."
    )


def missing(param: str) -> Refused:
    """A 400 for a parameter that must be there."""
    return invalid(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def unsupported_value(param: str, value: Any, names: tuple[str, ...]) -> Refused:
    """A 400 for a value that is none of the known ones."""
    quoted = [f"'{name}'" for name in names]
    # OpenAI sets a comma before the last of three or more.
    listed = (
        f"{', '.join(quoted[:-1])}, and {quoted[-1]}" if len(quoted) > 2 else " and ".join(quoted)
    )
    return invalid(
        f"Invalid value: '{value}'. Supported values are: {listed}.", param, "invalid_value"
    )


def check_json(call: Call) -> None:
    """Refuse a body that is no JSON."""
    if call.problem is not None:
        raise invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you "
            "aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, "
            f"but what was sent was not valid JSON: {call.problem}.)"
        )


def check_model(call: Call, *, needed: bool = True) -> None:
    """Refuse a request that names no model; a deployment in the path is one."""
    model = call.data.get("model")
    named = isinstance(model, str) and model != ""
    if not named and (needed or model is not None) and "deployment" not in call.params:
        raise invalid("you must provide a model parameter")


def check_stream(call: Call) -> None:
    """Refuse what cannot say whether and how to stream."""
    stream, options = call.data.get("stream"), call.data.get("stream_options")
    if stream is not None and not isinstance(stream, bool):
        raise wrong_type("stream", "a boolean", stream)
    if options is not None and not isinstance(options, dict):
        raise wrong_type("stream_options", "an object", options)


def check_stream_options(call: Call) -> None:
    """Refuse options of a stream that is not wanted."""
    if call.data.get("stream_options") is not None and not call.stream:
        raise invalid(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            "stream_options",
        )


def check_numbers(data: Mapping[str, Any], limits: Mapping[str, tuple[int, float]]) -> None:
    """Refuse parameters that are no whole numbers between their least and their most."""
    if limits.keys().isdisjoint(data):
        return
    for name, (least, most) in limits.items():
        if data.get(name) is not None:
            check_number(name, data[name], most, least)


def check_number(name: str, value: Any, most: float = math.inf, least: int = 1) -> None:
    """Refuse what is no whole number from the least to the most that is allowed."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "an integer", value)
    if value < least:
        raise invalid(
            f"Invalid '{name}': integer below minimum value. Expected a value >= {least}, "
            f"but got {value} instead.",
            name,
            "integer_below_min_value",
        )
    if value > most:
        raise invalid(
            f"Invalid '{name}': integer above maximum value. Expected a value <= {most}, "
            f"but got {value} instead.",
            name,
            "integer_above_max_value",
        )
