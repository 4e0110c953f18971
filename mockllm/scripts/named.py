"""The scripts that have a name: the canonical text, and those of tests.

They are the same in every release, so that a truncated answer never passes for a whole one.
"""

from __future__ import annotations

from mockllm.scripts.canonical import CANONICAL as CANONICAL
from mockllm.scripts.echo import EchoSource
from mockllm.scripts.refusal import RefusalSource
from mockllm.scripts.script import Source
from mockllm.scripts.text import TextSource
from mockllm.scripts.tools import ToolsSource, tool


def numbered(letter: str) -> str:
    """Sixty words: `w01` to `w60`."""
    return " ".join(f"{letter}{number:02}" for number in range(1, 61))


NAMED: dict[str, Source] = {
    "canonical": TextSource(text=CANONICAL),
    "text60": TextSource(text=numbered("w")),
    "cjk60": TextSource(
        text="天地玄黃宇宙洪荒日月盈昃辰宿列張寒來暑往秋收冬藏閏餘成歲律呂調陽雲騰致雨露結爲霜金生麗水玉出崑岡劍號巨闕珠稱夜光果珍李柰"
    ),
    "tools2": ToolsSource(
        tool_calls=(tool("get_weather", city="Paris"), tool("get_time", tz="UTC"))
    ),
    "reasoning60": TextSource(text=numbered("w"), reasoning=numbered("r")),
    "refusal60": RefusalSource(refusal=numbered("r")),
    "echo": EchoSource.model_validate({"echo": None}),
}
