"""How servers write chat completions: which fields, in which order, under which names.

`ChatForm` writes as OpenAI does (captures of 2024-2026, documented) and says what another server may
do otherwise; `chat_forms` has those servers. A form makes documents from what it is given and knows
nothing of requests or scripts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from mockllm.scripts.script import TextKind
from mockllm.timeline.valueclass import valueclass
from mockllm.wires.identity import Identity

ChunkKind = Literal["role", "text", "tool", "finish", "usage"]


@valueclass(frozen=True, slots=True)
class Named:
    """What an answer is called, and when it was made."""

    id: str
    model: str | None
    created: int
    fingerprint: str


@valueclass(frozen=True, slots=True)
class Options:
    """What the client wants to see in the chunks of a stream."""

    usage: bool = False
    """A chunk with the usage at the end (`stream_options.include_usage`)."""
    each_usage: bool = False
    """The usage so far in every chunk (vLLM's `stream_options.continuous_usage_stats`)."""
    obfuscation: bool = True
    """Random text in every chunk (`stream_options.include_obfuscation`)."""


@valueclass(frozen=True, slots=True)
class Chunk:
    """One chunk of a stream, before a form writes it."""

    named: Named
    kind: ChunkKind
    options: Options
    index: int = 0
    """The choice that it belongs to; a usage chunk has none."""
    delta: Mapping[str, Any] = field(default_factory=dict)
    logprobs: Any = None
    finish: str | None = None
    first: bool = False
    """Whether it is the first of the whole stream."""
    mask: str = ""
    """The text of its obfuscation."""
    usage: Any = None
    """The usage so far; None where nobody counts it."""


class ChatForm:
    """OpenAI's own form."""

    fields: Mapping[TextKind, str] = {
        "content": "content",
        "reasoning": "reasoning_content",
        "refusal": "refusal",
    }
    """The key of each kind of text in a delta and in a message. OpenAI itself never shows what its
    models think; `reasoning_content` is DeepSeek's field (documented)."""
    opening: Literal["always", "text", "never"] = "text"
    """Whether a stream begins with a chunk for the role: only where a text comes first, always, or
    never, because the other chunks carry the role."""
    renames: bool = False
    """Whether every chunk has an id of its own."""
    usage_chunk: bool = True
    """Whether the usage of a stream has a chunk of its own; else it stands on the last one."""
    spaced_lines: bool = True
    """Whether a line of its event streams has the optional space: `data: `."""

    def id(self, identity: Identity, label: str = "completion") -> str:
        """The id of a completion: `chatcmpl-` and 29 letters or digits."""
        return "chatcmpl-" + identity.letters(label, 29)

    def fingerprint(self, identity: Identity) -> str:
        """`fp_` and ten hexadecimal digits."""
        return "fp_" + identity.hexadecimal("fingerprint", 10)

    def tool_id(self, identity: Identity, label: str) -> str:
        """The id of a tool call: `call_` and 24 letters or digits."""
        return "call_" + identity.letters(label, 24)

    def finish(self, reason: str) -> str:
        """The finish reason as the server says it."""
        return reason

    # Deltas

    def role_delta(self) -> dict[str, Any]:
        """The delta of the chunk for the role."""
        return {"role": "assistant", "content": "", "refusal": None}

    def text_delta(self, kind: TextKind, text: str) -> dict[str, Any]:
        """The delta of a piece of text."""
        return {self.fields[kind]: text}

    def tool_deltas(
        self, number: int, id: str, name: str, arguments: tuple[str, ...], *, opens: bool
    ) -> list[tuple[dict[str, Any], int]]:
        """The deltas of a tool call, each with its tokens; `opens`: the answer begins with it.

        The first has id, type, name and empty arguments, the later ones only pieces of the
        arguments (openai-openapi, ChatCompletionMessageToolCallChunk).
        """
        function = {"name": name, "arguments": ""}
        header: dict[str, Any] = {"index": number, "id": id, "type": "function"}
        delta: dict[str, Any] = {"tool_calls": [{**header, "function": function}]}
        if opens:
            delta = {"role": "assistant", "content": None, **delta, "refusal": None}
        pieces = (
            {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
            for piece in arguments
        )
        return [(delta, 0), *((piece, 1) for piece in pieces)]

    def finish_delta(self) -> dict[str, Any]:
        """The delta of the last chunk."""
        return {}

    # Logprobs

    def no_logprobs(self) -> Any:
        """The logprobs of the chunk for the role, where the client wants logprobs."""
        return {"content": [], "refusal": None}

    def logprobs(self, found: dict[str, Any]) -> Any:
        """The probabilities of a choice's tokens, of its content or of its refusal."""
        return found

    # Documents

    def preamble(self) -> tuple[dict[str, Any], ...]:
        """What comes ahead of all chunks."""
        return ()

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """A chunk. With the usage wanted at the end, every other chunk has a null in its place."""
        named, options = chunk.named, chunk.options
        masked = options.obfuscation and chunk.kind != "usage"
        return {
            "id": named.id,
            "object": "chat.completion.chunk",
            "created": named.created,
            "model": named.model,
            **({"service_tier": "default"} if chunk.first else {}),
            "system_fingerprint": named.fingerprint,
            "choices": [] if chunk.kind == "usage" else [self.chunk_choice(chunk)],
            **({"usage": chunk.usage if chunk.kind == "usage" else None} if options.usage else {}),
            **({"obfuscation": chunk.mask} if masked else {}),
        }

    def chunk_choice(self, chunk: Chunk) -> dict[str, Any]:
        """The choice in a chunk."""
        return {
            "index": chunk.index,
            "delta": chunk.delta,
            "logprobs": chunk.logprobs,
            "finish_reason": chunk.finish,
        }

    def message(
        self, texts: Mapping[str, str | None], tools: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        """The message of a whole completion, from its texts by field and its tool calls."""
        thought = texts.get("reasoning_content")
        return {
            "role": "assistant",
            "content": texts.get("content"),
            **({} if thought is None else {"reasoning_content": thought}),
            **({"tool_calls": tools} if tools else {}),
            "refusal": texts.get("refusal"),
            "annotations": [],
        }

    def choice(
        self, index: int, message: dict[str, Any], logprobs: Any, finish: str
    ) -> dict[str, Any]:
        """A choice of a whole completion."""
        return {
            "index": index,
            "message": message,
            "logprobs": logprobs,
            "finish_reason": finish,
        }

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A whole completion; None for the usage of a script that has none."""
        return {
            **opening(named, choices),
            **({} if usage is None else {"usage": usage}),
            "service_tier": "default",
            "system_fingerprint": named.fingerprint,
        }

    def usage(self, prompt: int, answer: int, thought: int, *, whole: bool) -> dict[str, Any]:
        """The tokens of the request, of the answer, and of what was thought within it; `whole`:
        in a whole completion, not in a chunk."""
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": thought,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


OPENAI_CHAT = ChatForm()


def opening(named: Named, choices: list[dict[str, Any]]) -> dict[str, Any]:
    """What every whole completion begins with, whoever writes it."""
    return {
        "id": named.id,
        "object": "chat.completion",
        "created": named.created,
        "model": named.model,
        "choices": choices,
    }
