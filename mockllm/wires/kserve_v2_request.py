"""The body of a V2 inference, as FastAPI and KServe 0.21.0 read it (observed).

FastAPI comes first: a JSON body must be an `InferenceRequest`, or text; any other body is bytes.
Bytes are read by KServe itself: JSON as long as the `Inference-Header-Content-Length` header says,
then the binary tensors. So the same mistake has different answers: a list of problems with 422
here, the name of a Python exception with 500 there. The classes have the names of KServe's, because
FastAPI's list of problems names them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from json import JSONDecodeError
from typing import Any

from pydantic import BaseModel, StrictBool, StrictFloat, StrictInt, TypeAdapter, ValidationError

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.timeline.events import End, Frame
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.json_errors import as_captured
from mockllm.wires.kserve import refused
from mockllm.wires.kserve_v2_binary import unpack_texts
from mockllm.wires.kserve_v2_tensor import Tensor
from mockllm.wires.orjson_errors import orjson_problem
from mockllm.wires.wire import Refused

HEADER = "inference-header-content-length"

Parameters = dict[str, StrictFloat | StrictInt | StrictBool | str]


class RequestInput(BaseModel, defer_build=True):
    """An input tensor."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters | None = None
    data: list[Any]


class RequestOutput(BaseModel, defer_build=True):
    """An output that is asked for."""

    name: str
    parameters: Parameters | None = None


class InferenceRequest(BaseModel, defer_build=True):
    """A JSON body."""

    id: str | None = None
    parameters: Parameters | None = None
    inputs: list[RequestInput]
    outputs: list[RequestOutput] | None = None


@cache
def adapter() -> TypeAdapter[InferenceRequest | bytes]:
    """What reads a body; made at the first inference, since most servers see none."""
    return TypeAdapter(InferenceRequest | bytes)


@dataclass(frozen=True, slots=True)
class Output:
    """An output that is asked for."""

    name: str
    binary: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What an inference asks."""

    id: Any
    """None or empty: the server makes one up."""
    inputs: tuple[Tensor, ...]
    outputs: tuple[Output, ...]
    """Empty: those that the model has."""
    binary: bool
    """Whether the model's outputs are wanted as bytes; of outputs that are asked for, each says."""


def read_body(call: Call, identity: Identity) -> InferenceRequest | bytes:
    """What FastAPI makes of the body; raises `Refused` with its list of problems."""
    if not call.body:
        raise problems(
            [{"type": "missing", "loc": [], "msg": "Field required", "input": None}], identity
        )
    document: Any = call.body
    if is_json(call.header("content-type")):
        try:
            document = call.data if call.problem is None else json.loads(call.body)
        except JSONDecodeError as error:
            told = as_captured(error)
            found = {"type": "json_invalid", "loc": [told.pos], "msg": "JSON decode error"}
            raise problems([found | {"input": {}, "ctx": {"error": told.msg}}], identity) from None
        except (ValueError, RecursionError):
            raise detail(400, "There was an error parsing the body", identity) from None
    try:
        return adapter().validate_python(document, from_attributes=True)
    except ValidationError as error:
        raise problems(error.errors(include_url=False), identity) from None


def is_json(content_type: str | None) -> bool:
    """Whether FastAPI reads a body of this type as JSON."""
    kind, _, subtype = (content_type or "").partition(";")[0].strip().lower().partition("/")
    return kind == "application" and (subtype == "json" or subtype.endswith("+json"))


def problems(found: list[Any], identity: Identity) -> Refused:
    """FastAPI's list of problems with a body."""
    return detail(422, [one | {"loc": ["body", *one["loc"]]} for one in found], identity)


def detail(status: int, value: Any, identity: Identity) -> Refused:
    """A refusal in FastAPI's form."""
    said = value if isinstance(value, str) else "; ".join(one["msg"] for one in value)
    return Refused(
        ErrorSpec(status=status, message=said),
        (
            make_head("uvicorn", status, "application/json", identity),
            Frame(("error",), compact({"detail": value})),
            End(),
        ),
    )


def read_request(body: InferenceRequest | bytes, call: Call, model: str) -> Asked:
    """What KServe makes of what FastAPI has read; raises `Refused`, and what Python raises."""
    if isinstance(body, InferenceRequest):
        return from_json(body)
    length = call.header(HEADER)
    if length is None:
        raise refused(400, f"received byte inputs, but the'{HEADER}' header is missing.")
    return from_bytes(body, int(length), model)


def from_json(body: InferenceRequest) -> Asked:
    """A request without bytes."""
    for one in body.inputs:
        if one.datatype == "FP16" and one.data:
            raise fp16("Sending", one.name)
    inputs = [Tensor(one.name, one.shape, one.datatype.upper(), one.data) for one in body.inputs]
    outputs = [Output(one.name, wants_binary(one.parameters)) for one in body.outputs or ()]
    binary = bool((body.parameters or {}).get("binary_data_output"))
    return Asked(body.id, tuple(inputs), tuple(outputs), binary)


def from_bytes(body: bytes, length: int, model: str) -> Asked:
    """A request whose tensors follow its JSON; nothing but the JSON is validated, as there."""
    problem = orjson_problem(body[:length])
    if problem is not None:
        raise refused(400, f"Unrecognized request format: {problem}")
    document = json.loads(body[:length])
    inputs, place = [], length
    for one in document["inputs"]:
        tensor, place = read_tensor(one, body, place, model)
        inputs.append(tensor)
    outputs = [
        Output(one["name"], wants_binary(one.get("parameters")))
        for one in document.get("outputs") or ()
    ]
    parameters = document.get("parameters")
    binary = bool(parameters and parameters.get("binary_data_output"))
    return Asked(document.get("id"), tuple(inputs), tuple(outputs), binary)


def read_tensor(one: Any, body: bytes, place: int, model: str) -> tuple[Tensor, int]:
    """An input whose bytes, if it has any, begin at a place; and where the next one's do."""
    parameters = one.get("parameters")
    name, shape, datatype = one["name"], one["shape"], one["datatype"].upper()
    data = one.get("data")
    if data is not None:
        if datatype == "FP16":
            raise fp16("Receiving", name)
        return Tensor(name, shape, datatype, data), place
    if not (parameters and "binary_data_size" in parameters):
        raise refused(400, f"'data' field is missing for input '{name}' for model '{model}'")
    size = parameters["binary_data_size"]
    if size is None:
        raise refused(
            400, f"'binary_data_size' is not specified for input '{name}' for model '{model}'"
        )
    end = place + size
    tensor = Tensor(name, shape, datatype, raw=body[place:end])
    if datatype == "BYTES":
        check_texts(body[place:end])
    return tensor, end


def check_texts(raw: bytes) -> None:
    """Refuse elements that are no text: KServe keeps BYTES as texts, even if it got bytes."""
    for element in unpack_texts(raw):
        try:
            element.decode()
        except UnicodeDecodeError:
            raise refused(
                500,
                f'Failed to encode "{element!r}" using UTF-8. '
                "Please use binary_data=True, if you want to pass a byte array.",
            ) from None


def wants_binary(parameters: Any) -> bool:
    """Whether the parameters of an output ask for bytes."""
    return bool(parameters and parameters.get("binary_data"))


def fp16(doing: str, name: str) -> Refused:
    """The refusal of half floats in JSON."""
    return refused(
        400,
        f"{doing} FP16 data via JSON is not supported. "
        f"Please use the binary data format for input {name}",
    )
