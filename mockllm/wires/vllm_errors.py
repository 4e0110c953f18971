"""vLLM's words for requests that are wrong: pydantic's list of errors, as Python writes it.

vLLM 0.24.0 (observed) answers with 400 and the type `Bad Request`, with a space; the message has
the list twice, a line of a traceback between, and `param` says where the first error is. FastAPI
never answers with 422 there. What a body gets that is no JSON follows FastAPI (documented).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.wires.openai_models import MAX_MODEL_LEN
from mockllm.wires.wire import Refused

Error = Mapping[str, Any]
"""One error of pydantic: type, loc, msg, input, and ctx where it has one."""

DECODING = re.compile(r"(?P<why>.*): line \d+ column \d+ \(char (?P<place>\d+)\)")
"""What Python says of a text that is no JSON."""


def check_fields(call: Call, function: str, fields: Mapping[str, type], *needed: str) -> None:
    """Refuse a body that is no object, lacks a field, or has one of another type.

    `function` is vLLM's handler of the path. Raises `Refused` with all errors, in the order of the
    fields.
    """
    if call.problem is not None:
        raise refused(call, function, [no_object(call)])
    errors = [
        error
        for name, kind in fields.items()
        for error in field_errors(call.data, name, kind, needed=name in needed)
    ]
    if errors:
        raise refused(call, function, errors)


def field_errors(data: Mapping[str, Any], name: str, kind: type, *, needed: bool) -> list[Error]:
    """What pydantic says of one field, as generous as it is; null stands for a field that is not
    needed."""
    if name not in data:
        where = ("body", name)
        missing = {"type": "missing", "loc": where, "msg": "Field required", "input": dict(data)}
        return [missing] if needed else []
    if data[name] is None and not needed:
        return []
    try:
        adapter(kind).validate_python(data[name])
    except ValidationError as error:
        return [
            {**one, "loc": ("body", name, *one["loc"])} for one in error.errors(include_url=False)
        ]
    return []


@cache
def adapter(kind: type) -> TypeAdapter[Any]:
    """What validates values of a type."""
    return TypeAdapter(kind)


def no_object(call: Call) -> Error:
    """The error of a body that is no JSON object."""
    if not call.body:
        return {"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}
    found = DECODING.fullmatch(call.problem or "")
    if found is not None:
        return {
            "type": "json_invalid",
            "loc": ("body", int(found["place"])),
            "msg": "JSON decode error",
            "input": {},
            "ctx": {"error": found["why"]},
        }
    try:
        given = json.loads(call.body)
    except (ValueError, RecursionError):
        given = None
    return {
        "type": "model_attributes_type",
        "loc": ("body",),
        "msg": "Input should be a valid dictionary or object to extract fields from",
        "input": given,
    }


def refused(call: Call, function: str, errors: list[Error]) -> Refused:
    """The 400 that tells of the errors."""
    count = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''}"
    lines = "\n".join(f"  {dict(one)!r}" for one in errors)
    file = "site-packages/vllm/entrypoints/serve/utils/api_utils.py"
    message = (
        f"{count}:\n{lines}\n\n"
        f'  File "{file}", line 40, in {function}\n'
        f"    {call.method} {call.path} {[dict(one) for one in errors]!r}"
    )
    param = ".".join(map(str, errors[0]["loc"]))
    return Refused(
        ErrorSpec(
            status=400,
            shape="vllm",
            message=message,
            error_type="Bad Request",
            param=param,
            code=400,
        )
    )


def bad_request(message: str, param: str | None = None, *, shape: str = "vllm") -> Refused:
    """The 400 of what the engine refuses."""
    return Refused(
        ErrorSpec(
            status=400,
            shape=shape,
            message=message,
            error_type="BadRequestError",
            param=param,
            code=400,
        )
    )


def check_length(
    prompt: int, asked: int | None, *, limit: int | None = None, shape: str = "vllm"
) -> None:
    """Refuse a request that asks for no tokens (vLLM's source), or for more than the model has room
    for (observed); `limit` is how much that is, None for `MAX_MODEL_LEN`.

    The engine stops counting a prompt that is too long at the first token too many, and says so.
    """
    if asked is not None and asked < 1:
        raise bad_request(
            f"max_tokens must be at least 1, got {asked}. (parameter=max_tokens, value={asked})",
            "max_tokens",
            shape=shape,
        )
    answer, room = asked or 0, limit or MAX_MODEL_LEN
    if answer > room:
        raise bad_request(
            f"max_tokens={answer} cannot be greater than max_model_len=max_total_tokens="
            f"{room}. Please request fewer output tokens. (parameter=max_tokens, "
            f"value={answer})",
            "max_tokens",
            shape=shape,
        )
    if prompt + answer > room:
        least = room - answer + 1
        raise bad_request(
            f"This model's maximum context length is {room} tokens. However, you "
            f"requested {answer} output tokens and your prompt contains at least {least} input "
            f"tokens, for a total of at least {room + 1} tokens. Please reduce the length "
            "of the input prompt or the number of requested output tokens. "
            f"(parameter=input_tokens, value={least})",
            "input_tokens",
            shape=shape,
        )
