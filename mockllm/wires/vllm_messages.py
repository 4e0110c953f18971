"""`vllm.messages` and `vllm.count`: the Messages API as vLLM speaks it, under the dialect `vllm`.

The stream is that of vLLM 0.24.0 (observed for text; thinking and tools as its source has them):
no ping and no padding, the id of a chat completion, `index` behind the content, the whole usage in
`message_delta`, which does not name the stop sequence. A whole message leaves out what is null
(its source). Its errors are Anthropic's without a `request_id`; what pydantic refuses comes in
OpenAI's form.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import Frame, Head
from mockllm.wires.anthropic_messages import AnthropicMessages, Reply
from mockllm.wires.anthropic_request import gist
from mockllm.wires.anthropic_tokens import AnthropicTokens
from mockllm.wires.heads import make_head
from mockllm.wires.json_bytes import compact
from mockllm.wires.vllm_errors import check_fields, check_length
from mockllm.wires.vllm_server import DIALECT
from mockllm.wires.wire import Setting

SHAPE = "vllm-messages"


class VllmMessages(AnthropicMessages):
    """POST /v1/messages of vLLM."""

    name: ClassVar = "vllm.messages"
    source: ClassVar = "vLLM 0.24.0 (observed); thinking and tools: its source (documented)."
    dialect: ClassVar = DIALECT

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Only where a profile imitates vLLM."""
        return dialect == DIALECT

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """All but the messages, of which only the tokens are told."""
        return gist(call) if type(self) is VllmMessages else None

    def shape(self, call: Call, setting: Setting) -> str:
        """Anthropic's form with vLLM's words."""
        return SHAPE

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what lacks a field, has one of another type, or is too long."""
        fields = {"model": str, "messages": list, "max_tokens": int, "stream": bool}
        check_fields(call, "create_messages", fields, "model", "messages", "max_tokens")
        prompt, asked = self.prompt_tokens(call), self.token_limit(call)
        check_length(prompt, asked, limit=setting.context, shape=SHAPE)

    def reply(self, call: Call, script: Script, setting: Setting) -> Reply:
        """The reply to a call, as vLLM says it."""
        return VllmReply(call, script, setting.identity)


class VllmCount(AnthropicTokens):
    """POST /v1/messages/count_tokens of vLLM."""

    name: ClassVar = "vllm.count"
    source: ClassVar = "vLLM 0.24.0 (observed)."
    dialect: ClassVar = DIALECT
    server: ClassVar = DIALECT

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Only where a profile imitates vLLM."""
        return dialect == DIALECT

    def shape(self, call: Call, setting: Setting) -> str:
        """Anthropic's form with vLLM's words."""
        return SHAPE

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what lacks a field or has one of another type."""
        fields = {"model": str, "messages": list}
        check_fields(call, "count_tokens", fields, "model", "messages")


@dataclass(frozen=True)
class VllmReply(Reply):
    """One message of vLLM."""

    first_tokens: ClassVar = 0
    pings: ClassVar = ()

    @property
    def id(self) -> str:
        """`chatcmpl-` and 16 hexadecimal digits."""
        return "chatcmpl-" + self.identity.hexadecimal("message", 16)

    def tool_id(self, index: int) -> str:
        """`chatcmpl-tool-` and 16 hexadecimal digits."""
        return "chatcmpl-tool-" + self.identity.hexadecimal(f"tool/{index}", 16)

    def signature(self, index: int) -> str:
        """The digits of a UUID, which prove nothing."""
        return self.identity.hexadecimal(f"signature/{index}", 32)

    @property
    def stop_reason(self) -> str:
        """Why the answer ends; vLLM knows no refusals."""
        return "end_turn" if self.script.finish == "stop" else super().stop_reason

    def head(self, content_type: str, *, chunked: bool = False) -> Head:
        """Status 200."""
        return make_head(DIALECT, 200, content_type, self.identity, chunked=chunked)

    def message(
        self,
        content: list[dict[str, Any]],
        reason: str | None,
        sequence: str | None,
        usage: dict[str, Any],
    ) -> dict[str, Any]:
        """The message; what is null is left out where it is whole."""
        stops = {"stop_reason": reason} if reason else {"stop_reason": None, "stop_sequence": None}
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "content": content,
            "model": self.call.model,
            **stops,
            **self.said("usage", usage),
        }

    def opening(self, index: int, part: Text | ToolCall, number: int) -> Frame:
        """The event that opens a block; that of a thought has no signature yet."""
        if isinstance(part, Text) and part.kind == "reasoning":
            fields = self.indexed(index, {"content_block": {"type": "thinking", "thinking": ""}})
            return self.event("start", "content_block_start", fields, index)
        return super().opening(index, part, number)

    def before_arguments(self, index: int, number: int) -> Iterator[Frame]:
        """Nothing."""
        yield from ()

    def around(self, index: int, place: int) -> tuple[bytes, bytes]:
        """What stands before and behind a delta in its event."""
        return b'{"type":"content_block_delta","delta":', b',"index":%d}' % index

    def ending(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The stop reason alone, and the whole usage."""
        return {"stop_reason": self.stop_reason}, self.usage

    def indexed(self, index: int, fields: dict[str, Any]) -> dict[str, Any]:
        """The index comes last."""
        return {**fields, "index": index}

    def event(self, kind: str, name: str, fields: dict[str, Any], place: int) -> Frame:
        """An event that is no delta."""
        return Frame((kind,), compact({"type": name, **fields}), name)
