"""The answer where a profile says nothing."""

from __future__ import annotations

from mockllm.scripts.pieces import pieces
from mockllm.scripts.script import Script, Text

CANONICAL = (
    "This is a test answer from a small mock server, and it has exactly sixty words. "
    "Each word arrives as one piece, so a client can count them. "
    "If the last word is missing, the answer was cut short. "
    "Nothing here was made by a model. "
    "The same text comes back every time, on every machine, until the very end."
)
"""The canonical text: sixty words, sixty pieces, the same in every release."""


def canonical() -> Script:
    """The canonical text, for scripts that have nothing else to say to a request."""
    return Script((Text(pieces(CANONICAL)),))
