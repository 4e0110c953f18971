"""`openai.chat`: OpenAI chat completions, streamed and whole.

Order and form of the chunks follow captures of OpenAI's API, 2024–2026 (documented): the role
chunk with empty content, content chunks, a chunk with an empty delta and the finish reason, with
`stream_options.include_usage` a chunk without choices that carries the usage (and `"usage":null`
on every chunk before it), then `[DONE]`. `service_tier` stands on the first chunk only;
`obfuscation` on every chunk with a choice unless `stream_options.include_obfuscation` is false.
The first chunk of a tool call carries id, type, name and empty arguments, the later ones only
pieces of the arguments (openai-openapi, ChatCompletionMessageToolCallChunk). The texts of the
validation errors are documented, not captured.

A refusal streams as `delta.refusal` (openai-openapi). OpenAI itself never shows what its models
think; `reasoning_content`, in delta and message, is DeepSeek's field (documented), which older vLLM
and most gateways and clients took over; vLLM 0.24.0 calls it `reasoning` (observed). With
`logprobs` the role chunk carries empty lists, each content chunk its own tokens, the last chunk
null (a capture of 2024-09, documented); one piece is one token here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest
from typing import Any, ClassVar

from mockllm.faults.fault import ErrorSpec
from mockllm.matchers.call import Call
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.scripts.tokens import count_tokens
from mockllm.timeline.events import End, Frame, Message
from mockllm.wires.chat_request import conversation, texts_of
from mockllm.wires.heads import make_head
from mockllm.wires.identity import Identity
from mockllm.wires.logprobs import Logprobs
from mockllm.wires.wire import Refused, Setting, Understood, Wire

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
TOKENS_PER_MESSAGE = 4
TOKENS_PER_REPLY = 3
NUMBERS = {"n": 128, "max_tokens": math.inf, "max_completion_tokens": math.inf}
"""Parameters that are whole numbers, and their largest value (openai-openapi)."""
FIELDS = {"content": "content", "reasoning": "reasoning_content", "refusal": "refusal"}
"""The key of each kind of text in a delta."""
MASKS = 16
"""How many different obfuscations a choice has; they repeat, because nobody reads them."""


class OpenAIChat(Wire):
    """POST /v1/chat/completions."""

    name: ClassVar = "openai.chat"
    endpoints: ClassVar = (("POST", "/v1/chat/completions"),)

    def understand(self, call: Call) -> Understood:
        """Model, stream and conversation."""
        return replace(super().understand(call), conversation=conversation(call.data))

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what OpenAI refuses: no model, no messages, wrong types, usage without stream."""
        data = call.data
        if call.problem is not None:
            raise invalid(
                "We could not parse the JSON body of your request. (HINT: This likely means you "
                "aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, "
                f"but what was sent was not valid JSON: {call.problem}.)"
            )
        if not isinstance(data.get("model"), str) or not data["model"]:
            raise invalid("you must provide a model parameter")
        messages = data.get("messages")
        if messages is None:
            raise invalid(
                "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"
            )
        if not isinstance(messages, list):
            raise wrong_type("messages", "an array of objects", messages)
        if not messages:
            raise invalid(
                "Invalid 'messages': empty array. Expected an array with minimum length 1, "
                "but got an empty array instead.",
                "messages",
                "empty_array",
            )
        for index, message in enumerate(messages):
            check_message(f"messages[{index}]", message)
        for name, kind, words in (
            ("stream", bool, "a boolean"),
            ("stream_options", dict, "an object"),
        ):
            if data.get(name) is not None and not isinstance(data[name], kind):
                raise wrong_type(name, words, data[name])
        for name, most in NUMBERS.items():
            if data.get(name) is not None:
                check_number(name, data[name], most)
        if data.get("stream_options") is not None and not call.stream:
            raise invalid(
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                "stream_options",
            )

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them."""
        return prompt_tokens(call)

    def token_limit(self, call: Call) -> int | None:
        """`max_completion_tokens`, or its old name."""
        limit = call.data.get("max_completion_tokens") or call.data.get("max_tokens")
        return limit if isinstance(limit, int) else None

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The completion, streamed if the client asked for it."""
        reply = Reply.of(call, script, setting.identity)
        return reply.streamed() if call.stream else reply.whole()

    def done(self, call: Call, setting: Setting) -> tuple[Frame, ...]:
        """`data: [DONE]`."""
        return (Frame(("done",), b"[DONE]"),)

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A chunk of the same completion with this delta."""
        reply = Reply.of(call, Script(()), setting.identity)
        return Frame(("extra",), reply.chunk(0, compact(delta)))


@dataclass(frozen=True)
class Reply:
    """One completion: what it says, and the names it bears."""

    call: Call
    script: Script
    identity: Identity
    id: str
    """`chatcmpl-` and 29 letters or digits."""
    fingerprint: str
    """`fp_` and ten hexadecimal digits."""

    @classmethod
    def of(cls, call: Call, script: Script, identity: Identity) -> Reply:
        """The reply to a call, under the names that its identity gives."""
        completion = "chatcmpl-" + identity.letters("completion", 29)
        fingerprint = "fp_" + identity.hexadecimal("fingerprint", 10)
        return cls(call, script, identity, completion, fingerprint)

    @cached_property
    def logprobs(self) -> Logprobs | None:
        """The probabilities of tokens, where the client wants them."""
        if self.call.data.get("logprobs") is not True:
            return None
        top = self.call.data.get("top_logprobs")
        return Logprobs(self.identity, top if isinstance(top, int) else 0)

    @property
    def choices(self) -> int:
        """How many choices the script wants, else how many were asked for."""
        if self.script.choices is not None:
            return self.script.choices
        return int(self.call.data.get("n") or 1)

    def option(self, name: str) -> Any:
        """One of the stream options."""
        return (self.call.data.get("stream_options") or {}).get(name)

    def tool_id(self, choice: int, number: int) -> str:
        """`call_` and 24 letters or digits."""
        return "call_" + self.identity.letters(f"call/{choice}/{number}", 24)

    # The whole document

    def whole(self) -> tuple[Message, ...]:
        """Head, one frame, end."""
        document = {
            "id": self.id,
            "object": "chat.completion",
            "created": self.identity.created,
            "model": self.call.model,
            "choices": [self.choice(index) for index in range(self.choices)],
            **({"usage": self.usage()} if self.script.has_usage else {}),
            "service_tier": "default",
            "system_fingerprint": self.fingerprint,
        }
        tokens = self.script.tokens * self.choices
        return (
            make_head("openai", 200, "application/json", self.identity),
            Frame(("body",), compact(document), tokens=tokens),
            End(),
        )

    def choice(self, index: int) -> dict[str, Any]:
        """One choice of the whole document."""
        script = self.script
        text = script.text
        other = script.tools or script.has("refusal")
        message: dict[str, Any] = {
            "role": "assistant",
            "content": text if text or not other else None,
        }
        if script.has("reasoning"):
            message["reasoning_content"] = script.text_of("reasoning")
        if self.script.tools:
            message["tool_calls"] = [
                {
                    "id": self.tool_id(index, number),
                    "type": "function",
                    "function": {"name": call.name, "arguments": "".join(call.arguments)},
                }
                for number, call in enumerate(self.script.tools)
            ]
        refusal = script.text_of("refusal") if script.has("refusal") else None
        message |= {"refusal": refusal, "annotations": []}
        return {
            "index": index,
            "message": message,
            "logprobs": self.logprobs.of_parts(script.parts) if self.logprobs else None,
            "finish_reason": self.script.finish,
        }

    def usage(self) -> dict[str, Any]:
        """Tokens: of the prompt about, of the answer exactly the pieces it has."""
        prompt = prompt_tokens(self.call)
        answer = self.script.tokens * self.choices
        computed = {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": self.script.tokens_of("reasoning") * self.choices,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        return overridden(computed, self.script.usage or {})

    # The stream

    def streamed(self) -> tuple[Message, ...]:
        """Head, chunks, `[DONE]`, end; the chunks of several choices take turns."""
        columns = [self.frames(index) for index in range(self.choices)]
        chunks = [frame for row in zip_longest(*columns) for frame in row if frame is not None]
        if self.option("include_usage") and self.script.has_usage:
            chunks.append(Frame(("usage",), self.usage_chunk()))
        return (
            make_head(
                "openai", 200, "text/event-stream; charset=utf-8", self.identity, chunked=True
            ),
            *chunks,
            Frame(("done",), b"[DONE]"),
            End(),
        )

    def frames(self, index: int) -> Iterator[Frame]:
        """The chunks of one choice."""
        parts = self.script.parts
        if not parts or isinstance(parts[0], Text):
            delta = b'{"role":"assistant","content":"","refusal":null}'
            logprobs = self.logprobs.of_nothing() if self.logprobs else b"null"
            data = self.chunk(index, delta, first=index == 0, logprobs=logprobs)
            yield Frame(("role",), data)
        number = 0
        for place, part in enumerate(parts):
            match part:
                case Text():
                    yield from self.text_frames(index, part, number)
                    number += len(part.pieces)
                case ToolCall():
                    yield from self.tool_frames(index, place, part, opens=place == 0)
        yield Frame(("finish",), self.chunk(index, b"{}", finish=self.script.finish))

    def text_frames(self, index: int, part: Text, number: int) -> Iterator[Frame]:
        """The chunks of a text, behind so many others of the choice."""
        kinds, prefix = (part.kind,), self.prefix(index, FIELDS[part.kind])
        suffixes = [self.suffix(index, mask, b"null") for mask in range(MASKS)]
        for place, piece in enumerate(part.pieces, number):
            suffix = suffixes[place % MASKS]
            if self.logprobs is not None and part.kind != "reasoning":
                suffix = self.suffix(index, place % MASKS, self.logprobs.of_piece(piece, part.kind))
            yield Frame(kinds, prefix + quoted(piece) + suffix, tokens=1)

    def tool_frames(
        self, index: int, place: int, part: ToolCall, *, opens: bool
    ) -> Iterator[Frame]:
        """The chunks of one tool call; the first of an answer carries the role too."""
        number = sum(isinstance(one, ToolCall) for one in self.script.parts[:place])
        header = {
            "index": number,
            "id": self.tool_id(index, number),
            "type": "function",
            "function": {"name": part.name, "arguments": ""},
        }
        delta: dict[str, Any] = {"tool_calls": [header]}
        if opens:
            delta = {"role": "assistant", "content": None, **delta, "refusal": None}
        kinds = ("role", "tool") if opens else ("tool",)
        data = self.chunk(index, compact(delta), first=opens and index == 0)
        yield Frame(kinds, data, part=number + 1)
        for arguments in part.arguments:
            more = {"tool_calls": [{"index": number, "function": {"arguments": arguments}}]}
            yield Frame(("tool",), self.chunk(index, compact(more)), part=number + 1, tokens=1)

    def prefix(self, index: int, field: str) -> bytes:
        """What stands before the text of a plain chunk."""
        head = compact(self.common(first=False))[:-1]
        return head + b',"choices":[{"index":%d,"delta":{"%b":' % (index, field.encode())

    def suffix(self, index: int, mask: int, logprobs: bytes) -> bytes:
        """What stands behind the text of a plain chunk."""
        tail = b'},"logprobs":%b,"finish_reason":null}]' % logprobs
        return tail + self.closing(self.mask(index, mask))

    def chunk(
        self,
        index: int,
        delta: bytes,
        *,
        first: bool = False,
        finish: str | None = None,
        logprobs: bytes = b"null",
    ) -> bytes:
        """One chunk with a choice."""
        head = compact(self.common(first=first))[:-1]
        reason = b"null" if finish is None else quoted(finish)
        mask = self.mask(index, len(delta))
        if mask is not None and finish is not None:
            mask = ""  # the capture's last chunk carries an empty one
        return (
            head
            + b',"choices":[{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}]'
            % (index, delta, logprobs, reason)
            + self.closing(mask)
        )

    def closing(self, mask: str | None) -> bytes:
        """What follows the choices of a chunk."""
        usage = b',"usage":null' if self.option("include_usage") else b""
        if mask is None:
            return usage + b"}"
        return usage + b',"obfuscation":"%b"}' % mask.encode()

    def common(self, *, first: bool) -> dict[str, Any]:
        """The fields that every chunk begins with."""
        tier = {"service_tier": "default"} if first else {}
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.identity.created,
            "model": self.call.model,
            **tier,
            "system_fingerprint": self.fingerprint,
        }

    def usage_chunk(self) -> bytes:
        """The chunk without choices."""
        return compact({**self.common(first=False), "choices": [], "usage": self.usage()})

    def mask(self, index: int, number: int) -> str | None:
        """The random text of `obfuscation`; None where the client does not want it."""
        if self.option("include_obfuscation") is False:
            return None
        return self.identity.hexadecimal(f"mask/{index}/{number % MASKS}", 8)


def overridden(usage: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The usage with other values in it; mappings are merged, null is a value."""
    return usage | {
        key: overridden(usage[key], value)
        if isinstance(value, dict) and isinstance(usage.get(key), dict)
        else value
        for key, value in values.items()
    }


