"""`openai.moderations`: what `omni-moderation-latest` says of harmless input.

Form, order of the categories and which of them look at images follow OpenAI's reference
(documented). Nothing is flagged; a profile that wants otherwise edits the answer. The scores are
made up, tiny, and depend on model and input alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from mockllm.matchers.call import Call, Conversation
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.chat_request import texts_of
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact
from mockllm.wires.openai_check import check_json, missing, unknown_form, wrong_type
from mockllm.wires.wire import Setting, Understood, Wire

MODEL = "omni-moderation-latest"
CATEGORIES = {
    "sexual": True,
    "sexual/minors": False,
    "harassment": False,
    "harassment/threatening": False,
    "hate": False,
    "hate/threatening": False,
    "illicit": False,
    "illicit/violent": False,
    "self-harm": True,
    "self-harm/intent": True,
    "self-harm/instructions": True,
    "violence": True,
    "violence/graphic": True,
}
"""The categories, and whether they look at images, too."""
MOST = 1_000
"""Scores are below one in so many."""


class OpenAIModerations(Wire):
    """POST /v1/moderations."""

    name: ClassVar = "openai.moderations"
    source: ClassVar = "OpenAI's reference (documented)."
    endpoints: ClassVar = (("POST", "/v1/moderations"),)

    def understand(self, call: Call) -> Understood:
        """The model, which has a default; what the user says is the last text."""
        texts = [text for one in inputs(call.data.get("input")) or () for text in texts_in(one)]
        model = super().understand(call).model or MODEL
        return Understood(model, False, Conversation(texts[-1] if texts else None))

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse a request without input, or with input in none of the known forms."""
        check_json(call)
        model = call.data.get("model")
        if model is not None and not isinstance(model, str):
            raise wrong_type("model", "a string", model)
        if call.data.get("input") is None:
            raise missing("input")
        if inputs(call.data["input"]) is None:
            raise unknown_form("input")

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """A result for each input; the script has no say."""
        model = call.model or MODEL
        document = {
            "id": "modr-" + setting.identity.hexadecimal("moderation", 32),
            "model": model,
            "results": [result(model, one) for one in inputs(call.data["input"]) or ()],
        }
        head = setting.dialect.head(setting.identity)
        return (head, Frame(("body",), compact(document)), End())


def inputs(value: Any) -> list[Any] | None:
    """The inputs, each a text or the parts of one message; None for another form."""
    match value:
        case str():
            return [value]
        case [*many] if many and all(isinstance(one, str) for one in many):
            return many
        case [*parts] if parts and all(is_part(part) for part in parts):
            return [parts]
        case _:
            return None


def is_part(value: Any) -> bool:
    """Whether a value is a part of a message: a text or an image."""
    match value:
        case {"type": "text", "text": str()} | {"type": "image_url", "image_url": {"url": str()}}:
            return True
        case _:
            return False


def texts_in(one: Any) -> list[str]:
    """The texts of an input."""
    return [one] if isinstance(one, str) else list(texts_of({"content": one}))


def result(model: str, one: Any) -> dict[str, Any]:
    """What is found in one input: nothing."""
    scores = Identity(compact([model, one]).hex())
    text = isinstance(one, str) or any(part["type"] == "text" for part in one)
    image = not isinstance(one, str) and any(part["type"] == "image_url" for part in one)
    return {
        "flagged": False,
        "categories": dict.fromkeys(CATEGORIES, False),
        "category_scores": {
            name: scores.number(name, 1_000_000) / 1_000_000 / MOST for name in CATEGORIES
        },
        "category_applied_input_types": {
            name: [*(["text"] if text else []), *(["image"] if image and sees else [])]
            for name, sees in CATEGORIES.items()
        },
    }
