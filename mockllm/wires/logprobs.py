"""Log probabilities of tokens, as OpenAI's chat completions show them.

The form is that of a capture of 2024-09 (documented). The numbers are made up; a piece is a token,
and it is the likeliest of the alternatives.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mockllm.scripts.script import Text, ToolCall
from mockllm.wires.identity import Identity

OTHERS = (
    " the", " a", " of", " and", " to", " in", " is", " that", " it", " as", " for", " was", " on",
    " are", " with", " be", " by", " at", " this", " or",
)  # fmt: skip
"""What the model might have said instead."""
MOST = 20
"""The most alternatives that a client may ask for."""


@dataclass(frozen=True, slots=True)
class Logprobs:
    """Makes the probabilities of one reply's tokens."""

    identity: Identity
    top: int

    def token(self, piece: str) -> dict[str, Any]:
        """The entry of one piece, with the alternatives that were asked for."""
        chance = -self.identity.number(f"logprob/{piece}", 500_000) / 1_000_000
        own = entry(piece, chance)
        others = [other for other in OTHERS if other != piece][: max(0, min(self.top, MOST) - 1)]
        tops = [entry(other, chance - number) for number, other in enumerate(others, 1)]
        return {**own, "top_logprobs": [own, *tops] if self.top > 0 else []}

    def of_parts(self, parts: Iterable[Text | ToolCall]) -> dict[str, Any] | None:
        """The probabilities of a whole answer; null for one of tools alone."""
        texts = [part for part in parts if isinstance(part, Text)]
        if not texts:
            return None
        found: dict[str, Any] = {"content": None, "refusal": None}
        for part in texts:
            if part.kind != "reasoning":
                found[part.kind] = (found[part.kind] or []) + [*map(self.token, part.pieces)]
        return found

    def of_piece(self, piece: str, kind: str) -> dict[str, Any]:
        """The probabilities of one chunk."""
        return {"content": None, "refusal": None, kind: [self.token(piece)]}


def entry(piece: str, logprob: float) -> dict[str, Any]:
    """A token and how likely it was."""
    data = piece.encode("utf-8", "replace")
    return {"token": piece, "logprob": round(logprob, 7), "bytes": list(data)}
