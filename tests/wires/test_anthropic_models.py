"""Models and counts of tokens in Anthropic's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import MessageTokensCount, ModelInfo

from mockllm.engine.endpoints import find
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Frame, Head
from mockllm.wires.anthropic_models import AnthropicModels
from mockllm.wires.anthropic_tokens import AnthropicTokens
from mockllm.wires.dialects import DIALECTS
from mockllm.wires.identity import Identity
from mockllm.wires.vllm_messages import VllmCount
from mockllm.wires.wire import Refused, Setting, Understood

MODELS = ("claude-a", "claude-b", "claude-c")
SETTING = Setting(Identity("key"), MODELS, DIALECTS["anthropic"])
VERSION = (("anthropic-version", "2023-06-01"),)


def page(query: str = "", model: str = "") -> Any:
    """The document of a request for models."""
    call = Call("GET", "/v1/models", query, params={"model": model} if model else {})
    head, frame, _ = AnthropicModels().answer(call, Script(()), SETTING)
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    assert head.get("request-id")
    return json.loads(frame.data)


@pytest.mark.parametrize(
    ("headers", "dialect", "wire"),
    [
        (VERSION, None, "anthropic.models"),
        ((), "anthropic", "anthropic.models"),
        ((), None, "openai.models"),
        (VERSION, "openai", "openai.models"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/claude-a"])
def test_whose_models(
    path: str, headers: tuple[tuple[str, str], ...], dialect: str | None, wire: str
) -> None:
    """The header tells Anthropic's clients from others, unless the profile says who is imitated."""
    found, _ = find(Call("GET", path, headers=headers), dialect)
    assert found is not None
    assert found.name == wire


def test_models_of_vllm() -> None:
    """vLLM looks at no header."""
    found, _ = find(Call("GET", "/v1/models", headers=VERSION), "vllm")
    assert found is not None
    assert found.name == "openai.models"


@pytest.mark.parametrize(
    ("query", "names", "more"),
    [
        ("", MODELS, False),
        ("limit=2", MODELS[:2], True),
        ("limit=2&after_id=claude-b", MODELS[2:], False),
        ("after_id=claude-c", (), False),
        ("limit=1&before_id=claude-c", MODELS[1:2], True),
        ("before_id=claude-b", MODELS[:1], False),
        ("after_id=nobody", MODELS, False),
    ],
)
def test_pages(query: str, names: tuple[str, ...], more: bool) -> None:
    """A page starts behind one model or ends before one, and says whether there are more."""
    document = page(query)
    models = [ModelInfo.model_validate_json(json.dumps(one), strict=True) for one in document["data"]]  # fmt: skip
    assert tuple(model.id for model in models) == names
    assert document["has_more"] is more
    assert document["first_id"] == (names[0] if names else None)
    assert document["last_id"] == (names[-1] if names else None)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("x", "limit: Input should be a valid integer, unable to parse string as an integer"),
        ("0", "limit: Input should be greater than or equal to 1"),
        ("1001", "limit: Input should be less than or equal to 1000"),
    ],
)
def test_sizes_that_are_none(limit: str, message: str) -> None:
    """The size of a page is a number from 1 to 1000."""
    with pytest.raises(Refused) as refused:
        page(f"limit={limit}")
    assert (refused.value.spec.status, refused.value.spec.message) == (400, message)


def test_one_model() -> None:
    """A model that is there is shown, another one is not found."""
    assert ModelInfo.model_validate_json(json.dumps(page(model="claude-b")), strict=True).id == "claude-b"  # fmt: skip
    with pytest.raises(Refused) as refused:
        page(model="gpt-4o")
    spec = refused.value.spec
    assert (spec.status, spec.error_type, spec.message) == (404, "not_found_error", "model: gpt-4o")
    assert AnthropicModels().shape(Call("GET", "/"), SETTING) == "anthropic"


def counting(**data: Any) -> Call:
    """A request to count tokens."""
    return Call("POST", "/v1/messages/count_tokens", data={"model": "m", "messages": [{"role": "user", "content": "Hi there"}], **data})  # fmt: skip


@pytest.mark.parametrize("wire", [AnthropicTokens(), VllmCount()])
def test_count_of_tokens(wire: AnthropicTokens) -> None:
    """The number is that of the usage, under the headers of the server that is imitated."""
    wire.check(counting(), SETTING)
    head, frame, _ = wire.answer(counting(), Script(()), SETTING)
    assert isinstance(head, Head)
    assert isinstance(frame, Frame)
    assert MessageTokensCount.model_validate_json(frame.data, strict=True).input_tokens == 9
    assert (head.get("request-id") is None) is isinstance(wire, VllmCount)


def test_what_counting_understands_and_refuses() -> None:
    """Nothing of it streams; what the Messages API refuses is refused here too."""
    understood = AnthropicTokens().understand(counting(stream=True))
    assert (understood.model, understood.stream) == ("m", False)
    assert understood.conversation.message == "Hi there"
    assert AnthropicTokens().understand(Call("POST", "/")) == Understood()
    with pytest.raises(Refused, match="at least one message"):
        AnthropicTokens().check(counting(messages=[]), SETTING)
    with pytest.raises(Refused) as refused:
        VllmCount().check(Call("POST", "/v1/messages/count_tokens", data={"model": "m"}), SETTING)
    assert refused.value.spec.param == "body.messages"
    assert AnthropicTokens().shape(counting(), SETTING) == "anthropic"
    assert VllmCount().shape(counting(), SETTING) == "vllm-messages"


def test_who_counts() -> None:
    """vLLM's way of it is served where a profile imitates vLLM."""
    for dialect, name in (("vllm", "vllm.count"), (None, "anthropic.tokens")):
        found, _ = find(counting(), dialect)
        assert found is not None
        assert found.name == name
