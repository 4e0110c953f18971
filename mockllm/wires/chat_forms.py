"""Servers that write chat completions otherwise than OpenAI: Azure, vLLM, LitServe and TGI.

Azure: captures of 2025 and 2026 (documented). Every object has its keys in alphabetical order; a
first chunk without choices says what the filters found in the prompt. vLLM 0.24.0 and LitServe
0.2.19: observed; what the captures do not show (tool calls) from captures of vLLM 0.23 and of NIM
(documented) and from LitServe's source (read). TGI 3.3: its source (read) and captures of 3.0
(documented).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mockllm.scripts.script import TextKind
from mockllm.wires.chat_form import ChatForm, Chunk, Named, opening
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import in_order

SAFE = {
    name: {"filtered": False, "severity": "safe"}
    for name in ("hate", "self_harm", "sexual", "violence")
}
"""What Azure's filters find in harmless text."""
PROMPT_SAFE = {
    "hate": SAFE["hate"],
    "jailbreak": {"filtered": False, "detected": False},
    "self_harm": SAFE["self_harm"],
    "sexual": SAFE["sexual"],
    "violence": SAFE["violence"],
}
PROMPT_FILTER_RESULTS = [{"prompt_index": 0, "content_filter_results": PROMPT_SAFE}]
"""What they find in a harmless prompt; here not all keys are in order (documented)."""
PROMPT_CHUNK: dict[str, Any] = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": PROMPT_FILTER_RESULTS,
}
"""The first chunk of a stream, of chat and of text: it tells of the prompt alone (documented)."""


class AzureChat(ChatForm):
    """Azure OpenAI: OpenAI's fields in alphabetical order, and what the content filters found."""

    def preamble(self) -> tuple[dict[str, Any], ...]:
        """The chunk that tells of the prompt: no choices, and neither id, model nor time."""
        return (PROMPT_CHUNK,)

    def logprobs(self, found: dict[str, Any]) -> Any:
        """In order, like everything."""
        return in_order(found)

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """OpenAI's chunk, in order; it has no tier."""
        document = super().chunk(chunk)
        document.pop("service_tier", None)
        return in_order(document)  # type: ignore[no-any-return]

    def chunk_choice(self, chunk: Chunk) -> dict[str, Any]:
        """Text comes with what the filter found in it, everything else with nothing."""
        found = SAFE if chunk.kind == "text" else {}
        return {"content_filter_results": found, **super().chunk_choice(chunk)}

    def choice(
        self, index: int, message: dict[str, Any], logprobs: Any, finish: str
    ) -> dict[str, Any]:
        """The same in a whole completion."""
        found = {} if message.get("tool_calls") else SAFE
        choice = super().choice(index, message, logprobs, finish)
        return {"content_filter_results": found, **choice}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """OpenAI's document, in order but for the results of the prompt's filter."""
        document = super().document(named, choices, usage)
        del document["service_tier"]
        document["prompt_filter_results"] = None
        ordered = in_order(document)
        ordered["prompt_filter_results"] = PROMPT_FILTER_RESULTS
        return ordered  # type: ignore[no-any-return]


