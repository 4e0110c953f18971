"""Answers of V2 against the schemas of the Open Inference Protocol (open_inference_rest.yaml: required
fields, types, names of datatypes). KServe 0.21.0 writes null where the schema leaves a field out
(observed), so optional fields may be null here."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from jsonschema import Draft202012Validator

from mockllm import MockLLM

GUARD = 20.0
DATATYPES = [
    "BOOL",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "FP16",
    "FP32",
    "FP64",
    "BYTES",
]
SHAPE = {"type": "array", "items": {"type": "integer"}}
TENSOR = {
    "type": "object",
    "required": ["name", "shape", "datatype", "data"],
    "properties": {
        "name": {"type": "string"},
        "shape": SHAPE,
        "datatype": {"enum": DATATYPES},
        "parameters": {"type": ["object", "null"]},
        "data": {"type": "array"},
    },
    "additionalProperties": False,
}
METADATA_TENSOR = {
    "type": "object",
    "required": ["name", "datatype", "shape"],
    "properties": {
        "name": {"type": "string"},
        "datatype": {"enum": DATATYPES},
        "shape": SHAPE,
        "parameters": {"type": "object"},
    },
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "server": {
        "type": "object",
        "required": ["name", "version", "extensions"],
        "properties": {
            "name": {"type": "string"},
            "version": {"type": "string"},
            "extensions": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    },
    "model": {
        "type": "object",
        "required": ["name", "platform", "inputs", "outputs"],
        "properties": {
            "name": {"type": "string"},
            "versions": {"type": ["array", "null"], "items": {"type": "string"}},
            "platform": {"type": "string"},
            "inputs": {"type": "array", "items": METADATA_TENSOR},
            "outputs": {"type": "array", "items": METADATA_TENSOR},
            "properties": {"type": "object"},
        },
        "additionalProperties": False,
    },
    "infer": {
        "type": "object",
        "required": ["model_name", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": ["string", "null"]},
            "id": {"type": "string"},
            "parameters": {"type": ["object", "null"]},
            "outputs": {"type": "array", "items": TENSOR, "minItems": 1},
        },
        "additionalProperties": False,
    },
    "error": {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"type": "string"}},
        "additionalProperties": False,
    },
}
INPUT = {"name": "x", "shape": [2, 1], "datatype": "FP32", "data": [1.0, 2.0]}


def ask(server: MockLLM, path: str, body: object = None) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    request = Request(server.url + path, data=data, headers=headers)
    try:
        with urlopen(request, timeout=GUARD) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize(
    ("path", "body", "status", "schema"),
    [
        ("/v2", None, 200, "server"),
        ("/v2/models/llama-3-8b", None, 200, "model"),
        ("/v2/models/llama-3-8b/infer", {"inputs": [INPUT]}, 200, "infer"),
        ("/v2/models/llama-3-8b/infer", {"id": "7", "inputs": [INPUT], "outputs": [{"name": "y"}]}, 200, "infer"),
        ("/v2/models/llama-3-8b/infer", {"inputs": [{**INPUT, "datatype": "BYTES", "data": ["a", "b"]}]}, 200, "infer"),
        ("/v2/models/unknown/infer", {"inputs": [INPUT]}, 404, "error"),
        ("/v2/models/unknown", None, 404, "error"),
    ],
)  # fmt: skip
def test_answers_fit_the_schemas(path: str, body: object, status: int, schema: str) -> None:
    """Every field that the protocol requires is there, of its type, and none besides."""
    with MockLLM() as server:
        got, document = ask(server, path, body)
    assert got == status
    Draft202012Validator(SCHEMAS[schema]).validate(document)
