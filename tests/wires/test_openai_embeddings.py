"""Embeddings: sizes, lengths, forms and refusals."""

from __future__ import annotations

import json
import math
from array import array
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from openai.types import CreateEmbeddingResponse

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.openai_embeddings import OpenAIEmbeddings
from mockllm.wires.wire import Refused, Setting

WIRE = OpenAIEmbeddings()
SETTING = Setting(Identity("key"), ("m",))
INVALID = "'$.input' is invalid. Please check the API reference: https://platform.openai.com/docs/api-reference."


def call(**data: Any) -> Call:
    """A call as the engine would read it."""
    raw = Call("POST", "/v1/embeddings", data={"model": "m", "input": "Hi", **data})
    return replace(raw, model=WIRE.understand(raw).model)


def body(identity: str = "key", **data: Any) -> bytes:
    """The document of an answer."""
    setting = replace(SETTING, identity=Identity(identity))
    _, frame, _ = WIRE.answer(call(**data), Script(()), setting)
    assert isinstance(frame, Frame)
    return frame.data


def vectors(identity: str = "key", **data: Any) -> list[list[float]]:
    """The vectors of an answer."""
    return [one["embedding"] for one in json.loads(body(identity, **data))["data"]]


def length(vector: list[float]) -> float:
    """The length of a vector."""
    return math.hypot(*vector)


def test_the_form() -> None:
    """The keys of OpenAI's reference, in its order; the SDK reads it."""
    document = json.loads(body(input=["one two", "three"], dimensions=2))
    assert list(document) == ["object", "data", "model", "usage"]
    assert [list(one) for one in document["data"]] == [["object", "index", "embedding"]] * 2
    assert [one["index"] for one in document["data"]] == [0, 1]
    assert document["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    CreateEmbeddingResponse.model_validate_json(body(input=["a", "b"]), strict=True)


@pytest.mark.parametrize(
    ("model", "size"),
    [("m", 1536), ("text-embedding-3-small", 1536), ("text-embedding-3-large", 3072)],
)
def test_size_and_length(model: str, size: int) -> None:
    """A model has vectors of its size, all of length 1."""
    (vector,) = vectors(model=model)
    assert len(vector) == size
    assert length(vector) == pytest.approx(1, abs=1e-6)


def test_equal_for_equal() -> None:
    """Model and input alone decide; others are nearly at right angles."""
    first, second, other = vectors(input=["a", "a", "b"])
    assert first == second == vectors("another call", input="a")[0]
    assert abs(sum(x * y for x, y in zip(first, other, strict=True))) < 0.2
    assert vectors(model="n", input="a")[0] != first


def test_dimensions_are_the_beginning() -> None:
    """A shorter vector points where the beginning of the whole one does, and has length 1."""
    (whole,) = vectors()
    (short,) = vectors(dimensions=8)
    assert length(short) == pytest.approx(1, abs=1e-6)
    scale = length(whole[:8])
    assert short == pytest.approx([number / scale for number in whole[:8]], abs=1e-5)


def test_base64() -> None:
    """The same numbers, as little-endian single precision."""
    (text,) = [one["embedding"] for one in json.loads(body(encoding_format="base64"))["data"]]
    numbers = array("f", b64decode(text))
    assert numbers.tolist() == vectors(encoding_format="float")[0]


@pytest.mark.parametrize(("given", "count"), [([1, 2, 3], 1), ([[1], [2, 3]], 2), (["a"], 1)])
def test_tokens_are_input_too(given: Any, count: int) -> None:
    """Tokens are an input, several lists of them several."""
    assert len(vectors(input=given)) == count


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"model": None}, "you must provide a model parameter"),
        ({"input": None}, INVALID),
        ({"input": ""}, INVALID),
        ({"input": []}, INVALID),
        ({"input": ["a", ""]}, INVALID),
        ({"input": ["a", 1]}, INVALID),
        ({"input": ["a"] * 2049}, INVALID),
        ({"encoding_format": "hex"}, "Invalid value: 'hex'. Supported values are: 'float' and 'base64'."),
        ({"dimensions": 0}, "Invalid 'dimensions': integer below minimum value. Expected a value >= 1, but got 0 instead."),
        ({"dimensions": 1537, "model": "text-embedding-3-small"}, "Invalid value for 'dimensions' = 1537. Must be less than or equal to 1536."),
        ({"dimensions": 10**9}, "Invalid value for 'dimensions' = 1000000000. Must be less than or equal to 16384."),
        ({"dimensions": 8, "model": "text-embedding-ada-002"}, "This model does not support specifying dimensions."),
    ],
)  # fmt: skip
def test_refusals(data: dict[str, Any], message: str) -> None:
    """What OpenAI refuses is refused with its 400."""
    with pytest.raises(Refused) as refused:
        WIRE.check(call(**data), SETTING)
    assert (refused.value.spec.status, refused.value.spec.message) == (400, message)


def test_what_is_accepted() -> None:
    """A request in order passes; a deployment is a model."""
    WIRE.check(call(input=["a"] * 2048, dimensions=4096, encoding_format="float"), SETTING)
    asked = Call("POST", "/openai/deployments/ada/embeddings", data={"input": "a"}, params={"deployment": "ada"})  # fmt: skip
    assert WIRE.understand(asked).model == "ada"
    WIRE.check(asked, replace(SETTING, dialect=DIALECTS[WIRE.dialect_of(asked)]))


def test_it_is_never_a_stream() -> None:
    """`stream` means nothing here; the last text is what the user says."""
    understood = WIRE.understand(call(stream=True, input=["a", "b"]))
    assert not understood.stream
    assert understood.conversation.message == "b"
    assert WIRE.prompt_tokens(call(input=[1, 2, 3])) == 3
