"""Moderations: harmless, complete and repeatable."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from openai.types import ModerationCreateResponse

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame
from mockllm.wires.identity import Identity
from mockllm.wires.openai_moderations import CATEGORIES, OpenAIModerations
from mockllm.wires.wire import Refused, Setting

WIRE = OpenAIModerations()
SETTING = Setting(Identity("key"), ("m",))
TEXT = {"type": "text", "text": "Hi"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def call(**data: Any) -> Call:
    """A call as the engine would read it."""
    raw = Call("POST", "/v1/moderations", data=data)
    return replace(raw, model=WIRE.understand(raw).model)


def document(identity: str = "key", **data: Any) -> Any:
    """The answer, which the SDK reads."""
    setting = replace(SETTING, identity=Identity(identity))
    _, frame, _ = WIRE.answer(call(**data), Script(()), setting)
    assert isinstance(frame, Frame)
    ModerationCreateResponse.model_validate_json(frame.data, strict=True)
    return json.loads(frame.data)


def test_the_form() -> None:
    """Id, model and a result for each text, with all categories in OpenAI's order."""
    found = document(input=["a", "b"])
    assert list(found) == ["id", "model", "results"]
    assert found["id"] == "modr-" + SETTING.identity.hexadecimal("moderation", 32)
    assert found["model"] == "omni-moderation-latest"
    assert len(found["results"]) == 2
    result = found["results"][0]
    assert list(result) == [
        "flagged",
        "categories",
        "category_scores",
        "category_applied_input_types",
    ]
    for part in ("categories", "category_scores", "category_applied_input_types"):
        assert list(result[part]) == list(CATEGORIES)


def test_nothing_is_flagged() -> None:
    """No category applies, and every score is tiny."""
    (result,) = document(input="I will kill you")["results"]
    assert result["flagged"] is False
    assert set(result["categories"].values()) == {False}
    assert all(0 <= score < 0.001 for score in result["category_scores"].values())


def test_it_repeats() -> None:
    """Equal inputs have equal scores in every call; other inputs and models have others."""
    first, second, other = (one["category_scores"] for one in document(input=["a", "a", "b"])["results"])  # fmt: skip
    assert first == second == document("another", input="a")["results"][0]["category_scores"]
    assert other != first
    assert document(input="a", model="text-moderation-007")["results"][0]["category_scores"] != first  # fmt: skip


@pytest.mark.parametrize(
    ("given", "sexual", "hate"),
    [
        ("a", ["text"], ["text"]),
        ([TEXT], ["text"], ["text"]),
        ([TEXT, IMAGE], ["text", "image"], ["text"]),
        ([IMAGE], ["image"], []),
    ],
)
def test_what_was_looked_at(given: Any, sexual: list[str], hate: list[str]) -> None:
    """The parts of a message are one input; some categories look at images, too."""
    (result,) = document(input=given)["results"]
    assert result["category_applied_input_types"]["sexual"] == sexual
    assert result["category_applied_input_types"]["hate"] == hate


@pytest.mark.parametrize(
    ("data", "param"),
    [
        ({}, "input"),
        ({"input": 5}, None),
        ({"input": []}, None),
        ({"input": ["a", 5]}, None),
        ({"input": [{"type": "text"}]}, None),
        ({"input": [{"type": "image_url", "image_url": "x"}]}, None),
        ({"input": "a", "model": 5}, "model"),
    ],
)
def test_refusals(data: dict[str, Any], param: str | None) -> None:
    """Input in no known form is refused."""
    with pytest.raises(Refused) as refused:
        WIRE.check(call(**data), SETTING)
    assert (refused.value.spec.status, refused.value.spec.param) == (400, param)


@pytest.mark.parametrize("given", ["a", ["a", "b"], [TEXT, IMAGE]])
def test_what_is_accepted(given: Any) -> None:
    """Texts and the parts of a message pass; matchers see the last text."""
    WIRE.check(call(input=given), SETTING)
    assert WIRE.understand(call(input=given)).conversation.message in ("a", "b", "Hi")
