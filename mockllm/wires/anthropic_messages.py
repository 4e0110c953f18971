"""`anthropic.messages`: Anthropic's Messages API, streamed and whole.

Events, their order and their bytes follow captures of Anthropic's API, 2024–2026 (documented):
`message_start`, then for each block `content_block_start`, its deltas and `content_block_stop`,
with one `ping` behind the first start; then `message_delta` with the stop reason and the usage, and
`message_stop`. The JSON of an event has up to 15 spaces before its last brace, which is why they
come here too; the ping is the same in all captures, with a space and without padding. A tool's
block starts with an empty input, its first delta is empty. A block of thinking ends with a delta
that carries its signature.

A refusal is a block of text that ends with the stop reason `refusal`. An error inside a stream is
an event of its own, and nothing follows it: no `message_stop`.

Selectors: `role` is `message_start`; `content`, `reasoning`, `refusal` and `tool` are the deltas,
and of a tool the start of its block too; `finish` and `usage` are `message_delta`, `done` is
`message_stop`. What else is a frame has `frame N` and `event NAME`: `event ping`.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.timeline.events import End, Frame, Head, Message
from mockllm.timeline.valueclass import replace
from mockllm.wires.anthropic_request import check, conversation, gist, prompt_tokens
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import compact, quoted
from mockllm.wires.openai_chat import overridden
from mockllm.wires.wire import Setting, Understood, Wire

STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
"""Anthropic's words for the finish reasons of scripts; others are sent as they are."""
DELTAS = {
    "content": ("text_delta", "text"),
    "refusal": ("text_delta", "text"),
    "reasoning": ("thinking_delta", "thinking"),
}
"""The type of each kind of text in a delta, and its key."""
PINGS: tuple[Frame, ...] = (Frame(("ping",), b'{"type": "ping"}', "ping"),)
"""What follows the start of the first block."""
PADS = 16
"""How many different paddings a stream has; they repeat, because nobody reads them."""
PADDING = Identity("padding")
"""What tells how long they are."""
LIMITS = (("requests", 4000, 3999), ("input-tokens", 2000000, 2000000), ("output-tokens", 400000, 400000))  # fmt: skip
"""What `anthropic-ratelimit-*` tells: limit and rest, tokens to the nearest thousand (documented)."""
ORGANIZATION = "6d6f636b-6c6c-4d00-8000-000000000000"


class AnthropicMessages(Wire):
    """POST /v1/messages."""

    name: ClassVar = "anthropic.messages"
    source: ClassVar = "Captures of Anthropic's API, 2024–2026 (documented)."
    endpoints: ClassVar = (("POST", "/v1/messages"),)
    dialect: ClassVar = "anthropic"

    def claims(self, call: Call, dialect: str | None) -> bool:
        """Not where a profile imitates vLLM, which has a way of its own."""
        return dialect != "vllm"

    def understand(self, call: Call) -> Understood:
        """Model, stream and conversation."""
        return replace(super().understand(call), conversation=conversation(call.data))

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """All but the messages, of which only the tokens are told; a wire that is made from this one
        may tell more."""
        return gist(call) if type(self) is AnthropicMessages else None

    def shape(self, call: Call, setting: Setting) -> str:
        """Anthropic's, whoever else's API the profile imitates."""
        return "anthropic"

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what Anthropic refuses."""
        check(call)

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them."""
        return prompt_tokens(call)

    def token_limit(self, call: Call) -> int | None:
        """`max_tokens`."""
        limit = call.data.get("max_tokens")
        return limit if isinstance(limit, int) else None

    def reply(self, call: Call, script: Script, setting: Setting) -> Reply:
        """The reply to a call, under the names that its identity gives."""
        return Reply(call, script, setting.identity)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The message, streamed if the client asked for it."""
        reply = self.reply(call, script, setting)
        return tuple(reply.streamed()) if call.stream else reply.whole()

    def error_frame(self, call: Call, document: bytes, setting: Setting) -> Frame:
        """An event `error`."""
        return Frame(("error",), document, "error")

    def done(self, call: Call, setting: Setting) -> tuple[Frame, ...]:
        """`message_stop`."""
        return (self.reply(call, Script(()), setting).stop(),)

    def failed(self, call: Call, document: bytes, setting: Setting) -> tuple[Frame, ...]:
        """Nothing: an error is the last event of its stream."""
        return ()

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A delta of the first block."""
        reply = self.reply(call, Script(()), setting)
        return Frame(("extra",), reply.delta(0, compact(delta)), "content_block_delta")


