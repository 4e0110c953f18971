"""Requests to KServe's model server, good and bad, and what a real one said to each.

`kserve-0.21.0.json` holds the answers of kserve 0.21.0 with the model of `tests/parts/kserve_model.py`
(numpy 2.4, FastAPI 0.165, orjson 3.13, pydantic 2.14): captured with `python -m tests.parts.kserve_server`,
which `.ci/parts kserve` must have installed. The tests of the wires compare with the capture, those
of the parts compare capture and wires with a living server.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

TEXT = "w01 w02 ü"
"""What the model says."""
PROFILE = f"mockllm: 1\ndialect: kserve\nmodels: [m]\nscript: {{text: {json.dumps(TEXT)}}}\n"
CAPTURE = Path(__file__).with_name("kserve-0.21.0.json")

JSON = {"content-type": "application/json"}
BYTES = {"content-type": "application/octet-stream"}
HEADER = "inference-header-content-length"
PREDICT = "/v1/models/m:predict"
INFER = "/v2/models/m/infer"


class Request(NamedTuple):
    """A request; the host is added to its headers."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = {}


class Answer(NamedTuple):
    """What came: without the date, the server's own address, and ids that were made up."""

    status: int
    headers: list[list[str]]
    body: str
    """Each byte as the character of its number."""


def answer_of(status: int, headers: list[tuple[str, str]], body: bytes) -> Answer:
    """An answer without what differs from one to the next."""
    kept = [
        [name, re.sub(r"^http://[^/]+", "http://HOST", value)]
        for name, value in headers
        if name != "date"
    ]
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    return Answer(status, kept, re.sub(uuid, "MADE-UP-ID", body.decode("latin-1")))


def captured() -> dict[str, Answer]:
    """The capture, by the names of the requests."""
    return {name: Answer(*parts) for name, parts in json.loads(CAPTURE.read_text("utf-8")).items()}


