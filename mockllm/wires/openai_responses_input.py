"""`openai.responses.input`: input of the Responses API that is counted or compacted.

Documented in openai-openapi and the types of OpenAI's Python SDK 3.52. A compaction keeps the
messages of the user and puts one item with encrypted content in the place of everything else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Message
from mockllm.wires.dialects import dialect_of_path
from mockllm.wires.openai_check import check_json, missing
from mockllm.wires.openai_responses import reply_to
from mockllm.wires.responses_check import check_input, unknown_previous
from mockllm.wires.responses_input import input_items
from mockllm.wires.responses_paths import everywhere, is_served, refusing
from mockllm.wires.responses_reply import answer
from mockllm.wires.responses_request import conversation, input_tokens
from mockllm.wires.responses_store import find
from mockllm.wires.wire import Setting, Understood, Wire

SECRET = 240
"""Letters of the encrypted content of a compaction."""


class OpenAIResponsesInput(Wire):
    """POST /v1/responses/input_tokens and /v1/responses/compact; Azure's too."""

    name: ClassVar = "openai.responses.input"
    source: ClassVar = "openai-openapi, OpenAI's Python SDK 3.52 (documented)."
    endpoints: ClassVar = everywhere(("POST", "/input_tokens"), ("POST", "/compact"))

    def claims(self, call: Call, dialect: str | None) -> bool:
        """On Azure's paths only what is Azure's."""
        return is_served(call, dialect)

    def dialect_of(self, call: Call) -> str:
        """OpenAI's or Azure's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """Model and conversation; neither answer is ever streamed."""
        understood = super().understand(call)
        return replace(understood, stream=False, conversation=conversation(call.data))

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse a compaction without model, no input, and previous responses that are unknown."""
        with refusing(setting):
            check_json(call)
            if call.path.endswith("/compact") and not call.data.get("model"):
                raise missing("model")
            check_input(call.data)
            previous = call.data.get("previous_response_id")
            if previous and find(previous, setting) is None:
                raise unknown_previous(previous)

    def prompt_tokens(self, call: Call) -> int:
        """As they are counted."""
        return input_tokens(call.data)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The count, or the compacted input."""
        reply = reply_to(call, Script(()), setting)
        usage = reply.usage()
        if call.path.endswith("/input_tokens"):
            counted = {"object": "response.input_tokens", "input_tokens": usage["input_tokens"]}
            return answer(counted, setting)
        secret = "gAAAAAB" + setting.identity.letters("compaction", SECRET)
        kept = [item for item in input_items(reply) if item.get("role") == "user"]
        short = {
            "id": reply.names.id("cmp", "compaction"),
            "type": "compaction",
            "encrypted_content": secret,
        }
        document = {
            "id": reply.id,
            "object": "response.compaction",
            "created_at": setting.identity.created,
            "output": [*kept, short],
            "usage": usage,
        }
        return answer(document, setting)