@dataclass(frozen=True)
class Reply:
    """One message: what it says, and the names it bears."""

    call: Call
    script: Script
    identity: Identity

    first_tokens: ClassVar = 1
    """What the usage of `message_start` says of the answer's tokens."""
    pings: ClassVar[tuple[Frame, ...]] = PINGS

    @property
    def id(self) -> str:
        """`msg_01` and 22 letters or digits."""
        return "msg_01" + self.identity.letters("message", 22)

    def tool_id(self, index: int) -> str:
        """`toolu_01` and 22 letters or digits."""
        return "toolu_01" + self.identity.letters(f"tool/{index}", 22)

    def signature(self, index: int) -> str:
        """What proves a thought to be the model's own."""
        return self.identity.letters(f"signature/{index}", 86) + "=="

    @property
    def blocks(self) -> tuple[Text | ToolCall, ...]:
        """The parts that are blocks: all but empty texts."""
        return tuple(
            part for part in self.script.parts if isinstance(part, ToolCall) or part.pieces
        )

    def head(self, content_type: str, *, chunked: bool = False) -> Head:
        """Status 200 with what only this endpoint says: the rate limits, and no caching of
        streams."""
        made = make_head("anthropic", 200, content_type, self.identity, chunked=chunked)
        reset = self.identity.created_rfc3339
        limits = [
            (f"anthropic-ratelimit-{what}-{name}", value)
            for what, limit, rest in LIMITS
            for name, value in (("limit", str(limit)), ("remaining", str(rest)), ("reset", reset))
        ]
        place = [name for name, _ in made.headers].index("request-id")
        caching = [("cache-control", "no-cache")] if chunked else []
        return Head(
            made.status,
            (
                *made.headers[:place],
                *caching,
                *limits,
                *made.headers[place:],
                ("anthropic-organization-id", ORGANIZATION),
            ),
        )

    # What both forms say

    @property
    def stop_reason(self) -> str:
        """Why the answer ends, in Anthropic's words."""
        finish = self.script.finish
        if finish == "stop" and self.script.has("refusal"):
            return "refusal"
        return STOP_REASONS.get(finish, finish)

    @property
    def stop_sequence(self) -> str | None:
        """Which of the client's sequences ended the answer: the first, if any did."""
        sequences = self.call.data.get("stop_sequences")
        if self.stop_reason != "stop_sequence" or not isinstance(sequences, list):
            return None
        return next((one for one in sequences if isinstance(one, str)), None)

    @property
    def usage(self) -> dict[str, Any]:
        """Tokens: of the prompt about, of the answer exactly the pieces it has."""
        computed = {
            "input_tokens": prompt_tokens(self.call),
            "output_tokens": self.script.tokens,
        }
        return overridden(computed, self.script.usage or {})

    def said(self, key: str, usage: dict[str, Any]) -> dict[str, Any]:
        """The usage under its key, unless the script has none."""
        return {key: usage} if self.script.has_usage else {}

    # The whole document

    def whole(self) -> tuple[Message, ...]:
        """Head, one frame, end."""
        content = [self.block(index, part) for index, part in enumerate(self.blocks)]
        document = self.message(content, self.stop_reason, self.stop_sequence, self.usage)
        frame = Frame(("body",), compact(document), tokens=self.script.tokens)
        return (self.head("application/json"), frame, End())

    def message(
        self,
        content: list[dict[str, Any]],
        reason: str | None,
        sequence: str | None,
        usage: dict[str, Any],
    ) -> dict[str, Any]:
        """The message, whole or as `message_start` has it."""
        return {
            "id": self.id,
            "type": "message",
            "role": "assistant",
            "model": self.call.model,
            "content": content,
            "stop_reason": reason,
            "stop_sequence": sequence,
            **self.said("usage", usage),
        }

    def block(self, index: int, part: Text | ToolCall) -> dict[str, Any]:
        """A block with everything in it; arguments that are no JSON stay the text that they are."""
        match part:
            case ToolCall(name, arguments, id):
                text = "".join(arguments)
                try:
                    given = json.loads(text)
                except ValueError:
                    given = text
                id = id or self.tool_id(index)
                return {"type": "tool_use", "id": id, "name": name, "input": given}
            case Text(pieces, "reasoning"):
                thought = "".join(pieces)
                return {"type": "thinking", "thinking": thought, "signature": self.signature(index)}
            case Text(pieces):
                return {"type": "text", "text": "".join(pieces)}

    # The stream

    def streamed(self) -> Iterator[Message]:
        """Head, events, end."""
        yield self.head("text/event-stream; charset=utf-8", chunked=True)
        first = self.usage | {"output_tokens": self.first_tokens}
        message = self.message([], None, None, first)
        yield self.event("role", "message_start", {"message": message}, 0)
        tools = 0
        for index, part in enumerate(self.blocks):
            tools += isinstance(part, ToolCall)
            number = tools if isinstance(part, ToolCall) else 0
            yield self.opening(index, part, number)
            if index == 0:
                yield from self.pings
            yield from self.deltas(index, part, number)
            yield self.event("stop", "content_block_stop", {"index": index}, index)
        yield self.finish()
        yield self.stop()
        yield End()

    def opening(self, index: int, part: Text | ToolCall, number: int) -> Frame:
        """The event that opens a block with nothing in it."""
        match part:
            case ToolCall(name, id=id):
                kind, id = "tool", id or self.tool_id(index)
                block = {"type": "tool_use", "id": id, "name": name, "input": {}}
            case Text(kind="reasoning"):
                kind, block = "start", {"type": "thinking", "thinking": "", "signature": ""}
            case _:
                kind, block = "start", {"type": "text", "text": ""}
        fields = self.indexed(index, {"content_block": block})
        return replace(self.event(kind, "content_block_start", fields, index), part=number)

    def deltas(self, index: int, part: Text | ToolCall, number: int) -> Iterator[Frame]:
        """The pieces of a block, one each; and what Anthropic puts before or after them."""
        if isinstance(part, ToolCall):
            pieces, kind, words = part.arguments, "tool", ("input_json_delta", "partial_json")
            yield from self.before_arguments(index, number)
        else:
            pieces, kind, words = part.pieces, part.kind, DELTAS[part.kind]
        opening = b'{"type":"%b","%b":' % (words[0].encode(), words[1].encode())
        ends = [self.around(index, place) for place in range(PADS)]
        for place, piece in enumerate(pieces):
            prefix, suffix = ends[place % PADS]
            data = prefix + opening + quoted(piece) + b"}" + suffix
            yield Frame((kind,), data, "content_block_delta", number, 1)
        if kind == "reasoning":
            yield from self.after_thinking(index)

    def before_arguments(self, index: int, number: int) -> Iterator[Frame]:
        """A delta without anything in it."""
        data = self.delta(index, b'{"type":"input_json_delta","partial_json":""}')
        yield Frame(("tool",), data, "content_block_delta", number)

    def after_thinking(self, index: int) -> Iterator[Frame]:
        """The signature."""
        delta = {"type": "signature_delta", "signature": self.signature(index)}
        data = self.delta(index, compact(delta))
        yield Frame(("signature",), data, "content_block_delta")

    def delta(self, index: int, delta: bytes) -> bytes:
        """A `content_block_delta`."""
        prefix, suffix = self.around(index, PADS - 1)
        return prefix + delta + suffix

    def around(self, index: int, place: int) -> tuple[bytes, bytes]:
        """What stands before and behind a delta in its event."""
        prefix = b'{"type":"content_block_delta","index":%d,"delta":' % index
        return prefix, self.pad(f"{index}/{place}") + b"}"

    def finish(self) -> Frame:
        """The event with the stop reason and the usage of the answer."""
        delta, usage = self.ending()
        frame = self.event(
            "finish", "message_delta", {"delta": delta, **self.said("usage", usage)}, 0
        )
        return replace(frame, kinds=("usage", "finish")) if self.script.has_usage else frame

    def ending(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Why the answer ends, and the usage that is told with it."""
        delta = {"stop_reason": self.stop_reason, "stop_sequence": self.stop_sequence}
        return delta, {key: value for key, value in self.usage.items() if key != "input_tokens"}

    def stop(self) -> Frame:
        """The last event."""
        return self.event("done", "message_stop", {}, 0)

    def indexed(self, index: int, fields: dict[str, Any]) -> dict[str, Any]:
        """Fields of an event that belongs to a block."""
        return {"index": index, **fields}

    def event(self, kind: str, name: str, fields: dict[str, Any], place: int) -> Frame:
        """An event that is no delta."""
        data = compact({"type": name, **fields})
        return Frame((kind,), data[:-1] + self.pad(f"{name}/{place}") + b"}", name)

    def pad(self, label: str) -> bytes:
        """The spaces before the last brace."""
        return padding(label)


@lru_cache(maxsize=1024)
def padding(label: str) -> bytes:
    """The spaces behind an event: the same in all streams, because nobody counts them."""
    return b" " * PADDING.number(label, PADS)