BROKEN = (
    *("", "{", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{bad", "[1,2", "[1,2,]"),
    *("[1,]", "nope", '{"a": nul}', '{"a":1} x', '"x', '{"a":"\\q"}', '{"a":01}'),
    *('{"a":1.}', '{"a":1e}', "{'a':1}", '{"a" 1}', '{"a":1 "b":2}', '{"a":"x\ny"}'),
    *("[1 2]", "ÿ", "-", "}", "]", '{"a":tru', "\n\n {x", '[{"}": 1} 2]', "1.", "1e+", "01"),
)
"""Bodies that are not JSON."""

PREDICTIONS: tuple[Any, ...] = (
    {"instances": []},
    {"instances": [1, 2]},
    {"instances": ["a"]},
    {"inputs": [1]},
    {"inputs": [1, 2], "instances": [1]},
    {"instances": "abc"},
    {"instances": {"a": 1}},
    {"instances": None},
    {},
    [1],
    "s",
    1,
    None,
)
"""Bodies for predict."""


def tensor(**changes: Any) -> dict[str, Any]:
    """An inference with one input."""
    one = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1.5, 2.5]}
    return {"id": "42", "inputs": [one | changes]}


TENSORS: tuple[dict[str, Any], ...] = (
    {},
    {"shape": [3]},
    {"shape": [1, 2]},
    {"shape": []},
    {"shape": [-1]},
    {"shape": [-1, 2]},
    {"shape": [2, -1]},
    {"shape": [-1, 3]},
    {"shape": [3, -1]},
    {"shape": [-1, -1]},
    {"shape": [3, 4]},
    {"shape": ["2"]},
    {"shape": ["a"]},
    {"shape": [2.5]},
    {"shape": 2},
    {"shape": [], "data": [1]},
    {"datatype": "fp32"},
    {"datatype": "NOPE"},
    {"datatype": 5},
    {"data": []},
    {"data": "ab"},
    {"data": ["a", "b"]},
    {"data": [["a", "b"]]},
    {"data": [[1, 2]], "shape": [1, 2]},
    {"data": [[1], [2, 3]]},
    {"data": [[[1]], [[2, 3]]]},
    {"data": [[[1], [2]], [[3], [4, 5]]]},
    {"data": [1, [2]]},
    {"data": [[], [1]]},
    {"data": [None, 1]},
    {"data": [{}, 1]},
    {"data": [1e400, 1], "datatype": "INT32"},
    {"data": [], "shape": [0]},
    {"datatype": "BYTES", "data": ["a", "b"]},
    {"datatype": "BYTES", "data": [1, 2]},
    {"datatype": "BYTES", "data": [["a"], ["b"]]},
    {"datatype": "BYTES", "data": [["a"], ["b", "c"]]},
    {"datatype": "BYTES", "data": [["a"], "b"]},
    {"datatype": "BOOL", "data": [True, False]},
    {"datatype": "BOOL", "data": ["true", {}]},
    {"datatype": "INT32", "data": [1.5, 2]},
    {"datatype": "INT32", "data": [None, 1]},
    {"datatype": "INT8", "data": [300, 2]},
    {"datatype": "INT8", "data": [-128, 127]},
    {"datatype": "UINT8", "data": [-1, 2]},
    {"datatype": "UINT16", "data": [65535, 65536]},
    {"datatype": "INT64", "data": ["1", "2"]},
    {"datatype": "INT64", "data": ["a", "2"]},
    {"datatype": "INT64", "data": [2**70, 2]},
    {"datatype": "FP16"},
    {"datatype": "FP16", "data": [], "shape": [0]},
    {"parameters": {"a": 1}},
    {"parameters": {"a": None}},
    {"parameters": 5},
    {"name": 5},
)
"""Changes to the input of an inference."""

OUTPUTS: tuple[Any, ...] = (
    [{"name": "output-0"}],
    [{"name": "other"}],
    [{"name": "output-0", "parameters": {"binary_data": True}}],
    [{"name": "output-0", "parameters": {"binary_data": False}}],
    [{"name": "a", "parameters": {"binary_data": True}}, {"name": "b"}],
    [{"name": "a"}, {"name": "b"}],
    [{}],
    5,
    [],
)
"""What is asked for in `outputs`, beside `binary_data_output`."""


def bodies() -> Iterator[tuple[str, Any]]:
    """Bodies for infer: texts, or values that become JSON."""
    for text in ("", "{", "[]", "[1]", '"s"', "null", "1", "{}", '{"inputs": 5,}', "ÿ"):
        yield f"infer of {text!r}", text
    for wrong in ([], 5, [{"name": "x"}], [5]):
        yield f"infer with inputs {wrong}", {"inputs": wrong}
    yield from ((f"infer with {changes}", tensor(**changes)) for changes in TENSORS)
    inputs = tensor()["inputs"]
    yield "infer without an id", {"inputs": inputs}
    others: list[dict[str, Any]] = [{"id": 5}, {"id": ""}, {"parameters": {"x": 1}}]
    for other in [*others, {"parameters": {"x": []}}]:
        yield f"infer with {other}", {"inputs": inputs, **other}
    for wanted in (True, False, "yes"):
        parameters = {"binary_data_output": wanted}
        yield f"infer with {parameters}", tensor() | {"parameters": parameters}
    for outputs in OUTPUTS:
        parameters = {"binary_data_output": True}
        yield (
            f"infer for outputs {outputs}",
            tensor(shape=[2, 1]) | {"parameters": parameters, "outputs": outputs},
        )


NUMBERS = struct.pack("<2f", 1.5, 2.5)
TEXTS = struct.pack("<I2sI1s", 2, b"ab", 1, b"c")
NO_TEXTS = struct.pack("<I2sI2s", 2, b"ab", 2, b"\xff\xfe")


def sized(size: Any = 8, **changes: Any) -> dict[str, Any]:
    """An input whose data are bytes."""
    one = {"name": "x", "shape": [2], "datatype": "FP32"}
    return {**one, "parameters": {"binary_data_size": size}, **changes}


def binary(inputs: Any, tail: bytes = b"", length: str | int = 0, **more: Any) -> Request:
    """An inference with bytes; `length` is the header, or by how much it is wrong."""
    document = json.dumps({"id": "b1", "inputs": inputs, **more}).encode()
    said = length if isinstance(length, str) else str(len(document) + length)
    return Request("POST", INFER, document + tail, BYTES | ({HEADER: said} if said else {}))


def binaries() -> Iterator[tuple[str, Request]]:
    """Inferences with bytes."""
    good = binary([sized()], NUMBERS)
    yield "binary", good
    yield "binary, called JSON", good._replace(headers=good.headers | JSON)
    for length in (-3, 3, 99999, "0", "abc", "-5", ""):
        yield f"binary, with a length of {length!r}", binary([sized()], NUMBERS, length)
    for size in (100, 4, 3, "8", None, -8, 8.0):
        yield f"binary, of size {size!r}", binary([sized(size)], NUMBERS)
    yield "binary, cut", binary([sized()], NUMBERS[:5])
    yield "binary, without a tail", binary([sized()])
    for changes in (
        {"shape": [3]},
        {"shape": [1, 2]},
        {"shape": "2"},
        {"datatype": "NOPE"},
        {"datatype": "fp32"},
        {"datatype": 5},
        {"data": [1, 2]},
        {"parameters": 5},
    ):
        yield f"binary with {changes}", binary([sized(**changes)], NUMBERS)
    yield "binary texts", binary([sized(len(TEXTS), datatype="BYTES")], TEXTS)
    yield "binary texts that are none", binary([sized(len(NO_TEXTS), datatype="BYTES")], NO_TEXTS)
    for size in (2, 5, 9):
        yield f"binary texts, {size} bytes", binary([sized(size, datatype="BYTES")], TEXTS)
    yield "binary halves", binary([sized(4, datatype="FP16")], bytes(4))
    yield "binary bools", binary([sized(2, datatype="BOOL")], b"\1\0")
    plain = {"name": "x", "shape": [2], "datatype": "FP32"}
    yield "binary with no data", binary([plain])
    yield "binary with data in JSON", binary([plain | {"data": [1, 2]}])
    yield "binary with halves in JSON", binary([plain | {"datatype": "FP16", "data": [1, 2]}])
    for inputs in (5, [5], [{"shape": [2]}], [{"name": "x", "datatype": "FP32"}]):
        yield f"binary with inputs {inputs}", binary(inputs)
    yield "binary without inputs", Request("POST", INFER, b"{}", BYTES | {HEADER: "2"})
    yield "binary list", Request("POST", INFER, b"[]", BYTES | {HEADER: "2"})
    yield "two binaries", binary([sized(), sized(name="y")], NUMBERS * 2)
    yield "two binaries, one short", binary([sized(), sized(name="y")], NUMBERS)
    wanted = [{"name": "a", "parameters": {"binary_data": True}}]
    yield "binary for binary", binary([sized()], NUMBERS, outputs=wanted)
    yield "binary for no name", binary([sized()], NUMBERS, outputs=[{}])
    yield "binary without an id", binary([sized()], NUMBERS, id=None)
    for parameters in ({"binary_data_output": True}, [1], []):
        yield (
            f"binary with parameters {parameters}",
            binary([sized()], NUMBERS, parameters=parameters),
        )


def encoded(body: Any) -> bytes:
    """A body from its text, or from the value of its JSON."""
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def requests() -> Iterator[tuple[str, Request]]:
    """Every request; those that unload the model come last."""
    for path in ("/", "/v1/models", "/v1/models/m", "/v1/models/no", "/v2", "/v2/"):
        yield f"GET {path}", Request("GET", path)
    for path in ("/health/live", "/health/ready", "/models", "/models/m", "/models/no"):
        yield f"GET /v2{path}", Request("GET", f"/v2{path}")
    for path in ("m/ready", "no/ready", "m/versions/1", "no/versions/1/ready"):
        yield f"GET /v2/models/{path}", Request("GET", f"/v2/models/{path}")
    for text in BROKEN:
        yield f"predict of {text!r}", Request("POST", PREDICT, text.encode(), JSON)
    for value in PREDICTIONS:
        yield f"predict of {value!r}", Request("POST", PREDICT, json.dumps(value).encode(), JSON)
    for number, headers in enumerate(CONTENT_TYPES):
        yield (
            f"predict as {headers}, {number}",
            Request("POST", PREDICT, b'{"instances": [1]}', headers),
        )
        yield f"infer as {headers}, {number}", Request("POST", INFER, encoded(tensor()), headers)
    for name, body in bodies():
        yield name, Request("POST", INFER, encoded(body), JSON)
    yield from binaries()
    for path in ("/v1/models/no:predict", "/v1/models/no:explain"):
        yield f"POST {path}", Request("POST", path, b"{", JSON)
    for path in ("no/infer", "no/versions/1/infer", "m/versions/1/infer"):
        for body in (b"{}", encoded(tensor())):
            yield (
                f"POST /v2/models/{path} of {len(body)}",
                Request("POST", f"/v2/models/{path}", body, JSON),
            )
    for verb in ("load", "unload"):
        yield f"{verb} no", Request("POST", f"/v2/repository/models/no/{verb}")
    yield "load m", Request("POST", "/v2/repository/models/m/load", b"{bad", JSON)
    yield "unload m", Request("POST", "/v2/repository/models/m/unload")
    yield "unload m again", Request("POST", "/v2/repository/models/m/unload")
    for path in ("/v1/models", "/v1/models/m", "/v2/models/m", "/v2/models/m/ready"):
        yield f"unloaded: GET {path}", Request("GET", path)
    yield "unloaded: predict", Request("POST", PREDICT, b"{}", JSON)
    yield "unloaded: infer", Request("POST", INFER, encoded(tensor()), JSON)


CONTENT_TYPES: tuple[dict[str, str], ...] = (
    {},
    {"content-type": "text/plain"},
    {"content-type": "application/json; charset=utf-8"},
    {"content-type": "application/vnd.kserve+json"},
    {"content-type": "Application/JSON"},
    BYTES,
)

REQUESTS: dict[str, Request] = dict(requests())
