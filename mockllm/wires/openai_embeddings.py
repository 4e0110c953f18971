"""`openai.embeddings`: vectors that mean nothing, but are of the right size and length.

The form follows OpenAI's reference (documented). A vector depends on the model and the input alone:
equal inputs have equal vectors, in every call of every session, and different ones have vectors
that are nearly at right angles. Its length is 1. With `dimensions` it is the beginning of the
model's own vector, made as long as 1 again, as OpenAI's models of the third generation have it.
"""

from __future__ import annotations

import math
from array import array
from base64 import b64encode
from collections.abc import Mapping
from hashlib import shake_128
from sys import byteorder
from typing import Any, ClassVar

from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.dialects import dialect_of_path
from mockllm.wires.json_bytes import compact
from mockllm.wires.openai_check import (
    check_json,
    check_model,
    check_number,
    invalid,
    unknown_form,
    unsupported_value,
)
from mockllm.wires.openai_completions import Prompt, length, prompts
from mockllm.wires.refusals import check_as
from mockllm.wires.wire import Setting, Understood, Wire

SIZE = 1536
"""How many numbers a vector has, if the model is not known."""
SIZES = {
    "text-embedding-3-large": 3072,
    "text-embedding-3-small": 1536,
    "text-embedding-ada-002": 1536,
}
"""The same of OpenAI's models."""
MOST_NUMBERS = 16_384
"""How many numbers a client may ask for, if the model is not known."""
RIGID = ("text-embedding-ada-002",)
"""The models that know no `dimensions`."""
MOST_INPUTS = 2048
"""How many inputs a request may have."""
FIELDS = {"model": str, "dimensions": int}
"""What pydantic looks at in the servers that check with it."""
FORMATS = ("float", "base64")


class OpenAIEmbeddings(Wire):
    """POST /v1/embeddings, KServe's /openai/v1/…, and Azure's deployments."""

    name: ClassVar = "openai.embeddings"
    source: ClassVar = "OpenAI's reference (documented)."
    endpoints: ClassVar = (
        ("POST", "/v1/embeddings"),
        ("POST", "/openai/v1/embeddings"),
        ("POST", "/openai/deployments/{deployment}/embeddings"),
    )

    def dialect_of(self, call: Call) -> str:
        """OpenAI's, Azure's or KServe's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """The model; what the user says is the last input. Nothing is ever streamed."""
        model = super().understand(call).model or call.params.get("deployment")
        texts = [one for one in inputs(call.data) or () if isinstance(one, str)]
        return Understood(model, False, Conversation(texts[-1] if texts else None))

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what OpenAI refuses: no model, empty or wrong input, sizes that cannot be."""
        needed = setting.dialect.needs_model

        def check(call: Call) -> None:
            """As OpenAI does."""
            check_json(call)
            check_model(call, needed=needed)
            check_input(call)

        check_as(call, setting, "create_embedding", FIELDS, "input", check)

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them."""
        return sum(map(length, inputs(call.data) or ()))

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """A vector for each input; the script has no say."""
        data, model = call.data, call.model or setting.models[0]
        size = data.get("dimensions") or size_of(model)
        as_text = data.get("encoding_format") == "base64"
        vectors = (vector(model, one, size) for one in inputs(data) or ())
        tokens = self.prompt_tokens(call)
        document = {
            "object": "list",
            "data": [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": encoded(found) if as_text else found.tolist(),
                }
                for index, found in enumerate(vectors)
            ],
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }
        head = setting.dialect.head(setting.identity)
        return (head, Frame(("body",), compact(document)), End())


def check_input(call: Call) -> None:
    """Refuse input in no known form, and unknown forms and sizes of vectors."""
    if inputs(call.data) is None:
        raise unknown_form("input")
    form = call.data.get("encoding_format")
    if form is not None and form not in FORMATS:
        raise unsupported_value("encoding_format", form, FORMATS)
    wanted = call.data.get("dimensions")
    if wanted is not None:
        check_number("dimensions", wanted)
        check_dimensions(call.model or "", wanted)


def check_dimensions(model: str, wanted: int) -> None:
    """Refuse a size that the model does not have."""
    if model in RIGID:
        raise invalid("This model does not support specifying dimensions.")
    most = SIZES.get(model, MOST_NUMBERS)
    if wanted > most:
        raise invalid(
            f"Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {most}."
        )


def inputs(data: Mapping[str, Any]) -> list[Prompt] | None:
    """The inputs of a request, each a text or tokens; None where they are neither, or empty."""
    found = None if data.get("input") is None else prompts({"prompt": data["input"]})
    if found is None or len(found) > MOST_INPUTS or "" in found:
        return None
    return found


def size_of(model: str) -> int:
    """How many numbers the vectors of a model have."""
    return SIZES.get(model, SIZE)


def vector(model: str, text: Prompt, size: int) -> array[float]:
    """The vector of an input, in single precision, of length 1."""
    numbers = array("i")
    numbers.frombytes(shake_128(compact([model, text])).digest(size * numbers.itemsize))
    if byteorder == "big":
        numbers.byteswap()
    norm = math.hypot(*numbers) or 1.0
    return array("f", [number / norm for number in numbers])


def encoded(numbers: array[float]) -> str:
    """The numbers as base64 of little-endian single precision, as the SDKs read it."""
    if byteorder == "big":
        numbers = array("f", numbers)
        numbers.byteswap()
    return b64encode(numbers.tobytes()).decode()
