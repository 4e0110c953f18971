"""`openai.chat`: OpenAI chat completions, streamed and whole, in the forms of several servers.

Order and form of the chunks follow captures of OpenAI's API, 2024–2026 (documented): the role
chunk with empty content, content chunks, a chunk with an empty delta and the finish reason, with
`stream_options.include_usage` a chunk without choices that carries the usage (and `"usage":null`
on every chunk before it), then `[DONE]`. `service_tier` stands on the first chunk only;
`obfuscation` on every chunk with a choice unless `stream_options.include_obfuscation` is false.
How OpenAI and other servers write each of these, `chat_form` and `chat_forms` know.

A refusal streams as `delta.refusal` (openai-openapi). With `logprobs` the role chunk carries empty
lists, each content chunk its own tokens, the last chunk null (a capture of 2024-09, documented);
one piece is one token here.

With `store` a completion is kept, whole, also where it was streamed (`openai_chat_stored`).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from functools import cached_property, partial
from itertools import zip_longest
from typing import Any, ClassVar

from mockllm.matchers.call import Call, Later
from mockllm.scripts.script import Script, Text, ToolCall
from mockllm.scripts.tokens import count_tokens
from mockllm.timeline.events import End, Frame, Message
from mockllm.timeline.valueclass import replace, valueclass
from mockllm.wires.chat_form import ChatForm, Chunk, ChunkKind, Named, Options
from mockllm.wires.chat_request import conversation, stream_options, texts_of
from mockllm.wires.chat_stored import stored
from mockllm.wires.dialects import Dialect, dialect_of_path
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import around, place, template, without
from mockllm.wires.json_bytes import compact as compact
from mockllm.wires.json_bytes import quoted as quoted
from mockllm.wires.logprobs import Logprobs
from mockllm.wires.openai_check import (
    check_json,
    check_model,
    check_numbers,
    check_stream,
    check_stream_options,
    missing,
    unsupported_value,
)
from mockllm.wires.openai_check import invalid as invalid
from mockllm.wires.openai_check import wrong_type as wrong_type
from mockllm.wires.refusals import check_as
from mockllm.wires.wire import Effect, Setting, Understood, Wire

ROLES = ("system", "assistant", "user", "function", "tool", "developer")
TOKENS_PER_MESSAGE = 4
TOKENS_PER_REPLY = 3
NUMBERS: Mapping[str, tuple[int, float]] = {
    "n": (1, 128),
    "max_tokens": (1, math.inf),
    "max_completion_tokens": (1, math.inf),
}
"""Parameters that are whole numbers, with their least and largest value (openai-openapi)."""
FIELDS = {"messages": list, "model": str, "temperature": float, "max_tokens": int, "stream": bool}
"""What pydantic looks at in the servers that check with it."""
MASKS = 16
"""How many different obfuscations a choice has; they repeat, because nobody reads them."""
MASK = 8
"""Their length."""
STORING = ("openai", "azure")
"""The dialects whose servers keep completions."""
NULLS_REFUSED = ("openai", "azure")
"""The dialects whose servers refuse null as the content of a message."""
NULLABLE = ("assistant", "function")
"""The roles whose messages may have it (openai-openapi)."""


class OpenAIChat(Wire):
    """POST /v1/chat/completions, KServe's /openai/v1/…, and Azure's deployments."""

    name: ClassVar = "openai.chat"
    source: ClassVar = "Captures of OpenAI's API, 2024–2026, and openai-openapi (documented)."
    endpoints: ClassVar = (
        ("POST", "/v1/chat/completions"),
        ("POST", "/openai/v1/chat/completions"),
        ("POST", "/openai/deployments/{deployment}/chat/completions"),
    )

    def dialect_of(self, call: Call) -> str:
        """OpenAI's, Azure's or KServe's."""
        return dialect_of_path(call)

    def understand(self, call: Call) -> Understood:
        """Model, stream and conversation; a deployment is a model where the body names none."""
        data, model = call.data, call.data.get("model")
        named = model if isinstance(model, str) and model else call.params.get("deployment")
        said = Later(partial(conversation, data))
        return Understood(named, data.get("stream") is True, said)

    def gist(self, call: Call, setting: Setting) -> Hashable | None:
        """All but the messages, of which only the tokens are told, where they are told; a wire that is
        made from this one may tell more."""
        if type(self) is not OpenAIChat:
            return None
        rest = without(call.data, "messages")
        options = stream_options(call.data)
        told = not call.stream or options.usage or not setting.dialect.chat.usage_chunk
        return rest, self.prompt_tokens(call) if told or options.each_usage else None

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what OpenAI refuses: no model, no messages, wrong types, usage without stream."""
        needed = setting.dialect.needs_model
        nulls = setting.dialect.name not in NULLS_REFUSED

        def check(call: Call) -> None:
            """As OpenAI does."""
            check_json(call)
            check_model(call, needed=needed)
            check_messages(call.data.get("messages"), nulls=nulls)
            check_stream(call)
            check_numbers(call.data, NUMBERS)
            check_stream_options(call)

        check_as(call, setting, "create_chat_completion", FIELDS, "messages", check)

    def prompt_tokens(self, call: Call) -> int:
        """As the usage counts them."""
        return prompt_tokens(call)

    def token_limit(self, call: Call) -> int | None:
        """`max_completion_tokens`, or its old name."""
        limit = call.data.get("max_completion_tokens") or call.data.get("max_tokens")
        return limit if isinstance(limit, int) else None

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The completion, streamed if the client asked for it."""
        reply = Reply.of(call, script, setting)
        return reply.streamed() if call.stream else reply.whole()

    def effects(self, call: Call, script: Script, setting: Setting) -> tuple[Effect, ...]:
        """With `store: true` the completion is kept."""
        if call.data.get("store") is not True or setting.dialect.name not in STORING:
            return ()
        document = Reply.of(call, script, setting).document()
        return (stored(call, document, setting.identity),)

    def error_frame(self, call: Call, document: bytes, setting: Setting) -> Frame:
        """The error, in a line like the others."""
        return Frame(("error",), document, spaced=setting.dialect.chat.spaced_lines)

    def done(self, call: Call, setting: Setting) -> tuple[Frame, ...]:
        """`data: [DONE]`."""
        return (done_frame(setting.dialect),)

    def delta(self, call: Call, delta: dict[str, Any], setting: Setting) -> Frame:
        """A chunk of the same completion with this delta."""
        reply = Reply.of(call, Script(()), setting)
        data = compact(reply.form.chunk(reply.chunk("text", delta=delta)))
        return Frame(("extra",), data, spaced=reply.form.spaced_lines)


