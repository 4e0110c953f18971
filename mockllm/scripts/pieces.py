"""How text is cut into pieces: one piece is one token of usage and one frame of a stream."""

from __future__ import annotations

import re
from itertools import pairwise

WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
"""CJK punctuation, kana, ideographs, Hangul and full-width forms: written without spaces."""
LONGEST = 24
PIECE = re.compile(rf"\s*[{WIDE}]|\s*[^\s{WIDE}]{{1,{LONGEST}}}|\s+$")


def pieces(text: str) -> tuple[str, ...]:
    """The text in pieces that join to it exactly: words with the space before them.

    Scripts that are written without spaces give one piece a character; a run of more than 24
    characters is cut.
    """
    return tuple(PIECE.findall(text))


def split_evenly(text: str, count: int) -> tuple[str, ...]:
    """The text in so many pieces of nearly equal length (fewer if it is shorter)."""
    count = max(1, min(count, len(text)))
    bounds = [len(text) * index // count for index in range(count + 1)]
    return tuple(text[start:stop] for start, stop in pairwise(bounds))