class VllmChat(ChatForm):
    """vLLM 0.24.0, and KServe's model server, which passes its chunks on.

    The last chunk has empty content, as where a model ends of its own; what is thought is
    `reasoning`. The fingerprint stands on the last chunk only.
    """

    fields: Mapping[TextKind, str] = {
        "content": "content",
        "reasoning": "reasoning",
        "refusal": "content",
    }
    opening = "always"

    def id(self, identity: Identity, label: str = "completion") -> str:
        """`chatcmpl-` and 16 hexadecimal digits."""
        return "chatcmpl-" + identity.hexadecimal(label, 16)

    def fingerprint(self, identity: Identity) -> str:
        """The version, and eight hexadecimal digits that depend on its configuration."""
        return VLLM_FINGERPRINT

    def tool_id(self, identity: Identity, label: str) -> str:
        """`chatcmpl-tool-` and 16 hexadecimal digits."""
        return "chatcmpl-tool-" + identity.hexadecimal(label, 16)

    def role_delta(self) -> dict[str, Any]:
        """Without a refusal."""
        return {"role": "assistant", "content": ""}

    def finish_delta(self) -> dict[str, Any]:
        """Empty content."""
        return {"content": ""}

    def tool_deltas(
        self, number: int, id: str, name: str, arguments: tuple[str, ...], *, opens: bool
    ) -> list[tuple[dict[str, Any], int]]:
        """The first delta has no arguments."""
        header = {"id": id, "type": "function", "index": number, "function": {"name": name}}
        pieces = ({"index": number, "function": {"arguments": piece}} for piece in arguments)
        return [
            ({"tool_calls": [header]}, 0),
            *(({"tool_calls": [piece]}, 1) for piece in pieces),
        ]

    def no_logprobs(self) -> Any:
        """None."""
        return None

    def logprobs(self, found: dict[str, Any]) -> Any:
        """Of all text together."""
        return {"content": tokens_of(found)}

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """The usage stands only where it is wanted in every chunk, or in a chunk of its own."""
        named, options = chunk.named, chunk.options
        last = "usage" if options.usage else "finish"
        counted = options.each_usage or chunk.kind == "usage"
        prompt = {"prompt_token_ids": None, "prompt_text": None}
        return {
            "id": named.id,
            "object": "chat.completion.chunk",
            "created": named.created,
            "model": named.model,
            "choices": [] if chunk.kind == "usage" else [self.chunk_choice(chunk)],
            **({"usage": chunk.usage} if counted else {}),
            **({"system_fingerprint": named.fingerprint} if chunk.kind == last else {}),
            **(prompt if chunk.kind == "role" else {}),
        }

    def chunk_choice(self, chunk: Chunk) -> dict[str, Any]:
        """OpenAI's choice, the reason of the stop, and the ids of the tokens but for the role."""
        return {
            **super().chunk_choice(chunk),
            **({"stop_reason": None} if chunk.kind == "finish" else {}),
            **({} if chunk.kind == "role" else {"token_ids": None}),
        }

    def message(
        self, texts: Mapping[str, str | None], tools: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        """Every field of OpenAI's, most of them null."""
        return {
            "role": "assistant",
            "content": texts.get("content"),
            "refusal": None,
            "annotations": None,
            "audio": None,
            "function_call": None,
            **({"tool_calls": tools} if tools else {}),
            "reasoning": texts.get("reasoning"),
        }

    def choice(
        self, index: int, message: dict[str, Any], logprobs: Any, finish: str
    ) -> dict[str, Any]:
        """OpenAI's choice and vLLM's own fields."""
        choice = super().choice(index, message, logprobs, finish)
        return {**choice, "stop_reason": None, "token_ids": None, "routed_experts": None}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """OpenAI's document and vLLM's own fields."""
        return {
            **opening(named, choices),
            "service_tier": None,
            "system_fingerprint": named.fingerprint,
            **({} if usage is None else {"usage": usage}),
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "prompt_text": None,
            "kv_transfer_params": None,
        }

    def usage(self, prompt: int, answer: int, thought: int, *, whole: bool) -> dict[str, Any]:
        """In another order than OpenAI's, without details."""
        return {
            "prompt_tokens": prompt,
            "total_tokens": prompt + answer,
            "completion_tokens": answer,
            **({"prompt_tokens_details": None} if whole else {}),
        }


def tokens_of(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tokens of a content or a refusal."""
    return [*(found["content"] or ()), *(found["refusal"] or ())]


VLLM_FINGERPRINT = "vllm-0.24.0-ed18ee32"


def in_content(texts: Mapping[str, str | None]) -> str:
    """The text of a message that has no null."""
    return texts.get("content") or ""


class LitServeChat(ChatForm):
    """LitServe's OpenAI specification: each chunk has an id of its own and the role, null is never
    left out, the usage comes with the last chunk, and the end is always `stop`.

    It knows neither reasoning nor refusals; both come as content. Usage is what the served API
    tells; one that tells nothing has zeros.
    """

    fields: Mapping[TextKind, str] = dict.fromkeys(("content", "reasoning", "refusal"), "content")
    opening = "never"
    renames = True
    usage_chunk = False

    def id(self, identity: Identity, label: str = "completion") -> str:
        """`chatcmpl-` and six hexadecimal digits."""
        return "chatcmpl-" + identity.hexadecimal(label, 6)

    def finish(self, reason: str) -> str:
        """`stop`, whatever the reason."""
        return "stop"

    def said(self, role: str | None, content: str | None, tools: Any = None) -> dict[str, Any]:
        """A message or delta with all of its fields."""
        return {
            "role": role,
            "content": content,
            "name": None,
            "tool_calls": tools,
            "tool_call_id": None,
        }

    def text_delta(self, kind: TextKind, text: str) -> dict[str, Any]:
        """The role is on every one."""
        return self.said("assistant", text)

    def tool_deltas(
        self, number: int, id: str, name: str, arguments: tuple[str, ...], *, opens: bool
    ) -> list[tuple[dict[str, Any], int]]:
        """The first delta carries the first arguments; the later ones repeat the fields."""
        return [
            (self.said("assistant", "", [called(number, id, name, piece, place == 0)]), 1)
            for place, piece in enumerate(arguments or ("",))
        ]

    def finish_delta(self) -> dict[str, Any]:
        """All fields are null."""
        return self.said(None, None)

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """The usage is null but in the last chunk."""
        named = chunk.named
        return {
            "id": named.id,
            "object": "chat.completion.chunk",
            "created": named.created,
            "model": named.model,
            "system_fingerprint": None,
            "choices": [self.chunk_choice(chunk)],
            "usage": chunk.usage if chunk.kind == "finish" else None,
        }

    def chunk_choice(self, chunk: Chunk) -> dict[str, Any]:
        """The delta comes first."""
        return {
            "delta": chunk.delta,
            "finish_reason": chunk.finish,
            "index": chunk.index,
            "logprobs": None,
        }

    def message(
        self, texts: Mapping[str, str | None], tools: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        """As a delta."""
        calls = [{"index": number, **tool} for number, tool in enumerate(tools or ())]
        return self.said("assistant", in_content(texts), calls or None)

    def choice(
        self, index: int, message: dict[str, Any], logprobs: Any, finish: str
    ) -> dict[str, Any]:
        """Without logprobs."""
        return {"index": index, "message": message, "finish_reason": finish}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The least that there can be."""
        return {
            **opening(named, choices),
            **({} if usage is None else {"usage": usage}),
        }

    def usage(self, prompt: int, answer: int, thought: int, *, whole: bool) -> dict[str, Any]:
        """In another order than OpenAI's, without details."""
        return {
            "prompt_tokens": prompt,
            "total_tokens": prompt + answer,
            "completion_tokens": answer,
        }


def called(number: int, id: str, name: str, arguments: str, first: bool) -> dict[str, Any]:
    """One piece of a tool call in LitServe's form."""
    return {
        "index": number,
        "id": id if first else None,
        "type": "function",
        "function": {"name": name if first else "", "arguments": arguments},
    }


class TgiChat(ChatForm):
    """TGI 3.3: the type comes first, ids are empty, the role is on every chunk, and the lines of its
    streams have no space behind the colon."""

    fields: Mapping[TextKind, str] = dict.fromkeys(("content", "reasoning", "refusal"), "content")
    opening = "never"
    spaced_lines = False

    def id(self, identity: Identity, label: str = "completion") -> str:
        """Empty."""
        return ""

    def fingerprint(self, identity: Identity) -> str:
        """The version and the kind of its image."""
        return "3.3.6-native"

    def tool_id(self, identity: Identity, label: str) -> str:
        """Nine letters or digits."""
        return identity.letters(label, 9)

    def text_delta(self, kind: TextKind, text: str) -> dict[str, Any]:
        """The role is on every one."""
        return {"role": "assistant", "content": text}

    def tool_deltas(
        self, number: int, id: str, name: str, arguments: tuple[str, ...], *, opens: bool
    ) -> list[tuple[dict[str, Any], int]]:
        """Each delta has id and type; only the first has the name."""
        header = {"index": number, "id": id, "type": "function"}
        return [
            (
                {
                    "role": "assistant",
                    "tool_calls": [
                        {
                            **header,
                            "function": {"name": None if place else name, "arguments": piece},
                        }
                    ],
                },
                1,
            )
            for place, piece in enumerate(arguments or ("",))
        ]

    def logprobs(self, found: dict[str, Any]) -> Any:
        """Without the bytes of the tokens."""
        return {"content": [without_bytes(token) for token in tokens_of(found)]}

    def finish_delta(self) -> dict[str, Any]:
        """Empty content: the token that ends the text is special and has none."""
        return {"role": "assistant", "content": ""}

    def chunk(self, chunk: Chunk) -> dict[str, Any]:
        """The usage is null but in a chunk of its own."""
        named = chunk.named
        return {
            "object": "chat.completion.chunk",
            "id": named.id,
            "created": named.created,
            "model": named.model,
            "system_fingerprint": named.fingerprint,
            "choices": [] if chunk.kind == "usage" else [self.chunk_choice(chunk)],
            "usage": chunk.usage if chunk.kind == "usage" else None,
        }

    def message(
        self, texts: Mapping[str, str | None], tools: list[dict[str, Any]] | None
    ) -> dict[str, Any]:
        """Either tools or a text."""
        if tools:
            return {"role": "assistant", "tool_calls": tools}
        return {"role": "assistant", "content": in_content(texts)}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """The type comes first."""
        return {
            "object": "chat.completion",
            "id": named.id,
            "created": named.created,
            "model": named.model,
            "system_fingerprint": named.fingerprint,
            "choices": choices,
            **({} if usage is None else {"usage": usage}),
        }

    def usage(self, prompt: int, answer: int, thought: int, *, whole: bool) -> dict[str, Any]:
        """Without details."""
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
        }


def without_bytes(token: Mapping[str, Any]) -> dict[str, Any]:
    """A token as TGI tells of it, and its alternatives."""
    said: dict[str, Any] = {"token": token["token"], "logprob": token["logprob"]}
    if "top_logprobs" in token:
        said["top_logprobs"] = [without_bytes(other) for other in token["top_logprobs"]]
    return said
