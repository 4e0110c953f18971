"""aimock of CopilotKit, from npm: Node.js, fixtures in JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.bench.asking import TEXT
from tests.bench.load import Bench
from tests.bench.peer import Peer, Work
from tests.bench.process import Start
from tests.parts.installed import program

TOOL = {"name": "get_weather", "arguments": '{"city":"Paris"}'}


def fixtures(pace: float) -> str:
    """What it answers, paced where a pace is given."""
    timing = {"ttft": pace, "tps": 1000 / pace, "jitter": 0} if pace else None
    more: dict[str, Any] = {"streamingProfile": timing} if timing else {}
    text = {"match": {}, "response": {"content": TEXT}, **more}
    tool = {"match": {"userMessage": "call a tool"}, "response": {"toolCalls": [TOOL]}, **more}
    return json.dumps({"fixtures": [tool, text]})


def start(bench: Bench, work: Work, pace: float) -> Start:
    """The server with metrics on; four characters are a chunk."""
    path = str(bench.file(f"aimock{pace:g}.json", fixtures(pace)))
    options = ["-c", "4", "--log-level", "silent", "--metrics", "-f", path]
    return lambda port: ["node", str(program("aimock")), "-p", str(port), *options]


PEER = Peer(
    "aimock",
    "aimock from npm, metrics on",
    frozenset({"whole", "stream", "paced", "tools", "responses", "prompt"}),
    start,
    part="aimock",
)
