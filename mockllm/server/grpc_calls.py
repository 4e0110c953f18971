"""The methods of the inference service as calls of KServe's REST wires, and their answers back.

A gRPC request becomes the REST request that asks the same, so that routes, matchers, scripts, faults
and counts of a profile apply to both alike; the answer's JSON becomes the gRPC message. As in KServe
0.21.0 (observed; its servicer, read): versions are ignored, a request with raw contents is answered
with raw contents, and a server that is not ready says so without an error. `ModelStreamInfer` and the index are Triton's:
one response for each piece of the script, and errors of a request inside the stream.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from mockllm.server.grpc_messages import CLASSES, SERVICE
from mockllm.wires.kserve import refused
from mockllm.wires.kserve_v2_binary import pack_texts, unpack_texts
from mockllm.wires.kserve_v2_request import HEADER

CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Which field of a tensor's contents holds which datatype; half floats have none."""

JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as REST has it."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bool = False
    """Whether the answer's tensors are wanted as raw contents."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the service."""

    request: str
    """The class of its requests."""
    asks: Callable[[Any], Asked]
    """The call that it stands for; raises `Refused`."""
    answer: Callable[[Any, Asked], Any]
    """The message of a document; raises what Python raises for one that it does not fit."""
    unready: Any = None
    """The message instead of the refusal that says that something is not ready."""
    streams: bool = False


def get(path: Callable[[Any], str]) -> Callable[[Any], Asked]:
    """A question of the message's model."""
    return lambda message: Asked("GET", path(message))


def model_path(message: Any) -> str:
    """The path of a model."""
    return f"/v2/models/{quote(message.name)}"


def message(name: str, /, **fields: str) -> Callable[[Any, Asked], Any]:
    """A message whose fields are members of the document."""

    def made(document: Any, asked: Asked) -> Any:
        values = {field: document[key] for field, key in fields.items()}
        return CLASSES[name](**{key: value for key, value in values.items() if value is not None})

    return made


def repository(verb: str) -> Callable[[Any], Asked]:
    """A load or unload; the model is in the field of KServe or of Triton."""

    def asks(message: Any) -> Asked:
        model = quote(message.second or message.first)
        return Asked("POST", f"/v2/repository/models/{model}/{verb}")

    return asks


def index(message: Any) -> Asked:
    """The models of the repository."""
    body = json.dumps({"ready": message.ready}).encode()
    return Asked("POST", "/v2/repository/index", body, JSON)


def indexed(document: Any, asked: Asked) -> Any:
    """The states of the models."""
    models = [
        CLASSES["ModelIndex"](name=one["name"], state=one["state"], reason=one["reason"])
        for one in document
    ]
    return CLASSES["RepositoryIndexResponse"](models=models)


def infer(message: Any) -> Asked:
    """An inference, whose raw contents follow the JSON as bytes; raises `Refused`."""
    check_raw(message)
    inputs, tail = [], b""
    for place, one in enumerate(message.inputs):
        described: dict[str, Any] = {
            "name": one.name,
            "shape": list(one.shape),
            "datatype": one.datatype,
            "parameters": parameters(one.parameters),
        }
        if not message.raw_input_contents:
            described["data"] = contents(one)
        else:
            raw = message.raw_input_contents[place]
            texts = texts_of(raw) if one.datatype == "BYTES" else None
            if texts is None:
                described["parameters"]["binary_data_size"] = len(raw)
                tail += raw
            else:
                described["data"] = texts
        inputs.append(described)
    document: dict[str, Any] = {
        "id": message.id or None,
        "parameters": parameters(message.parameters),
        "inputs": inputs,
        "outputs": [{"name": one.name} for one in message.outputs],
    }
    document["parameters"].pop("binary_data_output", None)  # of REST alone
    body = json.dumps(document).encode()
    headers: Mapping[str, str] = JSON
    if message.raw_input_contents:
        headers = {"content-type": "application/octet-stream", HEADER: str(len(body))}
    path = f"/v2/models/{quote(message.model_name)}/infer"
    return Asked("POST", path, body + tail, headers, raw=bool(message.raw_input_contents))


