"""How servers write text completions (`/v1/completions`): which fields, in which order.

`TextForm` writes as OpenAI's examples do (documented). vLLM 0.24.0 is observed; Azure puts the keys
of every object in alphabetical order, as in its chat completions (documented there).
"""

from __future__ import annotations

from typing import Any

from mockllm.wires.chat_form import Named, Options
from mockllm.wires.chat_forms import PROMPT_CHUNK, PROMPT_FILTER_RESULTS, SAFE, VLLM_FINGERPRINT
from mockllm.wires.identity import Identity
from mockllm.wires.json_bytes import in_order


class TextForm:
    """OpenAI's own form."""

    def id(self, identity: Identity) -> str:
        """`cmpl-` and 29 letters or digits."""
        return "cmpl-" + identity.letters("completion", 29)

    def fingerprint(self, identity: Identity) -> str:
        """`fp_` and ten hexadecimal digits."""
        return "fp_" + identity.hexadecimal("fingerprint", 10)

    def preamble(self) -> tuple[dict[str, Any], ...]:
        """What comes ahead of all chunks."""
        return ()

    def chunk(
        self, named: Named, options: Options, choice: dict[str, Any] | None, usage: Any = None
    ) -> dict[str, Any]:
        """A chunk with a choice, or without one the chunk of the usage."""
        return {
            "id": named.id,
            "object": "text_completion",
            "created": named.created,
            "choices": [] if choice is None else [choice],
            "model": named.model,
            "system_fingerprint": named.fingerprint,
            **({"usage": usage if choice is None else None} if options.usage else {}),
        }

    def choice(
        self, index: int, text: str, logprobs: Any, finish: str | None, *, whole: bool
    ) -> dict[str, Any]:
        """A choice of a whole completion or of a chunk."""
        return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": finish}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """A whole completion; None for the usage of a script that has none."""
        return {
            "id": named.id,
            "object": "text_completion",
            "created": named.created,
            "model": named.model,
            "system_fingerprint": named.fingerprint,
            "choices": choices,
            **({} if usage is None else {"usage": usage}),
        }

    def usage(self, prompt: int, answer: int, *, whole: bool) -> dict[str, Any]:
        """The tokens of the prompts and of the answers."""
        return {
            "prompt_tokens": prompt,
            "completion_tokens": answer,
            "total_tokens": prompt + answer,
        }


class AzureText(TextForm):
    """Azure OpenAI: OpenAI's fields in order, and what the content filters found."""

    def preamble(self) -> tuple[dict[str, Any], ...]:
        """The chunk that tells of the prompt."""
        return (PROMPT_CHUNK,)

    def chunk(
        self, named: Named, options: Options, choice: dict[str, Any] | None, usage: Any = None
    ) -> dict[str, Any]:
        """OpenAI's chunk, in order."""
        return in_order(super().chunk(named, options, choice, usage))  # type: ignore[no-any-return]

    def choice(
        self, index: int, text: str, logprobs: Any, finish: str | None, *, whole: bool
    ) -> dict[str, Any]:
        """Text comes with what the filter found in it."""
        choice = super().choice(index, text, logprobs, finish, whole=whole)
        return {"content_filter_results": SAFE if text else {}, **choice}

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """OpenAI's document, in order but for the results of the prompt's filter."""
        document = {**super().document(named, choices, usage), "prompt_filter_results": None}
        return {**in_order(document), "prompt_filter_results": PROMPT_FILTER_RESULTS}


class VllmText(TextForm):
    """vLLM 0.24.0, and KServe's model server, which passes its chunks on."""

    def id(self, identity: Identity) -> str:
        """`cmpl-` and 16 hexadecimal digits."""
        return "cmpl-" + identity.hexadecimal("completion", 16)

    def fingerprint(self, identity: Identity) -> str:
        """The version, and eight hexadecimal digits that depend on its configuration."""
        return VLLM_FINGERPRINT

    def chunk(
        self, named: Named, options: Options, choice: dict[str, Any] | None, usage: Any = None
    ) -> dict[str, Any]:
        """The usage stands only where it is wanted in every chunk, or in a chunk of its own."""
        counted = options.each_usage or choice is None
        return {
            "id": named.id,
            "object": "text_completion",
            "created": named.created,
            "model": named.model,
            "choices": [] if choice is None else [choice],
            **({"usage": usage} if counted else {}),
            **({"system_fingerprint": named.fingerprint} if choice is None else {}),
        }

    def choice(
        self, index: int, text: str, logprobs: Any, finish: str | None, *, whole: bool
    ) -> dict[str, Any]:
        """OpenAI's choice and vLLM's own fields."""
        choice = {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish}
        if not whole:
            return {**choice, "stop_reason": None, "prompt_token_ids": None, "token_ids": None}
        return {
            **choice,
            "stop_reason": None,
            "token_ids": None,
            "prompt_logprobs": None,
            "prompt_token_ids": None,
            "routed_experts": None,
        }

    def document(
        self, named: Named, choices: list[dict[str, Any]], usage: dict[str, Any] | None
    ) -> dict[str, Any]:
        """OpenAI's document and vLLM's own fields."""
        return {
            "id": named.id,
            "object": "text_completion",
            "created": named.created,
            "model": named.model,
            "choices": choices,
            "service_tier": None,
            "system_fingerprint": named.fingerprint,
            **({} if usage is None else {"usage": usage}),
            "kv_transfer_params": None,
        }

    def usage(self, prompt: int, answer: int, *, whole: bool) -> dict[str, Any]:
        """In another order than OpenAI's."""
        return {
            "prompt_tokens": prompt,
            "total_tokens": prompt + answer,
            "completion_tokens": answer,
            **({"prompt_tokens_details": None} if whole else {}),
        }


OPENAI_TEXT = TextForm()