def done_frame(dialect: Dialect) -> Frame:
    """What ends a stream."""
    return Frame(("done",), b"[DONE]", spaced=dialect.chat.spaced_lines)


@valueclass(frozen=True)
class Reply:
    """One completion: what it says, and the names it bears."""

    call: Call
    script: Script
    identity: Identity
    dialect: Dialect
    named: Named
    options: Options

    @classmethod
    def of(cls, call: Call, script: Script, setting: Setting) -> Reply:
        """The reply to a call, under the names that its identity gives."""
        form, identity = setting.dialect.chat, setting.identity
        model = call.model or setting.models[0]
        named = Named(form.id(identity), model, identity.created, form.fingerprint(identity))
        return cls(call, script, identity, setting.dialect, named, stream_options(call.data))

    @property
    def form(self) -> ChatForm:
        """How its server writes."""
        return self.dialect.chat

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

    @property
    def finish(self) -> str:
        """Why it ends, in the words of its server."""
        return self.form.finish(self.script.finish)

    def tool_id(self, choice: int, number: int) -> str:
        """The id of a tool call."""
        return self.form.tool_id(self.identity, f"call/{choice}/{number}")

    # The whole document

    def whole(self) -> tuple[Message, ...]:
        """Head, one frame, end."""
        tokens = self.script.tokens * self.choices
        return (
            self.dialect.head(self.identity),
            Frame(("body",), compact(self.document()), tokens=tokens),
            End(),
        )

    def document(self) -> dict[str, Any]:
        """The completion as one document."""
        choices = [self.choice(index) for index in range(self.choices)]
        return self.form.document(self.named, choices, self.usage(whole=True))

    def choice(self, index: int) -> dict[str, Any]:
        """One choice of the whole document."""
        script = self.script
        tools = [
            {
                "id": call.id or self.tool_id(index, number),
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.arguments)},
            }
            for number, call in enumerate(script.tools)
        ]
        found = self.logprobs.of_parts(script.parts) if self.logprobs else None
        logprobs = None if found is None else self.form.logprobs(found)
        return self.form.choice(
            index, self.form.message(self.texts(), tools), logprobs, self.finish
        )

    def texts(self) -> dict[str, str | None]:
        """The texts by the field that they stand in; null for content that something else is
        there instead of."""
        found: dict[str, str | None] = {}
        for part in self.script.parts:
            if isinstance(part, Text):
                name = self.form.fields[part.kind]
                found[name] = (found.get(name) or "") + "".join(part.pieces)
        if not found.get("content"):
            found["content"] = None if self.script.tools or "refusal" in found else ""
        return found

    def usage(self, *, whole: bool, tokens: int | None = None) -> dict[str, Any] | None:
        """Tokens: of the prompt about, of the answer exactly the pieces it has, or so many; None
        for a script without usage."""
        if not self.script.has_usage:
            return None
        prompt = self.prompt
        answer = self.script.tokens * self.choices if tokens is None else tokens
        thought = self.script.tokens_of("reasoning") * self.choices if tokens is None else 0
        computed = self.form.usage(prompt, answer, thought, whole=whole)
        return overridden(computed, self.script.usage or {})

    @cached_property
    def prompt(self) -> int:
        """The tokens of the request."""
        return prompt_tokens(self.call)

    # The stream

    def streamed(self) -> tuple[Message, ...]:
        """Head, chunks, `[DONE]`, end; the chunks of several choices take turns."""
        columns = [self.frames(index) for index in range(self.choices)]
        frames = [Frame(("extra",), compact(one)) for one in self.form.preamble()]
        frames += [frame for row in zip_longest(*columns) for frame in row if frame is not None]
        if self.options.usage and self.script.has_usage and self.form.usage_chunk:
            chunk = self.chunk("usage")
            frames.append(Frame(("usage",), compact(self.form.chunk(chunk))))
        if not self.form.spaced_lines:
            frames = [replace(frame, spaced=False) for frame in frames]
        return (
            self.dialect.stream_head(self.identity),
            *frames,
            done_frame(self.dialect),
            End(),
        )

    def frames(self, index: int) -> Iterator[Frame]:
        """The chunks of one choice."""
        parts, opening = self.script.parts, self.form.opening
        text_first = not parts or isinstance(parts[0], Text)
        if opening == "always" or (opening == "text" and text_first):
            yield self.role_frame(index)
        number = 0
        for step, part in enumerate(parts):
            # Where no chunk is there for the role alone, the first one carries it.
            bears = step == 0 and (opening == "never" or (opening == "text" and not text_first))
            match part:
                case Text():
                    yield from self.text_frames(index, part, number, bears=bears)
                    number += len(part.pieces)
                case ToolCall():
                    yield from self.tool_frames(index, step, part, bears=bears)
        yield self.finish_frame(index)

    def role_frame(self, index: int) -> Frame:
        """The chunk that says who speaks."""
        logprobs = self.form.no_logprobs() if self.logprobs else None
        delta = self.form.role_delta()
        chunk = self.chunk("role", index, delta=delta, first=index == 0, logprobs=logprobs)
        return Frame(("role",), compact(self.form.chunk(chunk)))

    def finish_frame(self, index: int) -> Frame:
        """The chunk that says why the choice ends; where its server says the usage there, too."""
        delta, tokens = self.form.finish_delta(), self.script.tokens
        chunk = self.chunk("finish", index, delta=delta, finish=self.finish, tokens=tokens)
        said = not self.form.usage_chunk and self.script.has_usage
        kinds = ("finish", "usage") if said else ("finish",)
        return Frame(kinds, compact(self.form.chunk(chunk)))

    def text_frames(self, index: int, part: Text, number: int, *, bears: bool) -> Iterator[Frame]:
        """The chunks of a text, behind so many others of the choice."""
        delta = self.form.text_delta(part.kind, place("text"))
        chunk = self.chunk("text", index, delta=delta, logprobs=place("logprobs"))
        chunk = replace(
            chunk,
            named=replace(self.named, id=place("id")),
            mask=place("mask"),
            usage=place("usage"),
        )
        form = template(self.form.chunk(chunk), "text", "logprobs", "id", "mask", "usage")
        values = {b"id": quoted(self.named.id), b"logprobs": b"null", b"usage": b"null"}
        masks = list(map(quoted, self.masks(index)))
        # Most chunks differ in text and mask alone: what stands around the text is made once.
        shells = [around(form, b"text", {**values, b"mask": mask}) for mask in masks]
        wanted = self.logprobs if part.kind != "reasoning" else None
        differs = self.form.renames or self.options.each_usage or wanted is not None
        kinds = (part.kind,)
        for step, piece in enumerate(part.pieces, number):
            before, behind = shells[step % MASKS]
            if differs:
                more = self.differing(index, step, piece, part.kind if wanted else None)
                values = {**values, **more, b"mask": masks[step % MASKS]}
                before, behind = around(form, b"text", values)
            bearing = ("role", *kinds) if bears and step == number else kinds
            yield Frame(bearing, before + quoted(piece) + behind, tokens=1)

    def differing(self, index: int, step: int, piece: str, kind: str | None) -> dict[bytes, bytes]:
        """What else differs in the chunks of a text, where the server or the client wants it;
        `kind`: of the text whose probabilities are wanted."""
        found: dict[bytes, bytes] = {}
        if self.form.renames:
            found[b"id"] = quoted(self.form.id(self.identity, f"chunk/{index}/{step}"))
        if self.logprobs is not None and kind is not None:
            found[b"logprobs"] = compact(self.form.logprobs(self.logprobs.of_piece(piece, kind)))
        if self.options.each_usage:
            found[b"usage"] = compact(self.usage(whole=False, tokens=step + 1))
        return found

    def tool_frames(self, index: int, step: int, part: ToolCall, *, bears: bool) -> Iterator[Frame]:
        """The chunks of one tool call; the first of an answer may carry the role too."""
        number = sum(isinstance(one, ToolCall) for one in self.script.parts[:step])
        id = part.id or self.tool_id(index, number)
        deltas = self.form.tool_deltas(number, id, part.name, part.arguments, opens=bears)
        said = replace(self.script, parts=self.script.parts[:step]).tokens
        for turn, (delta, tokens) in enumerate(deltas):
            first = bears and turn == 0
            said += tokens
            chunk = self.chunk(
                "tool",
                index,
                delta=delta,
                first=first and index == 0,
                tokens=said,
                number=turn,
            )
            kinds = ("role", "tool") if first else ("tool",)
            data = compact(self.form.chunk(chunk))
            yield Frame(kinds, data, part=number + 1, tokens=tokens)

    def chunk(
        self,
        kind: ChunkKind,
        index: int = 0,
        *,
        delta: Mapping[str, Any] | None = None,
        logprobs: Any = None,
        finish: str | None = None,
        first: bool = False,
        tokens: int = 0,
        number: int = 0,
    ) -> Chunk:
        """A chunk under the names of this reply, behind so many tokens of its choice."""
        named, delta = self.named, delta or {}
        if self.form.renames:
            named = replace(named, id=self.form.id(self.identity, f"{kind}/{index}/{number}"))
        usage = None
        if kind == "usage" or (kind == "finish" and not self.form.usage_chunk):
            usage = self.usage(whole=False)
        elif self.options.each_usage:
            usage = self.usage(whole=False, tokens=tokens)
        # The last chunk of OpenAI's captures has an empty mask.
        mask = "" if finish is not None else self.mask(index, number)
        return Chunk(
            named,
            kind,
            self.options,
            index,
            delta,
            logprobs,
            finish,
            first,
            mask,
            usage,
        )

    def mask(self, index: int, number: int) -> str:
        """The random text of `obfuscation`."""
        return self.masks(index)[number % MASKS]

    def masks(self, index: int) -> tuple[str, ...]:
        """Those of a choice."""
        if index not in self._masks:
            self._masks[index] = self.identity.hexadecimals(f"masks/{index}", MASK, MASKS)
        return self._masks[index]

    @cached_property
    def _masks(self) -> dict[int, tuple[str, ...]]:
        """Those of all choices that were asked for."""
        return {}