def check_raw(message: Any) -> None:
    """Raw contents are there for every input or for none, and never beside contents."""
    count, raw, model = len(message.inputs), len(message.raw_input_contents), message.model_name
    if raw and raw != count:
        raise refused(
            400,
            f"the number of inputs ({count}) does not match the expected number of "
            f"raw input contents ({raw}) for model '{model}'.",
        )
    for one in message.inputs:
        if raw and one.HasField("contents"):
            raise refused(
                400,
                "contents field must not be specified when using raw_input_contents "
                f"for input '{one.name}' for model '{model}'",
            )


def contents(tensor: Any) -> list[Any]:
    """The elements of a tensor that has no raw contents."""
    name = CONTENTS.get(tensor.datatype)
    if name is None:
        if tensor.datatype == "FP16":
            return []
        raise refused(400, "invalid content type")
    elements = list(getattr(tensor.contents, name))
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else one for one in elements]


def texts_of(raw: bytes) -> list[str] | None:
    """The elements of a raw tensor of BYTES, which may be no text; None where it is cut."""
    try:
        return [element.decode("utf-8", "replace") for element in unpack_texts(raw)]
    except struct.error:
        return None


def parameters(found: Any) -> dict[str, Any]:
    """Parameters as JSON has them."""
    choices = {key: value.WhichOneof("parameter_choice") for key, value in found.items()}
    return {key: getattr(found[key], choice) for key, choice in choices.items() if choice}


def inferred(document: Any, asked: Asked) -> Any:
    """The tensors of an inference, all of them texts."""
    response = CLASSES["ModelInferResponse"](
        model_name=document["model_name"],
        model_version=document["model_version"] or "",
        id=document["id"],
    )
    for one in document["outputs"]:
        output = response.outputs.add(
            name=one["name"], datatype=one["datatype"], shape=one["shape"]
        )
        elements = [text.encode("utf-8", "replace") for text in one["data"]]
        if asked.raw:
            raw = pack_texts(elements)
            output.parameters["binary_data_size"].int64_param = len(raw)
            response.raw_output_contents.append(raw)
        else:
            output.contents.bytes_contents.extend(elements)
    return response


def streamed(document: Any, asked: Asked) -> Any:
    """One response of a stream: tensors, or an error."""
    made = CLASSES["ModelStreamInferResponse"]
    if "error" in document:
        return made(error_message=str(document["error"]))
    return made(infer_response=inferred(document, asked))


METHODS: dict[str, Method] = {
    f"/{SERVICE}/{name}": method
    for name, method in {
        "ServerLive": Method(
            "ServerLiveRequest",
            get(lambda message: "/v2/health/live"),
            message("ServerLiveResponse", live="live"),
        ),
        "ServerReady": Method(
            "ServerReadyRequest",
            get(lambda message: "/v2/health/ready"),
            message("ServerReadyResponse", ready="ready"),
            unready=CLASSES["ServerReadyResponse"](ready=False),
        ),
        "ModelReady": Method(
            "ModelReadyRequest",
            get(lambda message: f"{model_path(message)}/ready"),
            message("ModelReadyResponse", ready="ready"),
            unready=CLASSES["ModelReadyResponse"](ready=False),
        ),
        "ServerMetadata": Method(
            "ServerMetadataRequest",
            get(lambda message: "/v2"),
            message(
                "ServerMetadataResponse", name="name", version="version", extensions="extensions"
            ),
        ),
        "ModelMetadata": Method(
            "ModelMetadataRequest",
            get(model_path),
            message("ModelMetadataResponse", name="name", platform="platform"),
        ),
        "ModelInfer": Method("ModelInferRequest", infer, inferred),
        "ModelStreamInfer": Method("ModelInferRequest", infer, streamed, streams=True),
        "RepositoryIndex": Method("RepositoryIndexRequest", index, indexed),
        "RepositoryModelLoad": Method(
            "RepositoryModelLoadRequest",
            repository("load"),
            message("RepositoryModelLoadResponse", model_name="name", isLoaded="load"),
        ),
        "RepositoryModelUnload": Method(
            "RepositoryModelUnloadRequest",
            repository("unload"),
            message("RepositoryModelUnloadResponse", model_name="name", isUnloaded="unload"),
        ),
    }.items()
}
"""The methods by their paths."""
