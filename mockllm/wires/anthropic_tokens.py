"""`anthropic.tokens`: how many tokens a request to the Messages API would have.

The form is documented (Anthropic's reference of token counting); the number is that of the usage.
"""

from __future__ import annotations

from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import End, Frame, Message
from mockllm.timeline.valueclass import replace
from mockllm.wires.anthropic_request import check, conversation, prompt_tokens
from mockllm.wires.heads import make_head
from mockllm.wires.json_bytes import compact
from mockllm.wires.wire import Setting, Understood, Wire


class AnthropicTokens(Wire):
    """POST /v1/messages/count_tokens."""

    name: ClassVar = "anthropic.tokens"
    source: ClassVar = "Anthropic's reference of token counting (documented)."
    endpoints: ClassVar = (("POST", "/v1/messages/count_tokens"),)
    dialect: ClassVar = "anthropic"
    server: ClassVar = "anthropic"
    """Whose headers it sends."""

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Not where a profile imitates vLLM, which has a way of its own."""
        return dialect != "vllm"

    def understand(self, call: Call) -> Understood:
        """Model and conversation; nothing of it streams."""
        understood = super().understand(call)
        return replace(understood, stream=False, conversation=conversation(call.data))

    def shape(self, call: Call, setting: Setting) -> str:
        """Anthropic's, whoever else's API the profile imitates."""
        return "anthropic"

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what the Messages API refuses; nothing limits the tokens of an answer here."""
        check(call, max_tokens=False)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The number."""
        head = make_head(self.server, 200, "application/json", setting.identity)
        document = {"input_tokens": prompt_tokens(call)}
        return (head, Frame(("body",), compact(document)), End())
