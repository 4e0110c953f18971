"""`kserve.v2`: inference in KServe's V2, the Open Inference Protocol (kserve 0.21.0, observed).

The answer is one tensor of BYTES, `output-0` as KServe's helpers name it, that holds the script's
text once for each row of the first input. A client that asks for outputs gets this tensor under
every name that it asks for; a real model knows its names. The inputs are read as a model would
(`kserve_v2_tensor`). An output is bytes behind the JSON if it asks for `binary_data`, or, where none
is asked for by name, if the request asks for `binary_data_output`; without any, the JSON has other
keys in another order, because there FastAPI writes it.
"""

from __future__ import annotations

import struct
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script, Text
from mockllm.scripts.tokens import count_tokens
from mockllm.timeline.events import AUTO, End, Frame, Head, Message
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.kserve import (
    KServe,
    crashed,
    model_of,
    require_no_version,
    require_ready,
    whole,
)
from mockllm.wires.kserve_v2_binary import pack_texts
from mockllm.wires.kserve_v2_request import HEADER, Asked, Output, read_body, read_request
from mockllm.wires.wire import Refused, Setting, Understood

OUTPUT = "output-0"
CRASHES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What reading a request may raise; KServe answers with the exception's name."""


class KServeV2(KServe):
    """POST /v2/models/{model}[/versions/{version}]/infer."""

    name: ClassVar = "kserve.v2"
    source: ClassVar = "KServe 0.21.0 (observed)."
    endpoints: ClassVar = (
        ("POST", "/v2/models/{model}/infer"),
        ("POST", "/v2/models/{model}/versions/{version}/infer"),
    )

    def understand(self, call: Call) -> Understood:
        """The model is in the path; the last text of the inputs is the user's message."""
        said = input_texts(call)
        conversation = Conversation(message=said[-1] if said else None)
        return Understood(call.params["model"], is_streamed(call), conversation)

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """The id and the outputs that are asked for, and the rows of the first input."""
        if type(self) is not KServeV2:
            return None
        with crashes():
            asked = read_request(read_body(call, setting.identity), call, model_of(call))
            return repr((rows(asked), asked.id, asked.outputs, asked.binary))

    def check(self, call: Call, setting: Setting) -> None:
        """FastAPI's checks, version and model, then the inputs."""
        body = read_body(call, setting.identity)
        require_no_version(call)
        require_ready(call, setting)
        with crashes():
            for tensor in read_request(body, call, model_of(call)).inputs:
                tensor.dimensions()

    def prompt_tokens(self, call: Call) -> int:
        """Of all texts of the inputs."""
        return count_tokens(*input_texts(call))

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The tensors that were asked for, in JSON or behind it."""
        asked = read_request(read_body(call, setting.identity), call, model_of(call))
        texts = [script.text] * rows(asked)
        identity = setting.identity
        id = asked.id or identity.uuid("uuid")
        outputs = asked.outputs or (Output(OUTPUT, asked.binary),)
        if call.stream:
            return streamed(model_of(call), id, outputs, script, len(texts), identity)
        tokens = script.tokens * len(texts)
        if not any(output.binary for output in outputs):
            return whole(inferred(model_of(call), id, outputs, texts), identity, tokens=tokens)
        header, raw = with_bytes(model_of(call), id, outputs, texts)
        head = Head(
            200,
            (
                ("date", AUTO),
                ("server", "uvicorn"),
                (HEADER, str(len(header))),
                ("transfer-encoding", "chunked"),
            ),
        )
        return (head, Frame(("body",), header + raw, tokens=tokens), End())


def tensor(name: str, texts: list[str]) -> dict[str, Any]:
    """An output, without its data."""
    return {"name": name, "shape": [len(texts)], "datatype": "BYTES", "parameters": None}


def inferred(model: str, id: Any, outputs: tuple[Output, ...], texts: list[str]) -> dict[str, Any]:
    """An answer in JSON."""
    return {
        "model_name": model,
        "model_version": None,
        "id": id,
        "parameters": None,
        "outputs": [tensor(one.name, texts) | {"data": texts} for one in outputs],
    }


def is_streamed(call: Call) -> bool:
    """Whether the call is one of Triton's stream over gRPC: no other has a header of this name."""
    return (call.header(":path") or "").endswith("/ModelStreamInfer")


def streamed(
    model: str, id: Any, outputs: tuple[Output, ...], script: Script, rows: int, identity: Identity
) -> tuple[Message, ...]:
    """An answer for each piece of the script's text."""
    head = make_head("uvicorn", 200, "application/json", identity, chunked=True)
    pieces = [piece for part in script.parts if isinstance(part, Text) for piece in part.pieces]
    frames = [
        Frame(("content",), compact(inferred(model, id, outputs, [piece] * rows)), tokens=rows)
        for piece in pieces
    ]
    return (head, *frames, End())


def with_bytes(
    model: str, id: Any, outputs: tuple[Output, ...], texts: list[str]
) -> tuple[bytes, bytes]:
    """The JSON of an answer with bytes, and the bytes."""
    raw = pack_texts(text.encode("utf-8", "replace") for text in texts)
    tensors = []
    for output in outputs:
        described = tensor(output.name, texts)
        if output.binary:
            described["parameters"] = {"binary_data_size": len(raw)}
        else:
            del described["parameters"]
            described["data"] = texts
        tensors.append(described)
    document = {"id": id, "model_name": model, "model_version": None, "outputs": tensors}
    return compact(document), raw * sum(output.binary for output in outputs)


def rows(asked: Asked) -> int:
    """How many texts the answer has: as many as the first input has rows; one for a scalar."""
    shape = asked.inputs[0].dimensions() if asked.inputs else ()
    return shape[0] if shape else 1


def input_texts(call: Call) -> list[str]:
    """Every text of the inputs; none where they cannot be read."""
    try:
        asked = read_request(read_body(call, Identity("")), call, "")
        return [text for one in asked.inputs for text in one.texts()]
    except (Refused, RecursionError, *CRASHES):
        return []


@contextmanager
def crashes() -> Iterator[None]:
    """Answer an exception as KServe does."""
    try:
        yield
    except CRASHES as error:
        raise crashed(error) from None
