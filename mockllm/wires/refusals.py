"""What servers say of a wrong request to OpenAI's APIs, each in its own way.

`openai`: as `openai_check` says. `azure`: the same words with Azure's headers (documented).
`vllm`: pydantic's errors as vLLM 0.24.0 writes them, and the engine's words (observed). `fastapi`:
pydantic's errors as FastAPI lists them with 422, in KServe 0.21.0 and LitServe 0.2.19 (observed).
`tgi`: 422 with its prefix (documented). What the other servers look at after OpenAI has refused is
told in OpenAI's words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.timeline.events import End, Frame
from mockllm.wires.dialects import Dialect
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.vllm_errors import Error, bad_request, check_fields, field_errors, no_object
from mockllm.wires.wire import Refused, Setting

Function = Literal["create_chat_completion", "create_completion", "create_embedding"]
"""vLLM's handler of a path, which its messages name."""


def check_as(
    call: Call,
    setting: Setting,
    function: Function,
    fields: Mapping[str, type],
    needed: str,
    check: Callable[[Call], None],
) -> None:
    """Check a request as OpenAI does, and refuse it as the dialect's server does.

    `fields` are those that pydantic looks at, `needed` is the one that must be there. Raises
    `Refused`.
    """
    match setting.dialect.validation:
        case "vllm":
            check_fields(call, function, fields, needed)
        case "fastapi":
            errors = all_errors(call, fields, needed)
            if errors:
                raise unprocessable(errors, setting.dialect, setting.identity)
        case _:
            pass
    try:
        check(call)
    except Refused as refused:
        raise told(refused, call, setting) from None


def told(refused: Refused, call: Call, setting: Setting) -> Refused:
    """A refusal of OpenAI's as another server would say it."""
    spec, dialect = refused.spec, setting.dialect
    message = spec.message or ""
    match dialect.validation:
        case "azure":
            return in_azure(refused, dialect, setting.identity)
        case "vllm" if spec.param == "n":
            return bad_request(f"n must be at least 1, got {call.data['n']}.")
        case "vllm":
            return bad_request(message, spec.param)
        case "fastapi":
            param = [spec.param] if spec.param else []
            error = {
                "type": "value_error",
                "loc": ("body", *param),
                "msg": f"Value error, {message}",
                "input": call.data.get(spec.param or ""),
            }
            return unprocessable([error], dialect, setting.identity)
        case "tgi":
            words = f"Input validation error: {message}"
            return Refused(ErrorSpec(status=422, message=words, error_type="validation"))
        case _:
            return refused


def in_azure(refused: Refused, dialect: Dialect, identity: Identity) -> Refused:
    """The refusal in OpenAI's form; that of Azure's own 400 is of its content filter."""
    spec = refused.spec
    document = {
        "error": {
            "message": spec.message,
            "type": spec.error_type,
            "param": spec.param,
            "code": spec.code,
        }
    }
    return whole(spec, document, dialect, identity)


def all_errors(call: Call, fields: Mapping[str, type], needed: str) -> list[Error]:
    """What pydantic says of a body."""
    if call.problem is not None:
        return [no_object(call)]
    return [
        error
        for name, kind in fields.items()
        for error in field_errors(call.data, name, kind, needed=name == needed)
    ]


def unprocessable(errors: list[Error], dialect: Dialect, identity: Identity) -> Refused:
    """FastAPI's 422 with a list of errors."""
    message = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in errors)
    spec = ErrorSpec(status=422, message=message)
    return whole(spec, {"detail": errors}, dialect, identity)


def whole(spec: ErrorSpec, document: Any, dialect: Dialect, identity: Identity) -> Refused:
    """A refusal with a document of its own."""
    head = make_head(dialect.server, spec.status, "application/json", identity)
    return Refused(spec, (head, Frame(("error",), compact(document)), End()))
