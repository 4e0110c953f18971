"""The messages of the Open Inference Protocol over gRPC, described at run time.

Names and numbers are those of the protocol's `GRPCInferenceService` (package `inference`), of KServe
0.21.0 and Triton 2.73 (read). Two requests differ: KServe's load and unload have the model in field
1, Triton's the repository there and the model in field 2; here both fields are texts. The stream and
the index are Triton's. The descriptors live in a pool of their own, so that a client in the same
process can bring its own.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "inference"
SERVICE = "inference.GRPCInferenceService"

MESSAGES: dict[str, str] = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live 1",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready 1",
    "ModelReadyRequest": "string name 1, string version 2",
    "ModelReadyResponse": "bool ready 1",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name 1, string version 2, string* extensions 3",
    "ModelMetadataRequest": "string name 1, string version 2",
    "TensorMetadata": "string name 1, string datatype 2, int64* shape 3",
    "ModelMetadataResponse": (
        "string name 1, string* versions 2, string platform 3, TensorMetadata* inputs 4, "
        "TensorMetadata* outputs 5"
    ),
    "InferParameter": (
        "bool? bool_param 1, int64? int64_param 2, string? string_param 3, "
        "double? double_param 4, uint64? uint64_param 5"
    ),
    "InferTensorContents": (
        "bool* bool_contents 1, int32* int_contents 2, int64* int64_contents 3, "
        "uint32* uint_contents 4, uint64* uint64_contents 5, float* fp32_contents 6, "
        "double* fp64_contents 7, bytes* bytes_contents 8"
    ),
    "InferInputTensor": (
        "string name 1, string datatype 2, int64* shape 3, map parameters 4, "
        "InferTensorContents contents 5"
    ),
    "InferRequestedOutputTensor": "string name 1, map parameters 2",
    "ModelInferRequest": (
        "string model_name 1, string model_version 2, string id 3, map parameters 4, "
        "InferInputTensor* inputs 5, InferRequestedOutputTensor* outputs 6, "
        "bytes* raw_input_contents 7"
    ),
    "InferOutputTensor": (
        "string name 1, string datatype 2, int64* shape 3, map parameters 4, "
        "InferTensorContents contents 5"
    ),
    "ModelInferResponse": (
        "string model_name 1, string model_version 2, string id 3, map parameters 4, "
        "InferOutputTensor* outputs 5, bytes* raw_output_contents 6"
    ),
    "ModelStreamInferResponse": "string error_message 1, ModelInferResponse infer_response 2",
    "RepositoryIndexRequest": "string repository_name 1, bool ready 2",
    "ModelIndex": "string name 1, string version 2, string state 3, string reason 4",
    "RepositoryIndexResponse": "ModelIndex* models 1",
    "RepositoryModelLoadRequest": "string first 1, string second 2",
    "RepositoryModelLoadResponse": "string model_name 1, bool isLoaded 2",
    "RepositoryModelUnloadRequest": "string first 1, string second 2",
    "RepositoryModelUnloadResponse": "string model_name 1, bool isUnloaded 2",
}
"""Type, name and number of each field. `*` is repeated, `?` one of a choice, `map` a map from texts
to `InferParameter`."""

Field = descriptor_pb2.FieldDescriptorProto


def described(name: str, fields: str) -> descriptor_pb2.DescriptorProto:
    """The descriptor of a message."""
    message = descriptor_pb2.DescriptorProto(name=name)
    for text in filter(None, fields.split(", ")):
        kind, field_name, number = text.split()
        field = message.field.add(name=field_name, number=int(number))
        field.label = Field.LABEL_REPEATED if kind[-1] in "*p" else Field.LABEL_OPTIONAL
        if kind == "map":
            message.nested_type.append(parameter_entry())
            kind = f"{name}.ParametersEntry"
        if kind.endswith("?"):
            if not message.oneof_decl:
                message.oneof_decl.add(name="parameter_choice")
            field.oneof_index = 0
        set_type(field, kind.rstrip("*?"))
    return message


def parameter_entry() -> descriptor_pb2.DescriptorProto:
    """An entry of a map of parameters."""
    entry = descriptor_pb2.DescriptorProto(name="ParametersEntry")
    entry.options.map_entry = True
    for number, (name, kind) in enumerate([("key", "string"), ("value", "InferParameter")], 1):
        set_type(entry.field.add(name=name, number=number, label=Field.LABEL_OPTIONAL), kind)
    return entry


def set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str) -> None:
    """A type by its name: one of protobuf's, or a message of this file."""
    if kind.islower():
        field.type = Field.Type.Value(f"TYPE_{kind.upper()}")
    else:
        field.type = Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{kind}"


def classes() -> dict[str, type[Any]]:
    """The classes of all messages, by name."""
    file = descriptor_pb2.FileDescriptorProto(
        name="mockllm_inference.proto", package=PACKAGE, syntax="proto3"
    )
    file.message_type.extend(described(name, fields) for name, fields in MESSAGES.items())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in MESSAGES
    }


CLASSES = classes()
