"""The scripts that have a name: the canonical text, and those of tests.

They are the same in every release, so that a truncated answer never passes for a whole one.
"""

from __future__ import annotations

from mockllm.scripts.script import Source
from mockllm.scripts.text import TextSource
from mockllm.scripts.tools import ToolsSource, tool

CANONICAL = (
    "This is a test answer from a small mock server, and it has exactly sixty words. "
    "Each word arrives as one piece, so a client can count them. "
    "If the last word is missing, the answer was cut short. "
    "Nothing here was made by a model. "
    "The same text comes back every time, on every machine, until the very end."
)
"""The answer where a profile says nothing: sixty words, sixty pieces."""

NAMED: dict[str, Source] = {
    "canonical": TextSource(text=CANONICAL),
    "text60": TextSource(text=" ".join(f"w{number:02}" for number in range(1, 61))),
    "cjk60": TextSource(
        text="天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結爲霜金生麗水玉出崑岡劍號巨闕珠稱夜光果珍李柰"
    ),
    "tools2": ToolsSource(
        tool_calls=(tool("get_weather", city="Paris"), tool("get_time", tz="UTC"))
    ),
}
