"""`vllm.tokenize` and `vllm.detokenize`: texts as tokens and back, under the dialect `vllm`.

The form is that of vLLM 0.24.0 (observed; `/detokenize` as its source has it). No model's
vocabulary is here: a token is up to three bytes of UTF-8 and its id says which, so that any text
comes back whole. The count is near that of a real vocabulary, and not that of the usage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import ClassVar

from mockllm.matchers.call import Call
from mockllm.scripts.script import Script
from mockllm.timeline.events import Message
from mockllm.wires.chat_request import messages, texts_of
from mockllm.wires.json_bytes import compact
from mockllm.wires.openai_models import MAX_MODEL_LEN
from mockllm.wires.vllm_errors import bad_request, check_fields
from mockllm.wires.vllm_server import VllmWire
from mockllm.wires.wire import Setting

SIZE = 3
"""How many bytes a token has at most."""
FIRST: tuple[int, ...] = (0, *accumulate(256**size for size in range(1, SIZE)))
"""The first id of the tokens of one byte, of two, of three."""
VOCABULARY: int = FIRST[-1] + 256**SIZE
"""How many tokens there are."""


class VllmTokenize(VllmWire):
    """POST /tokenize."""

    name: ClassVar = "vllm.tokenize"
    source: ClassVar = "vLLM 0.24.0 (observed)."
    endpoints: ClassVar = (("POST", "/tokenize"),)

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse a body without a prompt and without messages, and wrong types."""
        fields = {"model": str, "prompt": str, "messages": list, "return_token_strs": bool}
        needed = () if "messages" in call.data else ("prompt",)
        check_fields(call, "tokenize", fields, *needed)

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The tokens of the prompt, or of the texts of all messages."""
        said = (text for message in messages(call.data) for text in texts_of(message))
        text = call.data.get("prompt")
        parts = list(cut(text if isinstance(text, str) else "\n".join(said)))
        strings = [part.decode("utf-8", "replace") for part in parts]
        document = {
            "count": len(parts),
            "max_model_len": setting.context or MAX_MODEL_LEN,
            "tokens": [id_of(part) for part in parts],
            "token_strs": strings if call.data.get("return_token_strs") else None,
        }
        return self.document(compact(document), setting)


class VllmDetokenize(VllmWire):
    """POST /detokenize."""

    name: ClassVar = "vllm.detokenize"
    source: ClassVar = "vLLM 0.24.0: its source (documented)."
    endpoints: ClassVar = (("POST", "/detokenize"),)

    def check(self, call: Call, setting: Setting) -> None:
        """Refuse what is no list of known tokens."""
        check_fields(call, "detokenize", {"model": str, "tokens": list[int]}, "tokens")
        for token in tokens_of(call):
            if not 0 <= token < VOCABULARY:
                raise bad_request(f"Token id {token} is out of vocabulary")

    def answer(self, call: Call, script: Script, setting: Setting) -> tuple[Message, ...]:
        """The text."""
        return self.document(compact({"prompt": text_of(tokens_of(call))}), setting)


def cut(text: str) -> Iterator[bytes]:
    """A text in tokens, between its characters where they have room in one."""
    token = b""
    for char in text:
        data = char.encode("utf-8", "replace")
        if len(token) + len(data) > SIZE:
            if token:
                yield token
            token = b""
        token += data
        while len(token) > SIZE:
            yield token[:SIZE]
            token = token[SIZE:]
    if token:
        yield token


def id_of(token: bytes) -> int:
    """The number of a token of one to three bytes."""
    return FIRST[len(token) - 1] + int.from_bytes(token, "big")


def tokens_of(call: Call) -> list[int]:
    """The tokens of a request that has been checked; pydantic lets texts of digits pass."""
    return [int(token) for token in call.data["tokens"]]


def text_of(tokens: Iterable[int]) -> str:
    """The text of tokens by their numbers."""
    data = b""
    for token in tokens:
        size = max(size for size in range(1, SIZE + 1) if FIRST[size - 1] <= token)
        data += (token - FIRST[size - 1]).to_bytes(size, "big")
    return data.decode("utf-8", "replace")