def overridden(usage: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The usage with other values in it; mappings are merged, null is a value."""
    return usage | {
        key: overridden(usage[key], value)
        if isinstance(value, dict) and isinstance(usage.get(key), dict)
        else value
        for key, value in values.items()
    }


def prompt_tokens(call: Call) -> int:
    """About the tokens of all message texts, and the overhead of a chat; also of a request that is
    refused, whose messages may be anything."""
    found = call.data.get("messages")
    messages = found if isinstance(found, list) else ()
    texts = (text for message in messages for text in texts_of(message))
    return TOKENS_PER_REPLY + TOKENS_PER_MESSAGE * len(messages) + count_tokens(*texts)


def check_messages(messages: Any, *, nulls: bool = True) -> None:
    """Refuse what is no list of messages; with `nulls` any of them may have null as content."""
    if messages is None:
        raise missing("messages")
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
        if not nulls and message["role"] not in NULLABLE:
            check_content(f"messages.[{index}].content", message)


def check_message(where: str, message: Any) -> None:
    """Refuse a message without a known role."""
    if not isinstance(message, dict):
        raise wrong_type(where, "an object", message)
    role = message.get("role")
    if role is None:
        raise missing(f"{where}.role")
    if role not in ROLES:
        raise unsupported_value(f"{where}.role", role, ROLES)


def check_content(param: str, message: Mapping[str, Any]) -> None:
    """Refuse null as the content of a message (documented: a public report of OpenAI's answer,
    langchainjs#4153); that there must be one is not looked at."""
    if "content" in message and message["content"] is None:
        raise invalid("Invalid value for 'content': expected a string, got null.", param)