def compact(value: Any) -> bytes:
    """JSON without spaces, in UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")


def quoted(text: str) -> bytes:
    """A JSON string."""
    return json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")


def prompt_tokens(call: Call) -> int:
    """About the tokens of all message texts, and the overhead of a chat."""
    total = TOKENS_PER_REPLY
    for message in call.data.get("messages") or ():
        total += TOKENS_PER_MESSAGE + sum(map(count_tokens, texts_of(message)))
    return total


def check_message(where: str, message: Any) -> None:
    """Refuse a message without a known role."""
    if not isinstance(message, dict):
        raise wrong_type(where, "an object", message)
    role = message.get("role")
    if role is None:
        raise invalid(
            f"Missing required parameter: '{where}.role'.",
            f"{where}.role",
            "missing_required_parameter",
        )
    if role not in ROLES:
        names = ", ".join(f"'{name}'" for name in ROLES[:-1]) + f", and '{ROLES[-1]}'"
        raise invalid(
            f"Invalid value: '{role}'. Supported values are: {names}.",
            f"{where}.role",
            "invalid_value",
        )


def check_number(name: str, value: Any, most: float) -> None:
    """Refuse what is no whole number from 1 to the most that is allowed."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise wrong_type(name, "an integer", value)
    if value < 1:
        raise invalid(
            f"Invalid '{name}': integer below minimum value. Expected a value >= 1, "
            f"but got {value} instead.",
            name,
            "integer_below_min_value",
        )
    if value > most:
        raise invalid(
            f"Invalid '{name}': integer above maximum value. Expected a value <= {most}, "
            f"but got {value} instead.",
            name,
            "integer_above_max_value",
        )


def invalid(message: str, param: str | None = None, code: str | None = None) -> Refused:
    """A 400 of OpenAI."""
    return Refused(
        ErrorSpec(
            status=400,
            message=message,
            error_type="invalid_request_error",
            param=param,
            code=code,
        )
    )


def wrong_type(param: str, wanted: str, got: Any) -> Refused:
    """A 400 for a value of the wrong type."""
    match got:
        case bool():
            name = "a boolean"
        case int():
            name = "an integer"
        case float():
            name = "a decimal number"
        case str():
            name = "a string"
        case list():
            name = "an array"
        case _:
            name = "an object"
    return invalid(
        f"Invalid type for '{param}': expected {wanted}, but got {name} instead.",
        param,
        "invalid_type",
    )
